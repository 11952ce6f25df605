"""Text mode's characters: ligatures, accents, control symbols, character codes, marks above the line."""

import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING

from preprocess.latex.rendering import columns
from preprocess.latex.rendering.formulas import display, write_inline
from preprocess.latex.rendering.plain_tex import tabbed_row
from preprocess.latex.scan import skip_line_space, unguard
from preprocess.latex.tables import COMBINING

if TYPE_CHECKING:
    from preprocess.latex.render import Handler, Renderer

_ROW_END = re.compile(
    r"\*?[ \t]*(?:\[[-+\d.\s]{0,40}(?:true\s{0,9})?(?:pt|cm|mm|in|em|ex|pc|bp|dd|cc|sp|\\[a-z]+)[^\]]{0,80}\])?[ \t]*(?:\n(?![ \t]*\n))?"
)
_CHARACTER_CODE = re.compile(r"\s*(?:=?\s*(\d{1,3})|`\\?(.)|\"([0-9A-F]{2})|'([0-7]{3}))")
_GERMAN = re.compile(
    r"\[[^\]]{0,200}\bn?(?:german|austrian|naustrian|swissgerman)\b[^\]]{0,200}\]\s*\{(?:babel|article|report|book|scr\w+|amsart)\}|\{n?german\}"
)
_CYRILLIC = re.compile(r"\[[^\]]*\b(?:russian|ukrainian|bulgarian|belarusian)\b[^\]]*\]\s*\{babel\}")
_SHORTHAND = re.compile(r"\"(--[-~*]|[aeiouAEIOUsSz'`<>=~|-])")
_UMLAUTS = dict(zip("aouAOU", "äöüÄÖÜ", strict=True))
_SHORTHANDS = _UMLAUTS | {"s": "ß", "z": "ß", "S": "SS", "'": "“", "`": "„", "=": "-", "~": "-", "-": "", "|": "", "<": "«", ">": "»"}
_CYRILLIC_SHORTHANDS = {
    "<": "«", ">": "»", "`": "„", "'": "“", "---": "—", "--~": "—", "--*": "—", "=": "-", "~": "-", "-": "", "|": "",
}  # fmt: skip
_DUTCH = re.compile(r"\\(?:usepackage|documentclass)\s*\[[^\]]{0,400}\bdutch\b")
_DUTCH_SHORTHANDS = {
    **{letter: unicodedata.normalize("NFC", f"{letter}\u0308") for letter in "aeiouAEIOU"},
    "-": "", "|": "", "=": "-", "~": "-", "`": "„", "'": "”",
}  # fmt: skip
_TIED = ("t", "b", "h")  # accents that other packages' commands may be called
_ACCENT_CODE = re.compile(r"\s*(?:(\d{1,3})|\"([0-9A-F]{2})|'([0-7]{2,3})) ?")
_ACCENTS_BY_CODE = {
    18: "`", 19: "'", 20: "v", 21: "u", 22: "=", 23: "r", 24: "c", 94: "^", 95: ".", 125: "H", 126: "~", 127: '"',
}  # fmt: skip
_NO_CASE = re.compile(r"(\$[^$]*\$|\[(?:cite|ref):\d+\]|\\\[.*?\\\])", re.S)
_DINGBATS = {37: "☎", 42: "☛", 43: "☞", 72: "★", 108: "●", 110: "■", 115: "▲", 116: "▼", 117: "◆", 119: "◗", 168: "♣", 169: "♦", 170: "♥",
             171: "♠", 213: "→", 214: "↔", 215: "↕"}  # fmt: skip
_LETTERS = re.compile(r"[^\W\d_]{2}")
_ORDINAL = re.compile(r"\s*\{\s*(\d{1,9})\s*\}")
_TYPED_GROUP = re.compile(r"\s*\{[^{}$]*\}")
_TYPED_RUN = re.compile(r"[^{}$\\]*")
_IDEOGRAPH = "\u3001-\u30ff\u3400-\u9fff\uff01-\uff60\U00020000-\U0003ffff"  # and kana, and their punctuation
_LINE_END_OF_IDEOGRAPHS = re.compile(rf"(?<=[{_IDEOGRAPH}])[ \t]*\n[ \t]*(?=[{_IDEOGRAPH}])")


def babel_shorthands(preamble: str) -> Mapping[str, str]:
    """What a preamble makes of `"` and the character behind it: nothing, or what German or Russian has."""
    if _GERMAN.search(preamble) is not None:
        return _SHORTHANDS
    if _CYRILLIC.search(preamble) is not None:
        return _CYRILLIC_SHORTHANDS
    if _DUTCH.search(preamble) is not None:
        return _DUTCH_SHORTHANDS
    return {}


def run(text: str, shorthands: Mapping[str, str]) -> str:
    """A run of plain characters: line ends are blanks but between ideographs, TeX's ligatures are what they print."""
    if shorthands and '"' in text:
        text = _SHORTHAND.sub(lambda found: shorthands.get(found[1], found[0]), text)
    if "\n" in text:
        if not text.isascii():
            text = _LINE_END_OF_IDEOGRAPHS.sub("", text)
        text = text.replace("\n", " ")
    if "`" in text:
        text = text.replace("?`", "¿").replace("!`", "¡").replace("``", "“").replace("`", "‘")
    if "'" in text:
        text = text.replace("''", "”").replace("'", "’")
    if "--" in text:
        text = text.replace("---", "—").replace("--", "–")
    if "\x01" in text:
        text = text.replace("\x01", "")
    return text


def control_symbol(renderer: "Renderer", text: str, end: int, character: str, out: list[str]) -> int:
    """What follows a backslash and is no letter: row ends, formulas, accents, characters that TeX keeps for itself."""
    if character == "\\":
        row_end = _ROW_END.match(text, end)
        columns.end_row(renderer)
        out.append("\n")
        return row_end.end() if row_end else end
    if character in "([":
        closing = "\\)" if character == "(" else "\\]"
        stop = renderer.scan.closing_command(text, closing, end)
        if stop < 0:
            return end
        content = text[end:stop]
        if character == "(":
            write_inline(renderer, content, out)
        else:
            out.append(display(renderer, content))
        return stop + 2
    if character in ")]":
        return end
    if character in "=>'`+-<" and renderer.tabbing_depth:
        out.append(" ")
        return end
    if character in COMBINING:
        after = _accent(renderer, text, end, character, out)
        return after if after >= 0 else end
    if character == "+" and (after := tabbed_row(renderer, text, end, out)) >= 0:
        return after
    if character == "@" and text[end : end + 1].isalnum() and out and out[-1][-1:].isalnum():
        out.append("@")  # AmS-TeX's, in addresses
        return end
    if character in "-/!@+*<>|0":  # \0 is a digit's width of iopart's tables
        return end
    if character == "$":
        out.append("\\$")
    elif character == ";" and renderer.algorithm_depth:
        out.append("\n")
    elif character in " \n\t,;:":
        out.append(" ")
    else:
        out.append(character)
    return end


def _accent(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    position = skip_line_space(text, end) if name.isalpha() else end
    if name.isalpha() and position == end and text[end : end + 1].isalpha():
        return -1
    given = renderer.scan.argument(text, position)
    if given is None:
        return -1
    content, after = given
    content = content.strip()
    if content in ("$", "&", "~"):
        return end
    if content.startswith("\\") and text[after - 1] != "}":
        after = skip_line_space(text, after)
    if content.startswith("\\"):
        base = {"i": "i", "j": "j"}.get(content[1:].rstrip("{} "), renderer.symbols.get(content[1:].rstrip("{} "), ""))
        if not base:
            base = renderer.inline(content)
    else:
        base = content if "$" not in content else renderer.inline(content)
    if not base:
        out.append("" if name not in "^~" else name)
        return after
    base = unicodedata.normalize("NFC", base)  # an accent over an accented letter: Vietnamese
    out.append(base[0] + COMBINING[name] + base[1:] if base[0].isalpha() else base)
    return after


def _tied_accent(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    return _accent(renderer, text, end, name, out) if text[end : end + 1] == "{" else -1


def symbol(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """A command without arguments that is one character or a short word."""
    out.append(renderer.symbols[name])
    return skip_line_space(text, end)


def _verb(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """`\\verb` as the expansion leaves it, its code between two marks."""
    closing = text.find("\x01", end + 1) if text[end : end + 1] == "\x01" else -1
    if closing < 0:
        return -1
    content = unguard(text[end + 1 : closing])
    out.append(f"`{content}`" if "`" not in content else f"`` {content} ``")
    return closing + 1


def _symbol_text(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    if name == "symbol":
        given = renderer.scan.argument(text, end)
        if given is None or not (code_point := given[0].strip()).isdecimal() or len(code_point) > 4:
            return end
        code, after = int(code_point), given[1]
    else:
        found = _CHARACTER_CODE.match(text, end)
        if found is None:
            return end
        after = found.end()
        code = ord(found[2]) if found[2] else int(found[1] or found[3] or found[4], 10 if found[1] else 16 if found[3] else 8)
    character = chr(code) if 32 <= code < 127 else ""
    out.append({"\\": "\\textbackslash{}", "$": "\\$"}.get(character, character))
    return after


def _superscript(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """A mark of an affiliation or of a table's note, as a formula; what is a word (`1\\textsuperscript{st}`) as one."""
    found = renderer.scan.group(text, end)
    if found is None:
        return -1
    content = renderer.inline(found[0])
    if name == "textsuperscript" and (_LETTERS.search(content) or "$" in content):
        out.append(content)
    elif content:
        out.append(f"$^{{{content}}}$" if "$" not in content else content)
    return found[1]


def _marked_text(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    end = _superscript(renderer, text, end, "mark", out)
    found = renderer.scan.group(text, end) if end > 0 else None
    if found is None:
        return end
    out.append(renderer.inline(found[0]))
    return found[1]


def _numbered_accent(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """TeX's `\\accent19 e`, by the places of Computer Modern."""
    found = _ACCENT_CODE.match(text, end)
    if found is None:
        return -1
    code = int(found[1] or found[2] or found[3], 10 if found[1] else 16 if found[2] else 8)
    accent = _ACCENTS_BY_CODE.get(code)
    after = _accent(renderer, text, found.end(), accent, out) if accent is not None and text[found.end() : found.end() + 1] != " " else -1
    return after if after >= 0 else found.end()


def _dingbat(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """pifont's `\\ding{51}`: ✓."""
    found = renderer.scan.group(text, end)
    if found is None or not found[0].strip().isdecimal() or len(found[0]) > 5:
        return -1
    code = int(found[0])
    if 172 <= code <= 181:
        shown = chr(0x2460 + code - 172)
    elif code in _DINGBATS or 33 <= code <= 126:
        shown = _DINGBATS.get(code) or chr(0x2700 + code - 32)
    else:
        shown = chr(0x2700 + code - 64) if 161 <= code <= 254 else ""
    out.append(shown)
    return found[1]


def _case(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """`\\MakeUppercase{text $x$}` → `TEXT $x$`."""
    found = renderer.scan.argument(text, end)
    if found is None:
        return -1
    parts = _NO_CASE.split(renderer.inline(found[0]) if len(found[0]) < 20_000 else renderer.render(found[0]))
    for index in range(0, len(parts), 2):
        parts[index] = parts[index].upper() if "pper" in name else parts[index].lower()
    out.append("".join(parts))
    return found[1]


def _quoted(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """csquotes: quotes in quotes are single, the source of a quote stands after it."""
    is_inner = text[end - 1] == "*" or renderer.quote_depth % 2 == 1
    sources: list[str] = []
    while name != "enquote" and (source := renderer.scan.optional_argument(text, end)) is not None:
        sources.append(source[0])
        end = source[1]
    given, after = renderer.arguments(text, end, "mm" if name.startswith("foreign") else "m")
    if not given:
        return -1
    renderer.quote_depth += 1
    content = renderer.inline(given[-1] or "")
    renderer.quote_depth -= 1
    out.append(f"‘{content}’" if is_inner else f"“{content}”")
    if sources and (shown := renderer.inline(sources[0])):
        out.append(f" {shown}" if shown.startswith(("[", "(")) else f" ({shown})")
    return after


def _typewriter(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """Typewriter type joins no hyphens: `\\texttt{--help}` → `--help`."""
    start = end if name == "texttt" else skip_line_space(text, end)
    found = (_TYPED_GROUP if name == "texttt" else _TYPED_RUN).match(text, start)
    if found is None or "--" not in found[0]:
        return -1
    out.append(renderer.render(found[0].replace("-", "-\x01")))
    return found.end()


def _ordinal(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """`\\nth{22}` of the packages nth and fmtcount → `22nd`."""
    found = _ORDINAL.match(text, end)
    if found is None:
        return -1
    number = found[1]
    suffix = "th" if number[-2:-1] == "1" else {"1": "st", "2": "nd", "3": "rd"}.get(number[-1], "th")
    out.append(number + suffix)
    return found.end()


def _url(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    found = renderer.scan.argument(text, end)
    if found is None:
        return -1
    out.append(re.sub(r"\\([%#&_~$])", r"\1", found[0]).replace("\\", "").replace("$", "\\$").strip())
    return found[1]


ACCENTS: dict[str, "Handler"] = {
    **dict.fromkeys((name for name in COMBINING if name.isalpha() and name not in (*_TIED, "C", "G", "U")), _accent),
    **dict.fromkeys(_TIED, _tied_accent),
}
COMMANDS: dict[str, "Handler"] = {
    "verb": _verb,
    **dict.fromkeys(("char", "symbol"), _symbol_text),
    **dict.fromkeys(("inst", "altaffilmark", "affilmark", "tablenotemark", "tnote", "textsuperscript"), _superscript),
    **dict.fromkeys(("altaffiltext", "tablenotetext"), _marked_text),
    "accent": _numbered_accent,
    "ding": _dingbat,
    **dict.fromkeys(("MakeUppercase", "MakeTextUppercase", "uppercase", "MakeLowercase", "MakeTextLowercase", "lowercase"), _case),
    **dict.fromkeys(("enquote", "textquote", "blockquote", "foreignquote", "foreignblockquote"), _quoted),
    **dict.fromkeys(("nth", "ordinalnum"), _ordinal),
    **dict.fromkeys(("texttt", "tt", "ttfamily"), _typewriter),
    **dict.fromkeys(("url", "path", "nolinkurl", "doi"), _url),
}
