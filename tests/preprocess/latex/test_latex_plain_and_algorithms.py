@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (r"$P(\text{a point at $\mathbf{s}$ is seen})$", r"$P(\text{a point at }\mathbf{s}\text{ is seen})$"),
        (r"\llabel{sec:one}A \leader{111A}{Definition} Let.", "A 111A Definition Let."),
        (r"\begin{defi}[Chain] x\end{defi}\begin{rmk}y\end{rmk}", "Definition (Chain). x\n\nRemark. y"),
        (r"A\acroplural{OS}[OSes]{Operating Systems}.", "A."),
    ],
)
def test_what_stood_in_papers_of_mathematics(source: str, wanted: str) -> None:
    assert body(source) == wanted
