"""Rendered text → normalised text: NFC, no control characters, calm white space (the paper's section 3, "normalisation").

    "Cafe\\u0301  au\\u00a0lait \\n\\n\\n\\n next" → "Café au lait\\n\\nnext"

Code between fences keeps its spaces. Doing it twice changes nothing.
"""

import re
import unicodedata

from preprocess.config import NormaliseConfig

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200c\u2060\ufeff\ufffe\uffff\ud800-\udfff]")
_SPACES = re.compile(r"[ \t\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
_LINE_ENDS = re.compile(r"[ \t]*\n[ \t]*")
_BLANK_LINES = re.compile(r"\n{3,}")
_FENCED = re.compile(r"(^```[^\n]*\n.*?^```[ \t]*$)", re.S | re.M)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\b")
_PHONE = re.compile(r"(?<![\w$.\d])\+\d{1,3}[ -]?(?:\(\d{1,4}\)[ -]?)?\d{2,4}(?:[ -]\d{2,5}){1,4}(?![\w\d])")


def normalise(text: str, config: NormaliseConfig) -> str:
    """The text as it is trained on, ending in one newline where there is any text."""
    text = unicodedata.normalize("NFC", _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
    parts = _FENCED.split(text)
    for index in range(0, len(parts), 2):
        part = _LINE_ENDS.sub("\n", _SPACES.sub(" ", parts[index]))
        if config.mask_emails:
            part = _EMAIL.sub("[email]", part)
        if config.mask_phone_numbers:
            part = _PHONE.sub("[phone]", part)
        parts[index] = _BLANK_LINES.sub("\n\n", part)
    text = _BLANK_LINES.sub("\n\n", "".join(parts)) if len(parts) == 1 else "".join(parts)
    text = text.strip("\n ")
    return f"{text}\n" if text else ""
