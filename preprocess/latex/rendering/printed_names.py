"""Names that LaTeX itself prints, `Proof`, `Abstract`, `Figure`, in the main language of the paper, as babel has them."""

import re
from typing import TYPE_CHECKING

from preprocess.latex.scan import skip_line_space
from preprocess.latex.tables import THEOREM_TITLES

if TYPE_CHECKING:
    from preprocess.latex.render import Handler, Renderer

_KINDS = ("proof", "figure", "table", "abstract", "ref", "bib", "chapter", "part", "contents", "appendix")
_NAMES = {
    language: dict(zip(_KINDS, names, strict=True))
    for language, names in {
        "french": (
            "Démonstration", "Figure", "Table", "Résumé", "Références", "Bibliographie", "Chapitre", "Partie", "Table des matières",
            "Annexe",
        ),
        "german": (
            "Beweis", "Abbildung", "Tabelle", "Zusammenfassung", "Literatur", "Literaturverzeichnis", "Kapitel", "Teil",
            "Inhaltsverzeichnis", "Anhang",
        ),
        "spanish": (
            "Demostración", "Figura", "Cuadro", "Resumen", "Referencias", "Bibliografía", "Capítulo", "Parte", "Índice", "Apéndice",
        ),
        "italian": (
            "Dimostrazione", "Figura", "Tabella", "Sommario", "Riferimenti bibliografici", "Bibliografia", "Capitolo", "Parte", "Indice",
            "Appendice",
        ),
        "portuguese": (
            "Demonstração", "Figura", "Tabela", "Resumo", "Referências", "Bibliografia", "Capítulo", "Parte", "Conteúdo", "Apêndice",
        ),
        "russian": (
            "Доказательство", "Рис.", "Таблица", "Аннотация", "Список литературы", "Литература", "Глава", "Часть", "Оглавление",
            "Приложение",
        ),
    }.items()
}  # fmt: skip
_ENGLISH = {
    "figure": "Figure", "table": "Table", "section": "Section", "chapter": "Chapter", "part": "Part", "appendix": "Appendix",
    "abstract": "Abstract", "ref": "References", "bib": "Bibliography", "algorithm": "Algorithm", "equation": "Equation",
    "contents": "Contents", "page": "Page", "keywords": "Keywords", "acknowledgment": "Acknowledgment",
}  # fmt: skip
_LANGUAGES = {
    **{name: name for name in _NAMES},
    **dict.fromkeys(("francais", "frenchb", "acadian", "canadien"), "french"),
    **dict.fromkeys(("ngerman", "germanb", "austrian", "naustrian", "swissgerman", "nswissgerman"), "german"),
    **dict.fromkeys(("portuges", "brazil", "brazilian"), "portuguese"),
}
_BABEL = re.compile(r"\\usepackage\s*(?:\[([^\]]{0,1000})\])?\s*\{babel\}")
_CLASS_OPTIONS = re.compile(r"\\documentclass\s*\[([^\]]{0,1000})\]")
_MAIN_LANGUAGE = re.compile(r"\\(?:setmainlanguage|setdefaultlanguage)\s*(?:\[[^\]]{0,1000}\])?\s*\{\s*(\w+)")
_PACKAGE = re.compile(r"\\usepackage\s*\{(n?german)\}")
_OWN_NAME = re.compile(r"\\printedname@")
_ENGLISH_OPTION = re.compile(r"english|american|british|canadian|australian|UKenglish|USenglish")


def main_language(preamble: str) -> str:
    """The language whose names a preamble asks for: babel's last option or its `main=`, polyglossia's; `english` where none is told."""
    if (polyglossia := _MAIN_LANGUAGE.search(preamble)) is not None:
        return _LANGUAGES.get(polyglossia[1], "english")
    babel = _BABEL.search(preamble)
    if babel is None:
        return "german" if _PACKAGE.search(preamble) is not None else "english"
    of_class = _CLASS_OPTIONS.search(preamble)
    for options in (babel[1] or "", of_class[1] if of_class is not None else ""):
        names = [option.strip() for option in options.split(",")]
        main = [name.partition("=")[2].strip() for name in names if name.startswith("main")]
        for name in main or reversed(names):
            if name in _LANGUAGES or _ENGLISH_OPTION.fullmatch(name):
                return _LANGUAGES.get(name, "english")
    return "english"


def read_preamble(renderer: "Renderer", preamble: str) -> None:
    """The language of the names, and those that the paper gives itself: `\\renewcommand{\\proofname}{…}`, as the expansion leaves it."""
    renderer.languages = [main_language(preamble)]
    for found in _OWN_NAME.finditer(preamble):
        _name(renderer, preamble, found.end(), found[0], [])


def printed_name(renderer: "Renderer", kind: str) -> str:
    """What `\\<kind>name` prints."""
    own = renderer.own_names.pop(kind, None)  # gone while it is rendered: it may hold itself
    if own is not None:
        shown = renderer.inline(own)
        renderer.own_names[kind] = own
        if shown:
            return shown
    return _NAMES.get(renderer.languages[-1], {}).get(kind) or THEOREM_TITLES.get(kind) or _ENGLISH.get(kind, "")


def by_form(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """`\\figurename`, `\\theoremname` and their like; -1 where the command is none."""
    word = printed_name(renderer, name[:-4]) if name.endswith("name") else ""
    if not word:
        return -1
    out.append(word)
    return skip_line_space(text, end)


def enter_language(renderer: "Renderer", text: str, position: int, name: str, out: list[str]) -> int:
    """`\\begin{otherlanguage}{english}`: its names up to the environment's end."""
    given, position = renderer.arguments(text, position, "om")
    renderer.languages.append(_LANGUAGES.get((given[0] or "").strip(), "english") if given else renderer.languages[-1])
    out.append("\n\n")
    return position


def _select(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    given, after = renderer.arguments(text, end, "m")
    if given:
        renderer.languages[-1] = _LANGUAGES.get((given[0] or "").strip(), "english")
    return after


def _name(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """A name that the paper gives itself; an empty one stays LaTeX's own, for its heading tells what follows."""
    given, after = renderer.arguments(text, end, "mm")
    if len(given) == 2:
        renderer.own_names[(given[0] or "").strip()] = given[1] or ""
    return after


COMMANDS: dict[str, "Handler"] = {"selectlanguage": _select, "printedname@": _name}
