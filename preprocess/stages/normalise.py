"""Rendered text → normalised text: NFC, no control characters, calm white space (the paper's section 3, "normalisation").

    "Cafe\\u0301  au\\u00a0lait \\n\\n\\n\\n next" → "Café au lait\\n\\nnext"

Code between fences keeps its spaces, formulas all but repeated blanks, which TeX does not see either. Doing it twice changes nothing.
Hyphenation is TeX's and not in its source: what of it an author wrote (soft hyphens) goes, and the hyphens of Unicode that forbid or ask
for a line end become the one of the keyboard. Marks of writing direction, invisible operators and tags, which no reader sees, go too.
"""

import re
import unicodedata

import numpy as np

from preprocess.config import NormaliseConfig
from shards.grammar import regions

# a set without `+` behind it is looked for five times as fast
_UNUSUAL = re.compile(r"[^\n -~]")
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    r"\ud800-\udfff\U000e0000-\U000e007f]"
)
_COMPOSING = r"[^\x00-\u02ff\u2002-\u20cf\u2190-\u2328\u232b-\u2adb]"  # the others stand in NFC as they are, whatever is beside them
_MAY_COMPOSE = re.compile(f"{_COMPOSING}{_COMPOSING}*+")
_HYPHENS = re.compile(r"[\u2010\u2011]")
_ODD_SPACES = re.compile(r"[\t\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
_SPACES = re.compile(r" {2,}")
_BESIDE_LINE_ENDS = re.compile(r" +\n *|\n +")
_BLANK_LINES = re.compile(r"\n{3,}")
# as the grammar has it, once the blanks before it are gone
_FENCED = re.compile(rf"(^(?:[ ]|{_ODD_SPACES.pattern})*```[^\n`]*\n(?:.*?\n)??```[ \t]*$)", re.S | re.M)
# group 1 is code between backticks, which is passed over; a domain ends in letters, so that `package@1.2.3` is none
_EMAIL = re.compile(
    r"(`[^`\n]*`)|(?:(?<![\w.+/-])\w[\w.+-]{0,63}|\{[\w.+, -]{1,300}\})@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])",
)
# international form with blanks (ITU-T E.123), hyphens or points; no zone begins with 0, and that of 1 has seven digits after its area code
_PHONE = re.compile(
    r"(?<![\w.\]])(?:\(\+(?:[17]|[2-689]\d{1,2})\)|\+(?:[17]|[2-689]\d{1,2}))(?:[ .-]?\(\d{1,4}\))?(?:[ .-]?\d{1,5}){2,6}(?!\.?\w)"
)
_NORTH_AMERICAN = re.compile(r"\(?\+1\D{0,3}[2-9]\d\d\D{0,2}\d{3}\D?\d{4}")
_DATE = re.compile(r"\+(?:1[5-9]|20)\d\d[-.](?:0[1-9]|1[0-2])[-.](?:0[1-9]|[12]\d|3[01])(?!\d)")  # ISO 8601: a year may have a sign
_MIN_PHONE_DIGITS = 10  # with country code: 9 are too few in nearly every country, and are found in tables of numbers with signs
_MAX_PHONE_DIGITS = 15  # ITU-T E.164


def normalise(text: str, config: NormaliseConfig) -> str:
    """The text as it is trained on, ending in one newline where there is any text."""
    unusual = "".join(set(_UNUSUAL.findall(text)))
    if _CONTROLS.search(unusual):
        text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0b", " ").replace("\x0c", " ")
        text = _CONTROLS.sub("", text)
    if _MAY_COMPOSE.search(unusual):
        text = _composed(text)
    if _HYPHENS.search(unusual):
        text = _HYPHENS.sub("-", text)
    if _ODD_SPACES.search(unusual) or not _is_calm(text):
        parts = _FENCED.split(text) if "```" in text else [text]
        for index in range(0, len(parts), 2):
            parts[index] = _BLANK_LINES.sub("\n\n", _BESIDE_LINE_ENDS.sub("\n", _SPACES.sub(" ", _ODD_SPACES.sub(" ", parts[index]))))
        for index in range(1, len(parts), 2):
            parts[index] = parts[index][parts[index].index("```") :]
        text = "".join(parts)
    text = text.strip("\n ")
    if config.mask_emails or config.mask_phone_numbers:
        text = _masked(text, config)
    return f"{text}\n" if text else ""


def _composed(text: str) -> str:
    """The text in NFC: each run of characters that may change, with the one before it, which an accent may join."""
    parts: list[str] = []
    position = 0
    for found in _MAY_COMPOSE.finditer(text):
        start, end = max(0, found.start() - 1), found.end()
        parts += (text[position:start], unicodedata.normalize("NFC", text[start:end]))
        position = end
    return "".join((*parts, text[position:]))


def _is_calm(text: str) -> bool:
    """Whether blanks and line ends stand alone but for the two line ends between paragraphs."""
    signs = np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)
    is_gap = (signs == ord(" ")) | (signs == ord("\n"))
    pairs = np.flatnonzero(is_gap[1:] & is_gap[:-1])
    return bool((signs[pairs] == ord("\n")).all() and (signs[pairs + 1] == ord("\n")).all() and (np.diff(pairs) > 1).all())


def _masked(text: str, config: NormaliseConfig) -> str:
    """The text with its addresses and numbers masked, in prose alone (addresses in tables too): formulas and code stay as they are."""
    parts: list[str] = []
    for kind, start, end in regions(text):
        part = text[start:end]
        if config.mask_emails and kind in ("prose", "table") and "@" in part:
            part = _EMAIL.sub(_email, part)
        if config.mask_phone_numbers and kind == "prose" and "+" in part:
            part = _PHONE.sub(_phone, part)
        parts.append(part)
    return "".join(parts)


def _email(found: re.Match[str]) -> str:
    """A sentence that goes on without a blank, as in `me@x.org.We`, is no part of the domain, and `recall@10.We` is no address."""
    if found[1]:
        return found[0]
    address, _, last = found[0].rpartition(".")
    if not (last[0].isupper() and last[1:].islower()):
        return "[email]"
    _, point, zone = address.rpartition("@")[2].rpartition(".")
    return f"[email].{last}" if point and zone.isalpha() else found[0]


def _phone(found: re.Match[str]) -> str:
    """Numbers that only look like one stay: a decimal has one point, coordinates blanks and a point, round sums their zeros."""
    number = found[0]
    num_points = number.count(".")
    is_number = (
        not _MIN_PHONE_DIGITS <= sum(map(str.isdigit, number)) <= _MAX_PHONE_DIGITS
        or num_points == 1
        or (num_points > 0 and " " in number)
        or number.endswith(("000 000", "000000"))
        or _DATE.match(number) is not None
        or (number.lstrip("(").startswith("+1") and not _NORTH_AMERICAN.fullmatch(number))
    )
    return number if is_number else "[phone]"
