"""Whether a paper's metadata say that it is withdrawn: arXiv has no field for it, only sentences in the comments or the abstract.

The word alone proves nothing ("the withdrawn Lemma 3 of v1", "we have not withdrawn", "withdrawn from the bank"), so what counts is a
sentence whose subject is the paper itself: "This paper has been withdrawn by the author", "Withdrawn by arXiv administrators",
"The authors withdraw this manuscript", "12 pages, withdrawn", "v3 withdrawn" where 3 is the latest version.
"""

import re

_PAPER = (
    r"(?:paper|papers|article|manuscript|submission|preprint|pre-print|e-?print|work|note|letter|document|thesis|draft|report|survey|review"
    r"|contribution|version(?: of (?:the|this|our) (?:paper|article|manuscript|submission|preprint))?)"
)
_BY_HAND = r"(?:(?:now|hereby|temporarily|permanently|voluntarily|officially|subsequently|therefore|already|just|simply) )*"
_VERB = (
    r"(?:has been|have been|has|have|had been|was|is|is being|is to be|will be|had to be|should be considered(?: as)?|must be)? ?"
    rf"{_BY_HAND}"
)
_GONE = r"(?:withdrawn|retracted)\b"
_OWN = r"(?:this|our|my|the present)"
_AUTHORS = (
    r"(?:i|we|(?:the |both |all )?(?:the )?(?:authors?|submitters?)(?: of this \w+)?|arxiv(?: admins?| administrators?| administration)?)"
)
_ACT = (
    r"(?:have|has|had|would like to|wish(?:es)? to|want(?:s)? to|decided to|have decided to|has decided to|must|need to|had to)? ?"
    rf"{_BY_HAND}"
)

# a journal's, a conference's or a bank's withdrawal is none of arXiv's
_ELSEWHERE = r"(?! from (?!(?:the )?arxiv\b|publication\b|consideration\b|circulation\b|public\b|this (?:archive|server|site)\b))"
_BACK = re.compile(
    r"\b(?:reinstat|restored\b|no longer (?:withdrawn|retracted)|(?:withdrawn|retracted) (?:by mistake|mistakenly|erroneously)"
    r"|(?:mistakenly|erroneously|not(?: been)?|never(?: been)?|nor) (?:withdrawn|retracted)"
    r"|withdrawal (?:was|has been|is) (?:revoked|cancelled|canceled|reversed))"
)
# "replaces hep-th/0101001 (withdrawn)" speaks of another paper
_ABOUT_ANOTHER = re.compile(r"(?:\d{4}\.\d{4,5}|/\d{7})(?:v\d+)?\s*\([^)]*\)")

_SUBJECT_THEN_VERB = re.compile(rf"^(?:{_OWN}|the|whole|entire)? ?(?:arxiv )?{_PAPER} {_VERB}{_GONE}{_ELSEWHERE}")
_OWN_SUBJECT_THEN_VERB = re.compile(rf"^{_OWN} (?:arxiv )?{_PAPER} {_VERB}{_GONE}{_ELSEWHERE}")
_VERB_ALONE = re.compile(rf"^{_BY_HAND}{_GONE}(?! (?:lemma|theorem|claim|proof|version|section|result|paper|article)\b){_ELSEWHERE}")
_AUTHORS_ACT = re.compile(
    rf"^{_AUTHORS} {_ACT}(?:withdraws?|withdrawn|withdrew|retracts?|retracted|withdrawing) (?:{_OWN}|the) (?:arxiv )?{_PAPER}\b"
)
_VERSION_GONE = re.compile(rf"^(?:this )?(?:version |v\.? ?)(\d+) {_VERB}{_GONE}{_ELSEWHERE}")
_REASON = re.compile(r"^(?:due to|because of|owing to|for|after|since|as) [^,]{1,200}, ")
_POLITE = re.compile(r"^(?:sorry|unfortunately|regrettably|note(?: that)?|comments?|admin note|important|warning|update)[:,]? ")
_COUNT_ITEM = re.compile(
    r"^(?:(?:about|ca\.?|approx\.?) )?(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten)(?:\+\d+)? ?"
    r"(?:pages?|pp|p|figures?|figs?|tables?|words|references|eps|ps|postscript|pdf|slides)\b[^,;]{0,40}[,;] ?"
    r"|^(?:la)?tex[^,;]{0,30}[,;] ?|^(?:revtex|amstex|amslatex|plain tex)[^,;]{0,30}[,;] ?"
)
_SENTENCE_END = re.compile(r"(?<![A-Z])[.!?]+(?:\s+|$)|;\s+|\n\s*\n|\s[-–—]{1,3}\s|\*{2,}|\s+\(|\)\s*")
_MAX_DETAIL_CHARACTERS = 200


def find_withdrawal(comments: str, abstract: str, version: int) -> str | None:
    """The sentence that withdraws the paper whose latest version is `version`, or None.

    `12 pages. Withdrawn by the authors due to an error` → `Withdrawn by the authors due to an error`; `We have not withdrawn` → None.
    """
    if _may_withdraw(comments):
        for sentence in _sentences(comments):
            if _withdraws(sentence, version):
                return sentence[:_MAX_DETAIL_CHARACTERS]
    if _may_withdraw(abstract):
        sentences = _sentences(abstract)
        # a notice replaces the abstract or stands at one of its ends; in between the word is part of the matter
        for sentence in {0: sentences[0], len(sentences) - 1: sentences[-1]}.values() if sentences else ():
            plain = _plain(sentence)
            if _BACK.search(plain):
                continue
            is_whole = len(sentences) == 1 and _VERB_ALONE.match(plain)
            if is_whole or _OWN_SUBJECT_THEN_VERB.match(plain) or _AUTHORS_ACT.match(plain):
                return sentence[:_MAX_DETAIL_CHARACTERS]
    return None


def _may_withdraw(text: str) -> bool:
    lowered = text.lower()
    return "withdr" in lowered or "retract" in lowered


def _sentences(text: str) -> list[str]:
    parts = (" ".join(part.split()).strip(" ,:.\"'()[]*") for part in _SENTENCE_END.split(_ABOUT_ANOTHER.sub("", text)))
    return [part for part in parts if part]


def _plain(sentence: str) -> str:
    """The sentence in lower case, without what stands before its subject: counts of pages, politeness, a reason put first."""
    plain = sentence.lower()
    while True:
        shorter = _POLITE.sub("", _REASON.sub("", _COUNT_ITEM.sub("", plain)))
        if shorter == plain:
            return plain.strip(" ,:[]")
        plain = shorter


def _withdraws(sentence: str, version: int) -> bool:
    plain = _plain(sentence)
    if _BACK.search(plain):
        return False
    numbered = _VERSION_GONE.match(plain)
    if numbered:
        return int(numbered[1]) >= version
    return any(pattern.match(plain) for pattern in (_SUBJECT_THEN_VERB, _VERB_ALONE, _AUTHORS_ACT))
