"""What the expansion knows, by topic: each file has functions `(expander, frame, name, start) → bool` and a table `HANDLERS` of them."""
