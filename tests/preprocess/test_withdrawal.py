import pytest

from preprocess.sources.withdrawal import find_withdrawal

WITHDRAWN = [
    "This paper has been withdrawn by the author due to a crucial sign error in equation 7",
    "Withdrawn by the authors due to an error in Section 2",
    "This submission has been withdrawn by arXiv administrators because of text overlap with 0704.0001",
    "withdrawn",
    "Paper withdrawn",
    "12 pages, 3 figures, withdrawn",
    "LaTeX, 20 pages. This article has been temporarily withdrawn, a new version will follow",
    "The authors withdraw this paper because the proof of Lemma 2 is wrong.",
    "The author has withdrawn this manuscript; see the comments",
    "I would like to withdraw this paper",
    "This paper is being withdrawn.",
    "Due to a gap in the proof of Theorem 1, this paper is withdrawn",
    "v3 withdrawn",
    "Version 3 has been withdrawn by the author",
    "This version withdrawn by arXiv administrators",
    "Sorry, this preprint was withdrawn",
    "A short note (withdrawn by the author)",
    "This paper has been withdrawn because it was submitted by mistake",
    "THIS PAPER HAS BEEN WITHDRAWN",
    "Withdrawn from arXiv by the author",
    "This paper has been retracted by the author",
]
NOT_WITHDRAWN = [
    "",
    "12 pages, 3 figures",
    "We have not withdrawn the earlier version",
    "This paper has not been withdrawn",
    "v1 withdrawn, the gap is closed in this version",
    "Version 2 was withdrawn; this is the corrected one",
    "The previous version was withdrawn",
    "Replaces hep-th/0101001 (withdrawn)",
    "This paper supersedes the withdrawn paper 0704.0001",
    "The claim of Section 3 is withdrawn",
    "Theorem 4 has been withdrawn; the rest stands",
    "Withdrawn theorem removed, references added",
    "Withdrawn from the conference, submitted to a journal",
    "This paper was withdrawn from the proceedings and appeared elsewhere",
    "This paper was withdrawn by mistake and is restored here",
    "On the retraction of a disc onto its boundary",
    "A model of cash withdrawn from bank machines",
    "25 pages; comments on a withdrawn preprint are in the appendix",
]


@pytest.mark.parametrize("comments", WITHDRAWN)
def test_comments_that_withdraw(comments: str) -> None:
    assert find_withdrawal(comments, "We prove a theorem.", 3) is not None


@pytest.mark.parametrize("comments", NOT_WITHDRAWN)
def test_comments_that_only_use_the_word(comments: str) -> None:
    assert find_withdrawal(comments, "We prove a theorem.", 3) is None


@pytest.mark.parametrize(
    "abstract",
    [
        "This paper has been withdrawn by the author(s) due to an error in the main estimate.",
        "We study rings. Their ideals are classified. This paper has been withdrawn.",
        "Withdrawn.",
        "The authors have withdrawn this paper, since a result of the second section was known.",
    ],
)
def test_abstracts_that_withdraw(abstract: str) -> None:
    assert find_withdrawal("12 pages", abstract, 1) is not None


@pytest.mark.parametrize(
    "abstract",
    [
        "We ask why papers are retracted. The paper was withdrawn in half of the cases. Others were mended.",
        "Water withdrawn from the river is measured.",
        "Withdrawn states are those that the automaton leaves. We count them.",
        "The withdrawn cash of a day is modelled as a point process.",
    ],
)
def test_abstracts_that_only_use_the_word(abstract: str) -> None:
    assert find_withdrawal("", abstract, 1) is None


def test_the_detail_is_the_sentence_that_says_so() -> None:
    assert find_withdrawal("12 pages. Withdrawn by the authors due to an error", "", 1) == "Withdrawn by the authors due to an error"
    assert find_withdrawal(f"Withdrawn because of {'x' * 500}", "", 1) == f"Withdrawn because of {'x' * 500}"[:200]
