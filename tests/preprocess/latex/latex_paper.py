"""Runs sources that stand in a test through the converter: decode to normalise."""

from preprocess.config import Config, LatexConfig, NormaliseConfig
from preprocess.latex.paper import extract_latex
from preprocess.records import ExtractedPaper, Rejection, SourceTree
from preprocess.stages.normalise import normalise

CONFIG = Config()


def extract(files: dict[str, str | bytes], config: LatexConfig = CONFIG.latex) -> ExtractedPaper | Rejection:
    packed = {name: content.encode() if isinstance(content, str) else content for name, content in files.items()}
    return extract_latex(SourceTree(arxiv_id="2401.00001", files=packed), config)


def paper(files: dict[str, str | bytes], config: LatexConfig = CONFIG.latex) -> ExtractedPaper:
    extracted = extract(files, config)
    assert isinstance(extracted, ExtractedPaper), extracted
    return extracted


def text_of(files: dict[str, str | bytes], config: LatexConfig = CONFIG.latex) -> str:
    return normalise(paper(files, config).text, NormaliseConfig())


def body(source: str, preamble: str = "", config: LatexConfig = CONFIG.latex) -> str:
    """The text of an article whose body is `source`, without its last line end."""
    return text_of({"main.tex": document(source, preamble)}, config).rstrip("\n")


def document(source: str, preamble: str = "") -> str:
    return f"\\documentclass{{article}}\n{preamble}\n\\begin{{document}}\n{source}\n\\end{{document}}\n"
