"""Words that a document class prints before keywords and classifications: `Index Terms—`, `PACS numbers: `, `Key words and phrases. `."""

import re

_KEYWORDS = {  # by the first letters of the class; of all others `Keywords: `
    "ieee": "Index Terms—", "ams": "Key words and phrases. ", "aa": "Key words. ", "l-aa": "Key words. ", "mn": "Key words: ",
    "siam": "Key words. ", "elsart": "Key words: ", "ims": "Keywords and phrases: ", "lipics": "Keywords and phrases: ",
    "oasics": "Keywords and phrases: ", "lmcs": "Key words and phrases: ", "emulateapj": "Subject headings: ",
    "aastex5": "Subject headings: ", "aastex": "Keywords: ", "aasms": "Subject headings: ", "aaspp": "Subject headings: ",
    "elsarticle": "Keywords: ", "ieeeconf": "Keywords: ", "aaai": "Keywords: ", "informs": "Key words: ",
}  # fmt: skip
_CLASSIFICATIONS = {
    "ams": "Mathematics Subject Classification. ", "lmcs": "ACM Subject Classification: ", "lipics": "ACM Subject Classification: ",
    "oasics": "ACM Subject Classification: ",
}  # fmt: skip
_CONCEPTS = {"lipics": "ACM Subject Classification: ", "oasics": "ACM Subject Classification: "}
_LEADS: dict[str, tuple[dict[str, str], str]] = {
    **dict.fromkeys(("keywords", "keyword", "ieeekeywords"), (_KEYWORDS, "Keywords: ")),
    "subjclass": (_CLASSIFICATIONS, "Mathematics Subject Classification: "),
    "pacs": ({"sv": "PACS: ", "sn-": "PACS: ", "elsart": "PACS: "}, "PACS numbers: "),
    "terms": ({}, "General Terms: "),
    "ams": ({"siam": "AMS subject classifications. "}, "AMS subject classifications: "),
    "ccsdesc": (_CONCEPTS, "CCS Concepts: "),
    "curraddr": ({}, "Current address: "),
    "@subclass": ({}, "Mathematics Subject Classification: "),
    "@crclass": ({}, "CR Subject Classification: "),
    "msc": ({}, "MSC: "),
    "jel": ({}, "JEL: "),
}
_OWN_LEAD = re.compile(
    r"(?:[\s{}~*\d-]|\\[A-Za-z]+\*?)*(?:key[ -]?words|index terms|(?:subject|general|ccs) (?:headings|terms|concepts)|pacs|msc|jel\b|ams\b"
    r"|mathematics|acm (?:subject|computing))",
    re.I,
)


def lead(document_class: str | None, kind: str, content: str, option: str = "") -> str:
    """What stands before `content`, source or text, of `\\kind[option]{content}`; nothing where it begins with such words itself."""
    kind = kind.lower()
    if kind not in _LEADS or _OWN_LEAD.match(content) is not None:
        return ""
    by_class, usual = _LEADS[kind]
    option = option.strip()
    if kind == "pacs" and option:  # of Springer Nature: \pacs[MSC Classification]{…}
        return f"{option}: "
    if option.startswith("class="):  # of the Institute of Mathematical Statistics: \begin{keyword}[class=MSC]
        return f"{option[6:].strip()} subject classifications: "
    names = [name for name in by_class if (document_class or "").startswith(name)]
    words = by_class[max(names, key=len)] if names else usual
    return f"{option} {words}" if kind == "subjclass" and option.isdecimal() else words
