import pytest

from preprocess.latex.siunitx import show, unit_parts
from tests.preprocess.latex.latex_paper import body


@pytest.mark.parametrize(
    "unit, parts",
    [
        (r"\kilo\metre\per\second", [("km", 1), ("s", -1)]),
        (r"\m\per\square\s", [("m", 1), ("s", -2)]),
        (r"\cubic\centi\meter", [("cm", 3)]),
        (r"\m\tothe{4}", [("m", 4)]),
        (r"\per\um\squared", [("µm", -2)]),
        ("km.s^{-1}", [("km", 1), ("s", -1)]),
        ("m/s^2", [("m", 1), ("s", -2)]),
        (r"\GHz", [("GHz", 1)]),
        (r"\mu m", [("µm", 1)]),
        (r"^{\circ}C", [("°C", 1)]),
        (r"{\rm km}\,\mathrm{s}^{-1}", [("km", 1), ("s", -1)]),
        (r"\kilo\text{yr}", [("kyr", 1)]),
        (r"\micro", [("µ", 1)]),
        ("", []),
    ],
)
def test_units(unit: str, parts: list[tuple[str, int]]) -> None:
    assert unit_parts(unit) == parts


@pytest.mark.parametrize(
    "name, groups, prose, formula",
    [
        ("num", ["1.2e5"], r"$1.2\times 10^{5}$", r"1.2\times 10^{5}"),
        ("num", ["1e-3"], r"$1\times 10^{-3}$", r"1\times 10^{-3}"),
        ("num", ["3.14"], "3.14", "3.14"),
        ("num", ["1.5 +- 0.2"], r"$1.5 \pm 0.2$", r"1.5 \pm 0.2"),
        ("num", ["2x3 x 1e2"], r"$2 \times 3 \times 1\times 10^{2}$", r"2 \times 3 \times 1\times 10^{2}"),
        ("qtyproduct", ["2 x 3", r"\um"], r"$2 \times 3$ µm", r"2 \times 3\,\mathrm{µm}"),
        ("complexqty", ["2+3i", r"\ohm"], "2+3i Ω", r"2+3i\,\mathrm{Ω}"),
        ("SI", ["10", r"\kilo\metre\per\second"], "10 km s$^{-1}$", r"10\,\mathrm{km\,s^{-1}}"),
        ("qty", ["20", r"\percent"], "20 %", r"20\,\mathrm{\%}"),
        ("SI", ["5", r"\degreeCelsius"], "5 °C", r"5\,\mathrm{°C}"),
        ("SI", ["5", r"\degree"], "5°", r"5\mathrm{°}"),
        ("si", [r"\m\per\s"], "m s$^{-1}$", r"\mathrm{m\,s^{-1}}"),
        ("SI", ["5", r"\sigma"], r"5 $\sigma$", r"5\,\mathrm{\sigma}"),
        ("si", [r"\sigma\squared\per\Omega"], r"$\sigma^{2}$ Ω$^{-1}$", r"\mathrm{\sigma^{2}\,Ω^{-1}}"),
        ("SI", ["2", r"\text{arb. units}"], "2 arb. units", r"2\,\mathrm{arb.~units}"),
        ("ang", ["45"], "45°", r"45^{\circ}"),
        ("ang", ["1;2;3"], "1°2′3″", "1^{\\circ}2'3''"),
        ("numrange", ["1", "3"], "1 to 3", r"1\text{ to }3"),
        ("SIrange", ["1", "5", r"\GHz"], "1 to 5 GHz", r"1\text{ to }5\,\mathrm{GHz}"),
        ("SIlist", ["1;2;3", r"\m"], "1, 2 and 3 m", r"1, 2\text{ and }3\,\mathrm{m}"),
    ],
)
def test_what_is_printed(name: str, groups: list[str], prose: str, formula: str) -> None:
    assert show(name, groups, is_math=False) == prose
    assert show(name, groups, is_math=True) == formula


@pytest.mark.parametrize(
    "number, shown",
    [
        ("1e" + "9" * 6_000, "1\\times 10^{" + "9" * 6_000 + "}"),
        ("-2.5(3)E-007", "-2.5(3)\\times 10^{-7}"),
        ("e+3", "10^{3}"),
        ("1" * 1_000_000, "1" * 1_000_000),
    ],
)
def test_numbers_of_any_length(number: str, shown: str) -> None:
    assert show("num", [number], is_math=True) == shown


def test_powers_of_any_height() -> None:
    assert unit_parts("\\m" + "\\squared" * 100_000) == [("m", 512)]
    assert unit_parts("\\m\\tothe{" + "9" * 6_000 + "}") == [("m", 1)]


@pytest.mark.parametrize(
    "setup, source, shown",
    [
        ("range-phrase = --", "\\numrange{1}{3}, \\SIrange{1}{3}{\\metre}", "1–3, 1–3 m"),
        ("range-phrase = {\\text{ -- }}", "\\qtyrange{1}{3}{m}", "1 – 3 m"),
        ("list-final-separator = { or }", "\\numlist{1;2;3}; \\numlist{1;2}", "1, 2 or 3; 1 and 2"),
        ("list-pair-separator={,~}", "\\numlist{1;2}", "1, 2"),
        ("range-phrase=\\foo{x}", "\\numrange{1}{3}", "1 to 3"),
        ("", "\\numrange[range-phrase=--]{1}{3}; \\numrange{1}{3}; $\\numrange[range-phrase=--]{1}{3}$", "1–3; 1 to 3; $1\\text{–}3$"),
    ],
)
def test_phrases_between_numbers_are_those_of_the_paper(setup: str, source: str, shown: str) -> None:
    assert body(source, f"\\usepackage{{siunitx}}\\sisetup{{{setup}}}") == shown
