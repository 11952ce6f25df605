"""Bytes that are no UTF-8 → the encoding to read them by: what the source declares, place by place, else what the bytes look like.

b"\\usepackage[latin1]{inputenc} \\xe9 \\inputencoding{koi8-r} \\xd4" → latin-1 up to the switch, KOI8-R after it
"""

import re
from collections import Counter
from itertools import pairwise

_DECLARED = re.compile(
    rb"\\(?:usepackage|RequirePackage)\s*\[([^\]]{0,400})\]\s*\{[^}]{0,400}inputenc[^}]{0,40}\}|%[^\n]{0,200}?coding[:=]\s*([-\w]+)"
    rb"|\\usepackage\s*\[\s*(latin\d+|utf8x?|cp\d{3,4}|ansinew|applemac|koi8-[ru])\s*\]|\\inputencoding\s*\{([^}\n]{0,40})\}"
)
_SWITCH = re.compile(
    rb"\\inputencoding\s*\{([^}\n]{0,40})\}|\\begin\s*\{CJK\*?\}\s*(?:\[[^\]\n]{0,40}\]\s*)?\{([^}\n]{0,40})\}|(\\end\s*\{CJK\*?\})"
)
_ENCODINGS = {
    "latin1": "cp1252",
    "ansinew": "cp1252",
    "cp1252": "cp1252",
    "iso-8859-1": "cp1252",
    "decmulti": "latin_1",
    "latin2": "iso8859_2",
    "latin3": "iso8859_3",
    "latin4": "iso8859_4",
    "latin5": "iso8859_9",
    "latin9": "iso8859_15",
    "latin10": "iso8859_16",
    "cp1250": "cp1250",
    "cp1251": "cp1251",
    "cp1257": "cp1257",
    "cp437": "cp437",
    "cp437de": "cp437",
    "cp850": "cp850",
    "cp852": "cp852",
    "cp855": "cp855",
    "cp858": "cp858",
    "cp865": "cp865",
    "cp866": "cp866",
    "cp866av": "cp866",
    "koi8-r": "koi8_r",
    "koi8-u": "koi8_u",
    "koi8-ru": "koi8_u",
    "iso88595": "iso8859_5",
    "iso-8859-5": "iso8859_5",
    "iso-8859-7": "iso8859_7",
    "applemac": "mac_roman",
    "macce": "mac_latin2",
    "maccyr": "mac_cyrillic",
    "utf8": "utf_8",
    "utf8x": "utf_8",
    "utf-8": "utf_8",
    "gbk": "gb18030",
    "sjis": "cp932",
    "euc": "euc_jp",
}  # names of inputenc, inputencx and cyrillic's inputenc; what says latin1 and has bytes 0x80-0x9F is Windows' own
_CJK_ENCODINGS = {
    "GB": "gb18030",
    "GBK": "gb18030",
    "Bg5": "big5hkscs",
    "Bg5+": "big5hkscs",
    "HK": "big5hkscs",
    "JIS": "euc_jp",
    "JIS2": "euc_jp",
    "SJIS": "cp932",
    "KS": "cp949",
    "UTF8": "utf_8",
}  # names of the CJK package's environments
_WESTERN = ("cp1252", "mac_roman", "cp850")  # in order of preference
_CENTRAL = ("iso8859_2", "cp1250")
_CENTRAL_LANGUAGES = re.compile(rb"[\[,{]\s*(?:czech|slovak|polish|magyar|hungarian|croatian|slovene|romanian)\s*[\],}]")
_TURKISH = re.compile(rb"[\[,{]\s*turkish\s*[\],}]")
_COMMON_LETTERS = {
    "koi8_r": "оеаинтсрвлкмдя",
    "cp1251": "оеаинтсрвлкмдя",
    "cp866": "оеаинтсрвлкмдя",
    "mac_cyrillic": "оеаинтсрвлкмдя",
    "iso8859_5": "оеаинтсрвлкмдя",
    "iso8859_7": "αοιετνσηυρπκμλςά",
}  # the letters that make three quarters of a Russian (Greek) text
_WESTERN_LETTERS = frozenset("éèêëàâäáãåæçñöüóòôõøíìîïßúùûœÉÈÀÂÄÁÅÆÇÑÖÜÓÔØÍÚŒ")
_CENTRAL_LETTERS = frozenset("áäčćďđéěęëíľĺłńňóôöőřŕšśťúůüűýžźżąăâîșşțţÁČĆĎĐÉĚĘÍĽŁŃŇÓÖŐŘŠŚŤÚŮÜŰÝŽŹŻĄĂÂÎȘŞȚŢ")
_TURKISH_LETTERS = frozenset("çğıöşüÇĞİÖŞÜâî")
_PUNCTUATION = frozenset("“”„‘’–—…•°±²³µ·§¡¿«»©®×\xa0")
_RUN = re.compile(rb"[\x80-\xff]+")
_LONG_RUN_BYTES = 3  # of foreign letters beside one another: words of other scripts, not accents in words of Latin ones
_SAMPLE_BYTES = 1 << 19


def declared_encoding(content: bytes) -> str | None:
    """The first encoding but UTF-8 that a file's preamble declares, outside comments but for an editor's `coding:`; as Python names it."""
    body = content.find(b"\\begin{document}")
    for found in _DECLARED.finditer(content, 0, min(1 << 16, len(content) if body < 0 else body)):
        line = content[content.rfind(b"\n", 0, found.start()) + 1 : found.start()]
        if found[2] is None and b"%" in line.replace(b"\\%", b""):
            continue
        for option in (found[1] or found[2] or found[3] or found[4] or b"").split(b","):
            encoding = _ENCODINGS.get(option.decode("ascii", "replace").strip().lower())
            if encoding is not None and encoding != "utf_8":
                return encoding
    return None


def split_by_encoding(content: bytes, declared: str | None) -> list[tuple[bytes, str | None]]:
    """The pieces of a file between its switches of encoding, each with the encoding that holds there; None where nothing says one."""
    pieces: list[tuple[bytes, str | None]] = []
    current, start = declared, 0
    outside = [declared]
    for found in _SWITCH.finditer(content):
        following = current
        if found[1] is not None:
            following = _ENCODINGS.get(found[1].decode("ascii", "replace").strip().lower(), current)
        elif found[2] is not None:
            outside.append(current)
            following = _CJK_ENCODINGS.get(found[2].decode("ascii", "replace").strip(), current)
        elif len(outside) > 1:
            following = outside.pop()
        if following != current:
            pieces.append((content[start : found.end()], current))
            current, start = following, found.end()
    pieces.append((content[start:], current))
    return pieces


def detect(content: bytes) -> str:
    """The encoding that bytes look like: another script's where letters that stand together read as one of its languages, else Western."""
    head = content[:_SAMPLE_BYTES]
    if b"\x1b$" in head and _decodes(head, "iso2022_jp"):
        return "iso2022_jp"
    runs = _RUN.findall(head)
    num_high = sum(map(len, runs))
    if 5 * sum(len(run) for run in runs if len(run) >= _LONG_RUN_BYTES) > 2 * num_high and (found := _other_script(head)) is not None:
        return found
    candidates = dict.fromkeys(_WESTERN, _WESTERN_LETTERS)
    if _CENTRAL_LANGUAGES.search(head):
        candidates = dict.fromkeys(_CENTRAL, _CENTRAL_LETTERS) | candidates
    elif _TURKISH.search(head):
        candidates = {"iso8859_9": _TURKISH_LETTERS} | candidates
    scores = {name: _share_in_place(head.decode(name, "replace"), letters) for name, letters in candidates.items()}
    first = next(iter(candidates))
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] > scores[first] + 0.2 else first


def _decodes(head: bytes, encoding: str) -> bool:
    """Whether bytes are nearly all valid in a multi-byte encoding: one character in a hundred may be damaged, the last one cut."""
    text = head.decode(encoding, "replace")
    return 100 * text.count("�") <= sum(character > "\x7f" for character in text) + 100


def _other_script(head: bytes) -> str | None:
    """An encoding of Cyrillic, Greek, Japanese, Korean or Chinese in which the bytes read as that language does."""
    high = b"".join(_RUN.findall(head))
    shares = {name: _share(Counter(high.decode(name, "replace")), letters) for name, letters in _COMMON_LETTERS.items()}
    best = max(shares, key=lambda name: shares[name])
    if shares[best] >= 0.6:
        return best
    for name in ("euc_jp", "cp932"):
        if _decodes(head, name) and _share_between(head.decode(name, "replace"), "\u3041", "\u3096") >= 0.15:
            return name
    if _decodes(head, "cp949") and _share_between(head.decode("cp949", "replace"), "\uac00", "\ud7a3") >= 0.8:
        return "cp949"
    # the first halves of GB 2312 and of Big5 are the common characters, and most of any text
    common = {
        name: _share_of_lead_bytes(head, first, last, trails)
        for name, first, last, trails in (("gb18030", 0xB0, 0xD7, 0xA1), ("big5hkscs", 0xA4, 0xC6, 0x40))
        if _decodes(head, name)
    }
    best = max(common, key=lambda name: common[name], default="")
    return best if best and common[best] >= 0.7 else None


def _share(counts: Counter[str], letters: str) -> float:
    return sum(counts[letter] for letter in letters) / max(1, counts.total())


def _share_between(text: str, first: str, last: str) -> float:
    """The share of characters of a range among those beyond ASCII that are no signs."""
    foreign = [character for character in text if character > "\x7f" and not "\u3000" <= character <= "\u303f" and character < "\uff00"]
    return sum(first <= character <= last for character in foreign) / max(1, len(foreign))


def _share_of_lead_bytes(head: bytes, first: int, last: int, least_trail: int) -> float:
    """The share of two-byte characters whose first byte is in a range, and the second at least so large; signs (0xA1-0xA3) aside."""
    pairs = [found for found in re.findall(rb"[\x81-\xfe][\x40-\xfe]", head) if not 0xA1 <= found[0] <= 0xA3]
    return sum(first <= pair[0] <= last and pair[1] >= least_trail for pair in pairs) / max(1, len(pairs))


def _share_in_place(text: str, letters: frozenset[str]) -> float:
    """The share of characters beyond ASCII that are letters of a language beside letters, or punctuation that stands between no two."""
    num_foreign = num_in_place = 0
    padded = f" {text} "
    for before, (character, after) in zip(padded, pairwise(padded[1:]), strict=False):
        if character > "\x7f":
            num_foreign += 1
            if character in letters:
                num_in_place += before.isalpha() or after.isalpha()
            elif character in _PUNCTUATION:
                num_in_place += character == "’" or not (before.isalpha() and after.isalpha())
    return num_in_place / max(1, num_foreign)
