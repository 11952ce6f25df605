"""SourceTree → texts: bytes of the TeX-like files to Unicode, each fallback counted (the paper's section 3, "normalisation").

b"\\usepackage[latin1]{inputenc} Caf\\xe9" → "… Café", {"encoding_declared": 1}
"""

import codecs
import re
from collections import Counter
from collections.abc import Mapping

from preprocess.latex.encodings import declared_encoding, detect, split_by_encoding
from preprocess.latex.trace import Trace

TEX_SUFFIXES = (
    ".tex",
    ".ltx",
    ".latex",
    ".sty",
    ".cls",
    ".txt",
    ".inp",
    ".bbl",
    ".def",
    ".tikz",
    ".clo",
    ".cfg",
    ".mac",
    ".macros",
    ".ams",
)
_SKIPPED_SUFFIXES = re.compile(
    r"\.(?:eps|ps|pdf|png|jpe?g|gif|svg|tiff?|bmp|fig|mp|bib|bst|log|aux|out|toc|lof|lot|zip|gz|tgz|dvi|html?|xml|json|ya?ml|csv|dat|py|m|c|cpp|h|f|"
    r"nb|xlsx?|docx?|pptx?|ttf|otf|pfb|afm|tfm|sh|md|js|css|synctex|fls|fdb_latexmk|blg|ist|dtx|ins|bcf|pgf|r|jl|pl|rb|gnu|plt|bak|orig|sav|swp)$",
    re.I,
)

_CONTROLS = dict.fromkeys((*range(9), *range(14, 32), 127)) | {0x0B: " ", 0x0C: "\n\n"}
_NO_TEXT = bytes((*range(1, 8), *range(14, 27)))
# the converter uses some of them as marks of its own


_JUDGED_BYTES = 1 << 20  # from the beginning, by which a piece is told to be UTF-8 with some damage


def is_tex_name(name: str) -> bool:
    """Whether a file of that name may hold TeX: by its ending, or by having none that says otherwise.

    What editors and systems leave beside a file may not.
    """
    folders, _, base = name.lower().rpartition("/")
    if base.startswith((".", "#")) or base.endswith("~") or "__macosx" in folders or "/." in f"/{folders}":
        return False
    if base.endswith(TEX_SUFFIXES):
        return True
    return not _SKIPPED_SUFFIXES.search(base) and not base.startswith(("makefile", "readme", "00readme", "license", "copying"))


def decode(files: Mapping[str, bytes], trace: Trace | None = None) -> tuple[dict[str, str], Counter[str]]:
    """The texts of the files that may hold TeX, line ends as `\\n`, and what was unusual by kind."""
    warnings: Counter[str] = Counter()
    texts: dict[str, str] = {}
    wanted = {name: content for name, content in files.items() if is_tex_name(name) and not name.startswith("anc/")}
    if not wanted:
        wanted = {name: content for name, content in files.items() if not name.startswith("anc/") and len(files) == 1}
    of_files = {name: declared_encoding(content) for name, content in wanted.items()}
    of_paper = next(filter(None, of_files.values()), None)
    for name, content in wanted.items():
        if not content:
            continue
        own: Counter[str] = Counter()
        encodings: list[str] = []
        text = decode_text(content, of_files[name] or of_paper, own, encodings)
        warnings += own
        if trace is not None:
            for kind in own:
                trace.note(kind, name, 0, ", ".join(encodings) if kind in ("encoding_declared", "encoding_detected") else "")
        if text is not None:
            texts[name] = text
    return texts, warnings


def decode_text(content: bytes, declared: str | None, warnings: Counter[str], encodings: list[str] | None = None) -> str | None:
    """One file's text; None for what is no text at all. Counts each fallback in `warnings`; `encodings` is given those that were used."""
    text: str | None = None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = content.decode("utf-16", "replace")
        warnings["encoding_utf16"] += 1
    elif (wide := _utf16_without_mark(content)) is not None:
        text = content.decode(wide, "replace")
        warnings["encoding_utf16"] += 1
    elif content.startswith(codecs.BOM_UTF8):
        content = content[3:]
    if text is None:
        head = content[:8192]
        num_controls = len(head) - len(head.translate(None, _NO_TEXT))
        if num_controls > len(head) // 20:
            warnings["binary_file"] += 1
            return None
        text = _decode_bytes(content, declared, warnings, encodings if encodings is not None else [])
    if "\0" in text:
        warnings["nul_characters"] += 1
        text = text.replace("\0", "")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.translate(_CONTROLS)


def _utf16_without_mark(content: bytes) -> str | None:
    """The byte order where every other byte of the beginning is mostly 0: TeX is mostly ASCII."""
    head = content[:400]
    for encoding, zeros, letters in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
        if len(zeros) >= 4 and zeros.count(0) > len(zeros) // 2 and letters.count(0) == 0:
            return encoding
    return None


def _decode_bytes(content: bytes, declared: str | None, warnings: Counter[str], encodings: list[str]) -> str:
    if b"\x1b$" not in content:
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            pass
    pieces = split_by_encoding(content, declared)
    return "".join([_decode_piece(piece, stated, len(pieces) > 1, warnings, encodings) for piece, stated in pieces])


def _decode_piece(content: bytes, stated: str | None, is_switched: bool, warnings: Counter[str], encodings: list[str]) -> str:
    """What stands between two switches of encoding, read as it says; where it says nothing, as damaged UTF-8 or as it looks."""
    if content.isascii() and b"\x1b$" not in content:
        return content.decode("ascii")
    if not is_switched or stated in (None, "utf_8"):
        head = content[:_JUDGED_BYTES].decode("utf-8", "replace")
        num_bad = head.count("�")
        num_good = sum(character > "\x7f" for character in head) - num_bad
        if num_good > 4 * num_bad and b"\x1b$" not in content:
            repaired = content.decode("utf-8", "replace")
            if "�" in repaired:
                warnings["encoding_utf8_damaged"] += 1
            return repaired
    kind = "encoding_detected"
    if stated is None or stated == "utf_8":
        stated = detect(content)
    else:
        kind = "encoding_declared"
    warnings[kind] = 1  # once a file, whatever its number of pieces
    if stated not in encodings:
        encodings.append(stated)
    if stated == "cp1252" and not _could_be_cp1252(content):
        return content.decode("latin-1")
    return content.decode(stated, "replace")


def _could_be_cp1252(content: bytes) -> bool:
    return not any(byte in content for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D))
