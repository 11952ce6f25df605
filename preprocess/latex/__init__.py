"""LaTeX read without TeX: lexer, macro expansion, rendering to the text grammar."""
