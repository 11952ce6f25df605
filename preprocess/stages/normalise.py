"""Rendered text → normalised text: NFC, no control characters, calm white space (the paper's section 3, "normalisation").

    "Cafe\\u0301  au\\u00a0lait \\n\\n\\n\\n next" → "Café au lait\\n\\nnext"

Code between fences keeps its spaces. Doing it twice changes nothing. Hyphenation is TeX's and not in its source: what of it an author
wrote (soft hyphens) goes, and the hyphens of Unicode that forbid or ask for a line end become the one of the keyboard.
"""

import re
import unicodedata

from preprocess.config import NormaliseConfig
from shards.grammar import regions

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200c\u2060\ufeff\ufffe\uffff\ud800-\udfff]+")
_ODD_SPACES = re.compile(r"[\t\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
_HYPHENS = re.compile(r"[\u2010\u2011]")
_SPACES = re.compile(r"[\t\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
_HYPHENS = re.compile(r"[\u2010\u2011]")
# the blanks that are in their place, nearly all of them, cost no step
_SPACES = re.compile(r" {2,}")
_BESIDE_LINE_ENDS = re.compile(r" +\n *|\n +")
_BLANK_LINES = re.compile(r"\n{3,}")
_FENCED = re.compile(r"(^```[^\n]*\n.*?^```[ \t]*$)", re.S | re.M)
# group 1 is code between backticks, which is passed over; a domain ends in letters, so that `package@1.2.3` is none
_EMAIL = re.compile(
    r"(`[^`\n]*`)|(?:(?<![\w.+/-])[\w.+-]{1,64}|\{[\w.+, -]{1,300}\})@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])",
)
# international form with blanks (ITU-T E.123), hyphens or points; no zone begins with 0, and those of 1 and 7 are one digit
_PHONE = re.compile(r"(?<![\w.])\(?\+(?:1|7|[2-689]\d{1,2})\)?(?:[ .-]?\(\d{1,4}\))?(?:[ .-]?\d{1,5}){2,6}(?!\w)")
_MIN_PHONE_DIGITS = 10  # with country code: 9 are too few in nearly every country, and are found in tables of numbers with signs


def normalise(text: str, config: NormaliseConfig) -> str:
    """The text as it is trained on, ending in one newline where there is any text."""
    text = unicodedata.normalize("NFC", _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
    text = _HYPHENS.sub("-", text)
    parts = _FENCED.split(text) if "```" in text else [text]
    for index in range(0, len(parts), 2):
        parts[index] = _calmed(parts[index])
    text = "".join(parts).strip("\n ")
    if config.mask_emails or config.mask_phone_numbers:
        text = _masked(text, config)
    return f"{text}\n" if text else ""


def _calmed(text: str) -> str:
    """White space in its place. Each look for what to mend is led by a look for a plain string, which is five times faster."""
    text = _ODD_SPACES.sub(" ", text)
    if "  " in text:
        text = _SPACES.sub(" ", text)
    if " \n" in text or "\n " in text:
        text = _BESIDE_LINE_ENDS.sub("\n", text)
    return _BLANK_LINES.sub("\n\n", text) if "\n\n\n" in text else text


def _masked(text: str, config: NormaliseConfig) -> str:
    """The text with its addresses and numbers masked, in prose alone (addresses in tables too): formulas and code stay as they are."""
    parts: list[str] = []
    for kind, start, end in regions(text):
        part = text[start:end]
        if config.mask_emails and kind in ("prose", "table") and "@" in part:
            part = _EMAIL.sub(lambda found: found[1] or "[email]", part)
        if config.mask_phone_numbers and kind == "prose" and "+" in part:
            part = _PHONE.sub(_phone, part)
        parts.append(part)
    return "".join(parts)


def _phone(found: re.Match[str]) -> str:
    return "[phone]" if sum(map(str.isdigit, found[0])) >= _MIN_PHONE_DIGITS else found[0]
