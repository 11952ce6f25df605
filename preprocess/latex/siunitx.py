"""siunitx's numbers and units → what it prints, for prose and for formulas.

\\SI{1.2e5}{\\kilo\\metre\\per\\second} → prose `$1.2\\times 10^{5}$ km s$^{-1}$`, formula `1.2\\times 10^{5}\\,\\mathrm{km\\,s^{-1}}`
"""

import re
from collections.abc import Mapping

_PREFIXES = {
    "yocto": "y", "zepto": "z", "atto": "a", "femto": "f", "pico": "p", "nano": "n", "micro": "µ", "milli": "m", "centi": "c", "deci": "d",
    "deca": "da", "deka": "da", "hecto": "h", "kilo": "k", "mega": "M", "giga": "G", "tera": "T", "peta": "P", "exa": "E", "zetta": "Z",
    "yotta": "Y", "kibi": "Ki", "mebi": "Mi", "gibi": "Gi", "tebi": "Ti", "mu": "µ", "upmu": "µ", "textmu": "µ",
    "circ": "°",
}  # fmt: skip
_UNITS = {
    "ampere": "A", "candela": "cd", "kelvin": "K", "kilogram": "kg", "gram": "g", "metre": "m", "meter": "m", "mole": "mol", "second": "s",
    "becquerel": "Bq", "coulomb": "C", "farad": "F", "gray": "Gy", "hertz": "Hz", "henry": "H", "joule": "J", "katal": "kat",
    "lumen": "lm", "lux": "lx", "newton": "N", "ohm": "Ω", "pascal": "Pa", "radian": "rad", "siemens": "S", "sievert": "Sv",
    "steradian": "sr", "tesla": "T", "volt": "V", "watt": "W", "weber": "Wb", "day": "d", "degree": "°", "hectare": "ha", "hour": "h",
    "litre": "l", "liter": "L", "minute": "min", "arcminute": "′", "arcsecond": "″", "arcmin": "′", "arcsec": "″", "tonne": "t",
    "astronomicalunit": "au", "atomicmassunit": "u", "bohr": "a0", "clight": "c", "dalton": "Da", "electronvolt": "eV", "hartree": "Eh",
    "angstrom": "Å", "bar": "bar", "barn": "b", "bel": "B", "decibel": "dB", "neper": "Np", "percent": "%", "celsius": "°C",
    "degreeCelsius": "°C", "parsec": "pc", "lightyear": "ly", "year": "yr", "bit": "bit", "byte": "B", "gauss": "G", "erg": "erg",
    "torr": "Torr", "micron": "µm", "molar": "M", "pixel": "px", "sample": "sample", "annum": "a", "dyne": "dyn",
    "jansky": "Jy", "eV": "eV", "Omega": "Ω",
}  # fmt: skip
_LETTERS = frozenset({"alpha", "beta", "gamma", "Gamma", "lambda", "Lambda", "rho", "sigma", "tau"})  # in place of a unit
_FONTS = frozenset({"text", "textrm", "textit", "mathrm", "mathit", "mbox", "rm", "ensuremath"})
_SHORT = re.compile(r"(?:[yzafpnuµmcdhkMGTPE]|da)?(?:m|g|s|A|K|mol|cd|Hz|N|Pa|J|W|C|V|F|S|T|H|eV|L|l|B|b|bar|rad|ohm|dB)|min|h|kWh")
_UNIT_STEP = re.compile(r"\\([A-Za-z]+)(?:\s*\{([^{}]*)\})?|\^\s*\{?\s*([-+]?\d{1,3})\s*\}?|([^\\^\s.~,{}/]+)|(/)|\s+|.", re.S)
_SCIENTIFIC = re.compile(r"((?:[-+]|(?<![\d.,]))[\d.,]*+(?:\(\d{1,40}\))?)\s*[eEdD]\s*([-+]?)0*(\d+)")  # each run of digits is read once
_TIMES = re.compile(r"(?<=[\d)}]) *x *(?=[-+.\d])")  # of a product, `2 x 3`
_PHRASE = re.compile(
    r"(?<![a-z-])(range-phrase|list-separator|list-final-separator|list-pair-separator)\s*=\s*(?:\{((?:[^{}]|\{[^{}]*\})*)\}|([^,{}\]]*))"
)
_PHRASE_MARKS = re.compile(
    r"\\(?:text|textrm|mathrm|mbox|ensuremath)\s*\{([^{}]*)\}|\\[,;: ]|~|\\(?:textendash|textnormal)\s*(?:\{\})?|---?|\$"
)
_POWER = re.compile(r"-?\d{1,3}")
ONE_NUMBER = frozenset({"num"})
ONE_UNIT = frozenset({"si", "unit"})
QUANTITY = frozenset({"SI", "qty"})
RANGE = frozenset({"numrange", "SIrange", "qtyrange"})
LIST = frozenset({"numlist", "SIlist", "qtylist"})
NUM_GROUPS = {
    "num": 1, "si": 1, "unit": 1, "ang": 1, "SI": 2, "qty": 2, "numrange": 2, "SIrange": 3, "qtyrange": 3, "numlist": 1,
    "SIlist": 2, "qtylist": 2, "numproduct": 1, "qtyproduct": 2, "complexnum": 1, "complexqty": 2,
}  # fmt: skip


def phrases(options: str) -> dict[str, str]:
    """What options have between the numbers of ranges and lists: `range-phrase = --` → `–`; what is no plain text stays siunitx's own."""
    given = {key: _PHRASE_MARKS.sub(_plain_phrase, braced or bare.strip()) for key, braced, bare in _PHRASE.findall(options)}
    return {key: phrase for key, phrase in given.items() if "\\" not in phrase and "{" not in phrase}


def _plain_phrase(found: re.Match[str]) -> str:
    if found[1] is not None:
        return found[1].replace("--", "–")
    return "–" if found[0].startswith(("--", "\\textendash")) else "" if found[0] == "$" else " "


def unit_parts(unit: str) -> list[tuple[str, int]]:
    """A unit's factors in order: symbol and power."""
    parts: list[tuple[str, int]] = []
    prefix, sign, power = "", 1, 1
    for found in _UNIT_STEP.finditer(unit):
        name, argument, exponent, literal, slash = found.groups()
        if exponent is not None:
            if parts:
                parts[-1] = parts[-1][0], _product(parts[-1][1], int(exponent))
        elif slash is not None:
            sign = -1
        elif literal is not None:
            parts.append((prefix + literal, sign * power))
            prefix, sign, power = "", 1, 1
        elif name is None:
            continue
        elif name in _PREFIXES:
            prefix += _PREFIXES[name]
        elif name == "per":
            sign = -1
        elif name in ("square", "cubic"):
            power = 2 if name == "square" else 3
        elif name in ("squared", "cubed", "tothe", "raiseto"):
            number = 2 if name == "squared" else 3 if name == "cubed" else int(argument) if _POWER.fullmatch(argument or "") else 1
            if name == "raiseto":
                power = number
            elif parts:
                parts[-1] = parts[-1][0], _product(parts[-1][1], number)
        elif name in ("of", "cancel", "highlight") or (name in _FONTS and not argument):
            continue
        else:
            symbol = argument if name in _FONTS else f"\\{name}" if name in _LETTERS else _UNITS.get(name)
            symbol = symbol or (name.replace("u", "µ", 1) if name.startswith("u") and _SHORT.fullmatch(name) else name)
            parts.append((prefix + symbol, sign * power))
            prefix, sign, power = "", 1, 1
    if prefix:  # a mark that is the whole unit
        parts.append((prefix, sign * power))
    return parts


def _product(power: int, factor: int) -> int:
    """A power of a power, where it still is one that a unit has."""
    return power * factor if abs(power * factor) < 1000 else power


def _number(text: str, *, is_math: bool) -> str:
    text = text.strip().replace("+-", "\\pm")
    written = _TIMES.sub(r" \\times ", _SCIENTIFIC.sub(_power_of_ten, text))
    return written if is_math or not ("\\" in written or "^" in written) else f"${written}$"


def _power_of_ten(found: re.Match[str]) -> str:
    exponent = found[3] if found[2] != "-" else f"-{found[3]}"
    return f"{found[1]}\\times 10^{{{exponent}}}" if found[1] else f"10^{{{exponent}}}"


def _unit(text: str, *, is_math: bool) -> str:
    parts = unit_parts(text)
    if is_math:
        factors = "\\,".join(symbol if power == 1 else f"{symbol}^{{{power}}}" for symbol, power in parts)
        return f"\\mathrm{{{factors}}}".replace("%", "\\%").replace(" ", "~") if factors else ""
    shown: list[str] = []
    for symbol, power in parts:
        raised = "" if power == 1 else f"^{{{power}}}"
        shown.append(f"${symbol}{raised}$" if symbol.startswith("\\") else f"{symbol}${raised}$" if raised else symbol)
    return " ".join(shown)


def _joined(number: str, unit: str, *, is_math: bool) -> str:
    if not unit:
        return number
    is_mark = unit.removeprefix("\\mathrm{").removesuffix("}") in ("°", "′", "″")
    blank = "" if is_mark else "\\," if is_math else " "
    return f"{number}{blank}{unit}"


def show(name: str, groups: list[str], *, is_math: bool, between: Mapping[str, str] | None = None) -> str:
    """What siunitx's command `name` prints for its groups, `between` numbers what the paper's `phrases` say."""
    if name == "ang":
        marks = ("^{\\circ}", "'", "''") if is_math else ("°", "′", "″")
        return "".join(f"{part.strip()}{mark}" for part, mark in zip(groups[0].split(";"), marks, strict=False) if part.strip())
    unit = "" if name in ONE_NUMBER or name.startswith("num") else _unit(groups[-1], is_math=is_math)
    if name in ONE_UNIT:
        return unit
    said = {key: f"\\text{{{phrase}}}" if is_math else phrase for key, phrase in (between or {}).items()}
    usual = (r"\text{ to }", r"\text{ and }") if is_math else (" to ", " and ")
    to, comma = said.get("range-phrase", usual[0]), said.get("list-separator", ", ")
    and_ = said.get("list-pair-separator" if groups[0].count(";") == 1 else "list-final-separator", usual[1])
    if name in RANGE:
        return _joined(to.join(_number(part, is_math=is_math) for part in groups[:2]), unit, is_math=is_math)
    if name in LIST:
        numbers = [_number(part, is_math=is_math) for part in groups[0].split(";")]
        listed = comma.join(numbers[:-1]) + and_ + numbers[-1] if len(numbers) > 1 else numbers[0]
        return _joined(listed, unit, is_math=is_math)
    return _joined(_number(groups[0], is_math=is_math), unit, is_math=is_math)
