"""Beginnings and ends: environments, the document's, groups; what stands between is read or passed over."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from preprocess.latex.expansion import easylists, inclusion, verbatims
from preprocess.latex.expansion.macros import Frame, Handler
from preprocess.latex.tables import VERBATIM_ENVIRONMENTS

if TYPE_CHECKING:
    from preprocess.latex.expand import Expander

_BEGIN_END = re.compile(r"\s*\{([^{}]*)\}")


def _begin(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    text = frame.text
    found = _BEGIN_END.match(text, frame.position)
    if found is None:
        return False
    environment = found[1].strip()
    if environment in expander.verbatims and verbatims.read_own(expander, frame, environment, found.end()):
        return True
    is_verbatim = environment in VERBATIM_ENVIRONMENTS and environment not in expander.environments
    if is_verbatim or environment in expander.excluded_environments:
        closing = expander.scan.find(text, f"\\end{{{environment}}}", found.end())
        if closing < 0:
            expander.warn("verbatim_not_closed", environment)
            frame.position = found.end()
            return True
        end = closing + len(environment) + 6
        frame.position = end
        if environment in expander.excluded_environments:
            if expander.trace is not None:
                expander.trace.drop(environment, end - start)
            expander.dropped["comment"] += frame.num_source(start, end)
        elif environment.startswith("filecontents"):
            inclusion.keep_file(expander, text[found.end() : closing])
            expander.dropped["filecontents"] += frame.num_source(start, end)
        else:
            expander.emit(text[start:end])
        return True
    if environment in expander.environments:
        frame.position = found.end()
        expander.open_scope()
        expander.call(frame, environment, expander.environments[environment].begin)
        return True
    if environment == "easylist" and easylists.read(expander, frame, found.end()):
        return True
    frame.position = found.end()
    if environment == "document" and expander.is_nested_file():
        return True
    if environment == "document":
        expander.is_latex = True
        expander.scopes.clear()
    else:
        expander.open_scope()
    expander.emit(f"\\begin{{{environment}}}")
    return True


def _end(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    found = _BEGIN_END.match(frame.text, frame.position)
    if found is None:
        return False if expander.is_latex else inclusion.end_paper(expander, frame, name, start)  # plain TeX's \end
    environment = found[1].strip()
    frame.position = found.end()
    if environment in expander.environments:
        expander.leave_scope()
        expander.push(expander.environments[environment].end, f"end{environment}")
        return True
    if environment == "document" and expander.is_nested_file():
        return inclusion.end_input(expander, frame, name, start)
    expander.emit(f"\\end{{{environment}}}")
    if environment == "document":
        return inclusion.end_paper(expander, frame, name, start)
    expander.leave_scope()
    return True


def _excludecomment(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    target = expander.scan.group(frame.text, frame.position)
    if target is None:
        return False
    frame.position = target[1]
    if name == "excludecomment":
        expander.excluded_environments.add(target[0].strip())
    else:
        expander.excluded_environments.discard(target[0].strip())
    return True


def _open_scope(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    expander.open_scope()
    return False


def _close_scope(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    expander.leave_scope()
    return False


HANDLERS: dict[str, Handler] = {
    "begin": _begin,
    "end": _end,
    **dict.fromkeys(("excludecomment", "includecomment"), _excludecomment),
    **dict.fromkeys(("bgroup", "begingroup"), _open_scope),
    **dict.fromkeys(("egroup", "endgroup"), _close_scope),
}
