"""Chemical formulas in prose and in formulas."""

import pytest

from tests.preprocess.latex.latex_paper import body


@pytest.mark.parametrize(
    "source, shown",
    [
        ("\\ce{H2O} and \\ch{CO2}", "H2O and CO2"),
        ("\\ce{^{227}_{90}Th+}", "$^{227}_{90}$Th$^{+}$"),
        ("\\ce{SO4^2-}, \\ce{SO4^{2-}}, \\ce{Y^99+}", "SO4$^{2-}$, SO4$^{2-}$, Y$^{99+}$"),
        ("\\ce{2H2 + O2 -> 2H2O}", "2H2 + O2 → 2H2O"),
        ("\\ce{A <=> B ->[\\Delta] C ^}", "A ⇌ B →[Δ] C ↑"),
        ("\\ce{NO3-}, \\ce{CH3-CH3} and \\ce{H+}.", "NO3$^{-}$, CH3-CH3 and H$^{+}$."),
        ("\\ce{$n$ H2O}, \\ce{(CH2)_n}", "$n$ H2O, (CH2)$_{n}$"),
        ("$K_{\\ce{H2O}}$, $\\ce{SO4^2-}$", "$K_{\\mathrm{H_{2}O}}$, $\\mathrm{SO_{4}^{2-}}$"),
        ("\\[\\ce{A->B}\\]", "\\[\\mathrm{A\\rightarrow{}B}\\]"),
        ("\\ce{" + "^" * 40 + "} x", "^" * 39 + "↑ x"),
    ],
)
def test_chemistry(source: str, shown: str) -> None:
    assert body(source) == shown
