"""Files: where one is included, which of the archive it is, what a package of the archive or of LaTeX's adds, where reading ends."""

from __future__ import annotations

import re
from collections import ChainMap
from typing import TYPE_CHECKING

from preprocess.latex.decode import is_tex_name
from preprocess.latex.expansion import algorithmic
from preprocess.latex.expansion.definitions import argument_kinds
from preprocess.latex.expansion.macros import Environment, Frame, Handler, Macro, calls_itself, split_body, uncomment
from preprocess.latex.scan import skip_space
from preprocess.latex.vocabularies import vocabulary

if TYPE_CHECKING:
    from preprocess.latex.expand import Expander

_PACKAGE_INPUT = re.compile(r"\\(?:input|InputIfFileExists|RequirePackage|usepackage)\s*(?:\[[^\]]{0,1000}\])?\s*\{([^{}]*)\}")
_INTERNALS = re.compile(
    r"\\(?:setbox|unhcopy|unhbox|unvbox|copy|wd|ht|dp|hskip|kern|vrule|hrule|halign|vbox|vtop|lower|raise|futurelet|afterassignment"
    r"|dimen|count|skip|toks|catcode|afterpage|pgf[a-z]*|tikz[a-z]*)(?![A-Za-z])"
)
_DEFINITION = re.compile(
    r"\\(newcommand|renewcommand|providecommand|DeclareRobustCommand|def|gdef|let|DeclareMathOperator|newenvironment|renewenvironment"
    r"|newtheorem|declaretheorem|newif|NewDocumentCommand|DeclareDocumentCommand|newtcolorbox|newtcbtheorem|newmdenv|newmdtheoremenv)(?![A-Za-z@])"
)
_NAMES_OF_REFERENCES = re.compile(
    r"\\(?:[cC]refname|[cC]refformat|creflabelformat|setlist\*?|newlist|PassOptionsToPackage"
    r"|(?:usepackage|RequirePackage)\s*(?=\[[^\]]*\]\s*\{cleveref))"
    r"(?:\s*(?:\[[^\[\]]*\]|\{(?:[^{}]|\{[^{}]*\})*\})){1,4}"
)
# a command of expl3: what is written with these makes no text by itself
_EXPL = re.compile(r"\\(?:cs|tl|seq|clist|prop|str|keys|bool|token|exp|prg|use|msg)_[a-z_]+:[A-Za-z]")
_TAKEN_OF_CLASSES = frozenset({"newtheorem", "declaretheorem", "newif"})
_INTERNAL_NAME = re.compile(r"\*?\s*\{?\s*\\[A-Za-z]*@")
_UNBRACED_NAME = re.compile(r"[ \t]*\"?([^\s{}\\%\"]+)\"? ?")
_FILE_NAME = re.compile(r"[\w./ -]+")
# up to a switch (group 1), a brace or the end, with what is between them in one step
_SWITCHING = re.compile(
    r"(?:[^\\{}]++|\\(?![A-Za-z]+(?:true|false)(?![A-Za-z@])).?)*+"
    r"(?:(\\[A-Za-z]+(?:true|false)(?![A-Za-z@])(?:\s*\{[^{}\\]{0,2000}\})?)|([{}])|\Z)",
    re.S,
)
_MACRO = re.compile(r"\\([A-Za-z@]+)\s*")
_BEGIN_DOCUMENT = re.compile(r"\\begin\s*\{document\}")
_ARGUMENT_PLACE = re.compile(r"#\d")
# the package import's: a folder, then a file
_FROM_FOLDER = ("import", "subimport", "inputfrom", "subinputfrom", "includefrom", "subincludefrom")
# every TeX has them: an archive need not
_STANDARD_FILES = frozenset({"amstex", "amsppt", "harvmac", "epsf", "psfig", "plain", "amssym.def", "amssym"})
_COUNTS = {"harvmac": ("figno",), "lanlmac": ("figno",)}  # that papers number figures of their own by


def _input(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    text = frame.text
    folder = ""
    position = frame.position
    if name in _FROM_FOLDER:
        if text[position : position + 1] == "*":
            position += 1
        given = expander.scan.argument(text, position)
        if given is None:
            return True
        folder, position = given
    braced = expander.scan.argument(text, position) if text[skip_space(text, position) : skip_space(text, position) + 1] == "{" else None
    if braced is not None:
        target, end = braced
    else:
        found = _UNBRACED_NAME.match(text, position)
        if found is None:
            return True
        target, end = found[1], found.end()
    frame.position = end
    if name == "InputIfFileExists":
        yes = expander.scan.group(text, end)
        no = expander.scan.group(text, yes[1]) if yes else None
        if yes is not None and no is not None:
            frame.position = no[1]
            is_there = _find(expander, target) is not None
            if is_there or not no[0].strip():
                _include(expander, target, folder)
            expander.push(yes[0] if is_there else no[0])  # read before the file, as LaTeX does
            return True
    if (
        name in ("include", "includefrom", "subincludefrom")
        and expander.include_only is not None
        and target.strip() not in expander.include_only
    ):
        expander.warn("not_in_includeonly", target)
        return True
    _include(expander, target, folder)
    return True


def _if_file_exists(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    """What holds where a TeX file is in the archive; packages, fonts and pictures are there on the author's machine."""
    target = expander.scan.group(frame.text, frame.position)
    yes = expander.scan.group(frame.text, target[1]) if target else None
    no = expander.scan.group(frame.text, yes[1]) if yes else None
    if target is None or yes is None or no is None:
        return False
    frame.position = no[1]
    is_tex = target[0].strip().lower().endswith(".tex") or "." not in target[0].rpartition("/")[2]
    expander.push(yes[0] if not is_tex or _find(expander, target[0]) is not None else no[0])
    return True


def include_by_own_command(expander: Expander, frame: Frame) -> bool:
    """A house's own `\\importsection[folder]{file}`: taken as an inclusion where it names a file of the archive."""
    position = frame.position + (frame.text[frame.position : frame.position + 1] == "*")
    folder = ""
    if (given := expander.scan.optional_argument(frame.text, position)) is not None:
        folder, position = given
    target = expander.scan.argument(frame.text, position)
    if target is None or not _FILE_NAME.fullmatch(target[0]):
        return False
    name = _find(expander, target[0], folder)
    if name is None or not name.lower().endswith((".tex", ".ltx", ".latex")) or name in expander.files:
        return False
    frame.position = target[1]
    _include(expander, target[0], folder)
    return True


def _include(expander: Expander, target: str, folder: str) -> None:
    if "\\" in target:
        if "\\jobname" in target and expander.files:
            target = target.replace("\\jobname", expander.files[0].rpartition("/")[2].rpartition(".")[0])
        target = _MACRO.sub(lambda found: expander.flat(found[0]), target)
    name = _find(expander, target, folder)
    _learn(expander, target.strip().lower().removesuffix(".tex"))
    if name is not None and name.lower().endswith(("harvmac.tex", "lanlmac.tex", "phyzzx.tex", "amstex.tex", "amsppt.sty")):
        return  # a format by TeX's internals: what authors write of it is known
    if name is None:
        if target.strip().lower().removesuffix(".tex") not in _STANDARD_FILES:
            expander.warn("missing_input", target)
        return
    if any(open_frame.name == name for open_frame in expander.frames):
        expander.warn("input_loop", name)
        return
    if name.lower().endswith((".sty", ".cls")):
        _package(expander, name)
        return
    if expander.files.count(name) > 3:
        expander.warn("input_loop", name)
        return
    expander.push_file(name)


def _find(expander: Expander, target: str, folder: str = "") -> str | None:
    return expander.names.find(target, folders(expander, folder))


def folders(expander: Expander, folder: str = "") -> list[str]:
    """Where a file is looked for: in the folder that the command names, beside the root, beside the file being read."""
    here = next((frame.name for frame in reversed(expander.frames) if frame.name), None)
    beside = here.rpartition("/")[0] if here else ""
    root_folder = expander.files[0].rpartition("/")[0] if expander.files else ""
    given = [folder.strip().removeprefix("./").rstrip("/")] if folder.strip() else []
    below = [f"{base}/{extra}" for base in (root_folder, beside) for extra in given if base]
    return list(dict.fromkeys([*given, root_folder, beside, *below, ""]))


def _usepackage(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    if name == "documentclass" and frame.name is not None and expander.is_nested_file():
        begin = _BEGIN_DOCUMENT.search(frame.text, frame.position)
        if begin is not None:
            expander.dropped["preamble"] += frame.num_source(start, begin.end())
            frame.position = begin.end()
            return True
    position = frame.position
    if (given := expander.scan.optional_argument(frame.text, position)) is not None:
        position = given[1]
    target = expander.scan.argument(frame.text, position)
    if target is None:
        return True
    if target[0].strip() == "subfiles" and given is not None:
        # a part of a book: the preamble is that of the main file which it names
        frame.position = target[1]
        main = _find(expander, given[0])
        if main is not None and not any(open_frame.name == main for open_frame in expander.frames):
            begin = _BEGIN_DOCUMENT.search(expander.texts[main])
            expander.frames.append(Frame(expander.texts[main][: begin.start() if begin else 0]))
        return True
    for package in target[0].split(","):
        expander.packages.add(package.strip().lower())
        algorithmic.without_ends(expander, package, given[0] if given is not None else "")
        if name.startswith("document"):
            _learn(expander, package)
            if name == "documentstyle":  # LaTeX 2.09 has its packages among the options
                for option in (given[0] if given is not None else "").split(","):
                    _learn_package(expander, option)
        else:
            _learn_package(expander, package)
        suffixes = (".cls",) if name == "documentclass" else (".sty",)
        for suffix in suffixes:
            found = _find(expander, package.strip() + suffix) if package.strip() else None
            if found is not None and found.lower().endswith(suffix):
                _package(expander, found)
    return False  # the command itself stays for the renderer, which knows the class from it


def _learn_package(expander: Expander, name: str) -> None:
    if name.strip() not in ("amstex", "harvmac"):  # LaTeX's old package of that name has environments
        _learn(expander, name)


def _learn(expander: Expander, name: str) -> None:
    """Takes the commands that a class, a format or a package adds to LaTeX's own."""
    for register in _COUNTS.get(name.strip().lower(), ()):
        expander.define_register(register)
        expander.counts[register] = 1
    for command, told in vocabulary(name.strip()):
        body = told.body
        if f"\\{command}" in body and calls_itself(command, body):
            body = re.sub(rf"\\{command}(?![A-Za-z@])", rf"\\{command}@", body)
            expander.macros[f"{command}@"] = Macro(0, None, (f"\\{command}",), alias=command)
        delimiters = tuple(_ARGUMENT_PLACE.split(told.parameters))
        if told.arguments is not None:
            kinds = tuple(argument_kinds(told.arguments))
            macro = Macro(len(kinds), None, split_body(body), spec=kinds)
        else:
            macro = Macro(len(delimiters) - 1, told.default, split_body(body), delimiters=delimiters if any(delimiters) else None)
        if told.end is None:
            expander.macros[command] = macro
        else:
            expander.define_environment(command, Environment(macro, told.end))


def _package(expander: Expander, name: str) -> None:
    """Takes the plain definitions of a package in the archive; what deals in internals (`@`) is left alone."""
    if name in expander.seen_packages:
        return
    expander.seen_packages.add(name)
    if name.rpartition("/")[2].lower().removesuffix(".sty") in algorithmic.PACKAGES:
        return  # a copy of what is known: its \\AND stands between authors too
    text = uncomment(expander.texts[name])
    if len(text) > 400_000:
        return
    for found in _PACKAGE_INPUT.finditer(text):
        for target in found[1].split(","):
            resolved = _MACRO.sub(lambda word: expander.flat(word[0]), target.strip())
            inner = _find(expander, resolved) or _find(expander, f"{resolved}.sty")
            if inner is not None and inner.lower().endswith((".sty", ".tex", ".def")) and inner not in expander.files:
                _package(expander, inner)
    is_class = name.lower().endswith(".cls")
    taken = type(expander)({}, expander.config, expander.scan)
    taken.theorems, taken.switches = expander.theorems, expander.switches
    for found in _DEFINITION.finditer(text):
        command = found[1]
        if command not in _TAKEN_OF_CLASSES and (is_class or _INTERNAL_NAME.match(text, found.end())):
            continue
        frame = Frame(text, found.end())
        taken.macros, taken.environments = ChainMap({}, expander.macros), ChainMap({}, expander.environments)
        taken.obey(command, frame, found.start())
        definition = text[found.end() : frame.position]
        if "@" in definition or is_class or _EXPL.search(definition):
            continue
        if not _INTERNALS.search(definition) or (taken.macros.maps[0] and not any(map(_has_internals, taken.macros.maps[0].values()))):
            expander.macros.update(taken.macros.maps[0])
            for environment, meaning in taken.environments.maps[0].items():
                expander.define_environment(environment, meaning)
    _set_switches(expander, text)
    expander.emit("".join(taken.out))  # labels of items: the renderer counts those
    for found in _NAMES_OF_REFERENCES.finditer(text):
        expander.emit(found[0])


def _set_switches(expander: Expander, text: str) -> None:
    """What a package switches on or off by the way: `\\drafttrue`, `\\toggletrue{x}`, a command of its own of such a name."""
    calls: list[str] = []
    depth = 0
    for found in _SWITCHING.finditer(text):
        if found[2] is not None:
            depth += 1 if found[2] == "{" else -1
        elif depth == 0 and found[1] is not None:
            calls.append(found[1])
    if calls:
        run = type(expander)({"switches": "\n".join(calls)}, expander.config, expander.scan)
        run.macros, run.switches, run.counters = ChainMap({}, expander.macros), expander.switches, expander.counters
        run.expand("switches")


def _has_internals(macro: Macro) -> bool:
    """Whether a macro deals in boxes and registers: one that draws a symbol with them has been told as that symbol's command."""
    return any(isinstance(piece, str) and _INTERNALS.search(piece) for piece in macro.pieces)


def _includeonly(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    target = expander.scan.argument(frame.text, frame.position)
    if target is not None:
        frame.position = target[1]
        expander.include_only = {part.strip() for part in target[0].split(",")}
    return True


def keep_file(expander: Expander, content: str) -> None:
    """A file that the paper carries in itself and may include later."""
    if (given := expander.scan.optional_argument(content, 0)) is not None:
        content = content[given[1] :]
    name = expander.scan.group(content, 0)
    if name is None or name[0].lower() in expander.archive_names.by_lower:
        return
    expander.archive_names.add(name[0])
    expander.texts[name[0]] = content[name[1] :].lstrip("\n")
    if is_tex_name(name[0]):
        expander.names.add(name[0])


def _bibliography(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    """The `.bbl` that BibTeX or biber has made, where the bibliography is kept."""
    if not expander.config.keep_bibliography:
        return False
    if (given := expander.scan.optional_argument(frame.text, frame.position)) is not None:
        frame.position = given[1]
    if name == "bibliography":
        target = expander.scan.group(frame.text, frame.position)
        if target is None:
            return False
        frame.position = target[1]
    stem = expander.files[0].rsplit(".", 1)[0].lower() if expander.files else ""
    lists = [file for lower, file in sorted(expander.names.by_lower.items()) if lower.endswith(".bbl")]
    own = [file for file in lists if file.lower() == f"{stem}.bbl"] or lists
    if own and own[0] not in expander.files:
        expander.push_file(own[0])
    elif not own:
        expander.warn("missing_bibliography")
    return True


def end_input(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    """The end of the file being read."""
    while expander.frames:
        top = expander.frames[-1]
        expander.dropped["after_end"] += top.num_source(top.position, len(top.text))
        top.position = len(top.text)
        if top.name is not None:
            return True
        expander.frames.pop()
    return True


def end_paper(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    """The end of the paper: TeX reads no further."""
    while expander.frames:
        left = expander.frames.pop()
        expander.dropped["after_end"] += left.num_source(left.position, len(left.text))
    expander.is_stopped = True
    return True


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("input", "@input", "include", "subfile", "subfileinclude", "InputIfFileExists", *_FROM_FOLDER), _input),
    "IfFileExists": _if_file_exists,
    **dict.fromkeys(("usepackage", "RequirePackage", "documentclass", "documentstyle"), _usepackage),
    "includeonly": _includeonly,
    **dict.fromkeys(("bibliography", "printbibliography"), _bibliography),
    "endinput": end_input,
    **dict.fromkeys(("bye", "enddocument"), end_paper),
}
