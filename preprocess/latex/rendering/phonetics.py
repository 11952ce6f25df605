"""Phonetic letters of the package tipa, which are typed as ASCII: `\\textipa{[S@"fE:n]}` → `[ʃəˈfɛːn]`."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from preprocess.latex.render import Handler, Renderer

_LETTERS = str.maketrans('@ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:;"', "əɑβɕðɛɸɣɦɪʝʁʎɱŋɔʔʕɾʃθʊʋɯχʏʒʉɨʌɜɥɐɒɤɵɘːˑˈ")
_COMMAND = re.compile(r"(\\(?:[A-Za-z]+|.)(?:\[[^\]]{0,40}\])?)", re.S)


def _phonetic(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    found = renderer.scan.group(text, end)
    if found is None:
        return -1
    parts = _COMMAND.split(found[0])
    parts[::2] = [part.replace('""', "ˌ").translate(_LETTERS) for part in parts[::2]]
    out.append(renderer.inline("".join(parts)))
    return found[1]


COMMANDS: dict[str, "Handler"] = {"textipa": _phonetic}
