"""SourceTree → texts: bytes of the TeX-like files to Unicode, each fallback counted (the paper's section 3, "normalisation").

b"\\usepackage[latin1]{inputenc} Caf\\xe9" → "… Café", {"encoding_declared": 1}
"""

import codecs
import re
from collections import Counter
from collections.abc import Mapping

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
    r"nb|xlsx?|docx?|pptx?|ttf|otf|pfb|afm|tfm|sh|md|js|css|synctex|fls|fdb_latexmk|blg|ist|dtx|ins|bcf|pgf|r|jl|pl|rb|gnu|plt)$",
    re.I,
)
_DECLARED = re.compile(
    rb"\\(?:usepackage|RequirePackage)\s*\[([^\]]*)\]\s*\{[^}]*inputenc[^}]*\}|\\inputencoding\s*\{([^}]*)\}|%[^\n]{0,200}?coding[:=]\s*([-\w]+)|\\usepackage\s*\[(latin\d+|utf8|cp125\d|ansinew|applemac)\]"
)
_ENCODINGS = {
    "latin1": "cp1252",
    "ansinew": "cp1252",
    "cp1252": "cp1252",
    "iso-8859-1": "cp1252",
    "latin9": "iso8859_15",
    "latin2": "iso8859_2",
    "latin3": "iso8859_3",
    "latin4": "iso8859_4",
    "latin5": "iso8859_9",
    "latin10": "iso8859_16",
    "cp1250": "cp1250",
    "cp1251": "cp1251",
    "cp866": "cp866",
    "koi8-r": "koi8_r",
    "koi8-u": "koi8_u",
    "iso88595": "iso8859_5",
    "applemac": "mac_roman",
    "macce": "mac_latin2",
    "cp437": "cp437",
    "cp850": "cp850",
    "cp852": "cp852",
    "next": "latin_1",
    "utf8": "utf_8",
    "utf8x": "utf_8",
    "utf-8": "utf_8",
}


_CONTROLS = dict.fromkeys((*range(9), *range(14, 32), 127)) | {0x0B: " ", 0x0C: "\n\n"}
# the converter uses some of them as marks of its own


def is_tex_name(name: str) -> bool:
    """Whether a file of that name may hold TeX: by its ending, or by having none that says otherwise."""
    base = name.rsplit("/", 1)[-1].lower()
    if base.endswith(TEX_SUFFIXES):
        return True
    return not _SKIPPED_SUFFIXES.search(base) and not base.startswith((".", "makefile", "readme", "00readme", "license", "copying"))


def decode(files: Mapping[str, bytes], trace: Trace | None = None) -> tuple[dict[str, str], Counter[str]]:
    """The texts of the files that may hold TeX, line ends as `\\n`, and what was unusual by kind."""
    warnings: Counter[str] = Counter()
    texts: dict[str, str] = {}
    wanted = {name: content for name, content in files.items() if is_tex_name(name) and not name.startswith("anc/")}
    if not wanted:
        wanted = {name: content for name, content in files.items() if not name.startswith("anc/") and len(files) == 1}
    declared = _declared_encoding(wanted)
    for name, content in wanted.items():
        if not content:
            continue
        own: Counter[str] = Counter()
        text = decode_text(content, declared, own)
        warnings += own
        if trace is not None:
            for kind in own:
                trace.note(kind, name, 0, declared or "" if kind == "encoding_declared" else "")
        if text is not None:
            texts[name] = text
    return texts, warnings


def _declared_encoding(files: Mapping[str, bytes]) -> str | None:
    for content in files.values():
        for found in _DECLARED.finditer(content[:65536]):
            for option in (found[1] or found[2] or found[3] or found[4] or b"").decode("ascii", "replace").split(","):
                if (encoding := _ENCODINGS.get(option.strip().lower())) and encoding != "utf_8":
                    return encoding
    return None


def decode_text(content: bytes, declared: str | None, warnings: Counter[str]) -> str | None:
    """One file's text; None for what is no text at all. Counts each fallback in `warnings`."""
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
        num_controls = sum(content[:8192].count(bytes([byte])) for byte in (*range(1, 8), *range(14, 27)))
        if num_controls > len(content[:8192]) // 20:
            warnings["binary_file"] += 1
            return None
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            text = _decode_legacy(content, declared, warnings)
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


def _decode_legacy(content: bytes, declared: str | None, warnings: Counter[str]) -> str:
    if declared is not None:
        warnings["encoding_declared"] += 1
        return content.decode(declared, "replace")
    repaired = content.decode("utf-8", "replace")
    num_bad = repaired.count("�")
    num_good = sum(character > "\x7f" for character in repaired) - num_bad
    if num_good > 4 * num_bad:
        warnings["encoding_utf8_damaged"] += 1
        return repaired
    warnings["encoding_detected"] += 1
    return content.decode("cp1252", "replace") if _could_be_cp1252(content) else content.decode("latin-1")


def _could_be_cp1252(content: bytes) -> bool:
    return not any(byte in content for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D))
