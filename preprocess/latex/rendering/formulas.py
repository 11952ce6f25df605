"""Formulas: copied as they stand, without what is there for TeX alone, quantities of siunitx written out."""

import re
from typing import TYPE_CHECKING

from preprocess.latex import siunitx
from preprocess.latex.rendering import astronomy, chemistry, plain_tex
from preprocess.latex.rendering.citations import cites, refs
from preprocess.latex.rendering.math_choices import with_choices
from preprocess.latex.scan import unguard

if TYPE_CHECKING:
    from preprocess.latex.render import Handler, Renderer

_DISPLAYS_WITH_ARGUMENT = frozenset({"tikzcd", "IEEEeqnarray", "alignat", "xalignat", "xxalignat", "empheq", "numcases", "subnumcases"})
_STANDARD_DISPLAYS = {"mathpar": "gather*", "subeqnarray": "eqnarray", "subeqnarray*": "eqnarray*"}  # what others print alike
_AND = re.compile(r"\\and(?![A-Za-z])")
_INTERTEXT = re.compile(r"\\(?:short)?intertext(?![A-Za-z])")
_DISPLAY_ARGUMENT = re.compile(r"[ \t]*(?:\[[^\]\n]{0,200}\](?:\s*\{[^{}\n]{0,200}\})?|\{[^{}\n]{0,200}\})")
_INNER_TEXT = re.compile(r"\\(text|textrm|textit|textbf|textnormal|mbox|hbox)\s*\{([^{}$]{0,2000}\$(?:[^{}]|\{[^{}]{0,500}\}){0,2000})\}")
_FORMULA_IN_BOX = re.compile(
    r"\\(?:text|textrm|textbf|mbox|hbox)\s*\{\s*(\\boldmath(?![A-Za-z])\s*)?(\{\s*)?\$((?:[^${}]|\{(?:[^${}]|\{[^${}]{0,200}\}){0,500}\}){1,500})\$"
    r"\s*(?(2)\}\s*)\}"
)
_GENSYMB_SIGNS = {"degree": "^{\\circ}", "celsius": "^{\\circ}\\mathrm{C}", "mu": "\\mu", "ohm": "\\Omega"}
_GENSYMB = re.compile(rf"\\tc({'|'.join(_GENSYMB_SIGNS)})(?![A-Za-z])[ \t]?")  # the package's names for its signs in formulas
_BLANKS_BEFORE_LABEL = re.compile(r"[ \t]+(?=\\label\s*\{[^{}]*\})")
_NO_READER = re.compile(  # each alternative begins with a backslash: nothing else is looked at
    r"\\label\s*\{[^{}]*\}"
    r"|\\(?:nonumber|notag|qedhere|m@th|IEEEyesnumber|IEEEnonumber|IEEEeqnarraynumspace|protect|displaybreak(?:\[\d\])?)(?![A-Za-z])[ \t]*"
    r"|\\(?:addtocounter|setcounter)\s*\{[^{}]*\}\s*\{[^{}]*\}|\\(?:ref)?stepcounter\s*\{[^{}]*\}"
    r"|\\tag\*?\s*\{\s*\\(?:theequation|qed)\s*\}|\\l?eqno\s*(?:\(\s*\)|\Z)"
    r"|\\(?:hfill|hfil|xspace|selectfont|normalfont|allowbreak|linebreak|nolinebreak|break|par)(?![A-Za-z])[ \t]*"
    r"|\\vspace\*?\s*\{[^{}]*\}|\\vskip\s*-?[\d.]+\s*[a-z]{2}"
    r"|\\(?:lower|raise)\s*-?\s*\d*\.?\d+\s*(?:pt|ex|em|mm|cm|in)\s*(?=\\)"
)  # what stands in a formula for TeX alone
_OLD_ALPHABET = re.compile(r"\\(Bbb|frak|Cal)(?![A-Za-z])")
_ALPHABETS = {"Bbb": r"\mathbb", "frak": r"\mathfrak", "Cal": r"\mathcal"}
_SIZE = re.compile(r"\\(?:tiny|scriptsize|footnotesize|small|normalsize|large|Large|LARGE|huge|Huge)(?![A-Za-z])[ \t]*")
_MATRIX_SIZE = re.compile(r"\\xymatrix(?:row|col)sep\s*\{[^{}]*\}")
_FOOTNOTE_MARK = re.compile(r"\\footnotemark(?![A-Za-z])(?:\[[^\]]{0,20}\])?")
_BOXED_ALPHABET = re.compile(r"\\[hm]box\s*\{\s*(\\math(?:bb|frak)\s*\{[A-Za-z]\})\s*\}")
_PICTURE_FILE = re.compile(
    r"\\epsf[xy]size\s*=?\s*-?[\d.]+\s*(?:true\s*)?[a-z]{2}\s*|\\(?:epsf(?:file|box)|e?psfig)\s*(?:\[[^\[\]]*\])?\s*\{[^{}]*\}"
)
_SIZED_BOX = re.compile(r"(\\[hv]box)\s*(?:to|spread)\s*-?[\d.]*\s*(?:true\s*)?(?:[a-z]{2}|\\[A-Za-z]+)\s*(?=\{)")
_FOOTNOTE = re.compile(r"\\footnote(?:text)?(?![A-Za-z])\s*(?:\[[^\]]{0,20}\])?\s*(?=\{)")
_AMSTEX_TAG = re.compile(r"\\tag(?![A-Za-z])\s*(?:\"([^\"\n]{0,40})\"|([^\s{}\\*&\"][^\s{}\\&]{0,40}))")
_TENSOR = re.compile(r"\\(tensor|indices)(?![A-Za-z])(\*?)")
_INDEX = re.compile(r"\s*([_^])\s*(\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}|\\[A-Za-z]+|[^\s{}\\_^])")
_LINE_STEP = re.compile(r"\\\\\s*|\\(?:begin|end)(?![A-Za-z])|\\.|[{}]", re.S)
_LAST_COMMAND = re.compile(r"\\[A-Za-z]+\Z")
_ROW_SPACE = re.compile(r"(\\\\)(?:\*[ \t]*)?\[\s*[-+]?[\d.]*\s*(?:pt|cm|mm|in|em|ex|bp|pc|sp|mu|\\[A-Za-z]+)\s*\]")
_SCALED = re.compile(  # what only moves or scales; group 1: a formula is in the box, else it is text
    r"\\(?:raisebox\s*\{[^{}]{0,100}\}\s*(?:\[[^\]]{0,50}\]){0,2}|scalebox\s*\{[^{}]{0,100}\}\s*(?:\[[^\]]{0,50}\])?"
    r"|resizebox\*?\s*\{[^{}]{0,100}\}\s*\{[^{}]{0,100}\})\s*(?=\{\s*(\$)?)"
)
_PICTURE = re.compile(r"\\includegraphics\*?\s*(?:\[[^\[\]]{0,300}\]\s*){0,2}\{[^{}]{0,300}\}")
_DRAWING = re.compile(r"\\begin\s*\{(tikzpicture|pspicture\*?|picture|pgfpicture|fmfgraph\*?)\}")
_QUANTITY = re.compile(r"\\(" + "|".join(sorted(siunitx.NUM_GROUPS, key=len, reverse=True)) + r")(?![A-Za-z])(?=\s*[\[{])")
_MATH_COLOUR = re.compile(
    r"\\textcolor\s*(?:\[\w+\])?\s*\{[^{}]*\}\s*(\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})|\\color\s*(?:\[\w+\])?\s*\{[^{}]*\}[ \t]*"
)
_MARK = re.compile("[\x02\x03]")
_KERN = re.compile(
    r"(\\[A-Za-z]{1,40})?\\(?:m?kern|[hm]skip)\s{0,9}-?\s{0,9}(?:\d{0,9}\.?\d{1,9}|\d{1,9}\.)\s{0,9}"
    r"(?:true\s{0,9})?(?:em|ex|pt|mu|mm|cm|in)\s?(?=([A-Za-z])?)"
)
_WORD_BEFORE_MARK = re.compile(r"(\\[A-Za-z]+)[\x02\x03]+(?=[A-Za-z])")
_TEXT_COLUMN = re.compile(r"&([^&{}]*\$[^&]*?)(?=\\cr\b|\}\s*$)")
_TEXT_CASES = re.compile(r"\\begin\s*\{([dr]?cases)\*\}((?:[^\\]|\\(?!begin\s*\{|end\s*\{).){0,4000})\\end\s*\{\1\*\}", re.S)
_LAST_COLUMN = re.compile(r"&((?:[^&\\]|\\[^\\])*)")
_MATH_REF = re.compile(r"\\(?:eq|page|auto|c|C)?ref\s*\*?\{([^{}]*)\}")
_PROOF_TREE = re.compile(r"\\(?:Axiom|AxiomC|AXC)(?![A-Za-z])")
_BETWEEN_PROOF_TREES = re.compile(  # what only sets them on the page
    r"\\(?:q?quad|hfill|hfil|hline|[hvm]box|vcenter|[be]group|(?:bottom|center|normal)AlignProof|noLine|(?:single|double)Line)(?![A-Za-z])"
    r"|\\(?:begin|end)\s*\{(?:array|aligned|gathered|split|[a-z]?matrix)\}(?:\[[a-z]\])?(?:\{[^{}]*\})?"
    r"|\\[,;:! ]|\\[hv]s(?:pace|kip)\*?\{[^{}]*\}|\\\\(?:\[[^\[\]]*\])?|[&~\s]"
)
_PDF_STRING = re.compile(r"\\texorpdfstring\s*(\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})\s*\{[^{}]*\}")
_GROUP_MARK = re.compile(r"(?<!\\)[{}]")
_MATH_CITE = re.compile(r"\\cite[a-z]*\s*(?:\[[^\]]{0,1000}\])*\{([^{}]*)\}")


def dollar(renderer: "Renderer", text: str, start: int, out: list[str]) -> int:
    """Past the formula that the `$` at `start` begins; a dollar that nothing closes is a dollar."""
    if text.startswith("$$", start):
        end = renderer.scan.closing_dollars(text, start + 2)
        if end < 0:
            out.append("\\$")
            return start + 2
        out.append(display(renderer, text[start + 2 : end]))
        return end + 2
    end = renderer.scan.closing_dollar(text, start + 1)
    if end < 0:
        out.append("\\$")
        return start + 1
    write_inline(renderer, text[start + 1 : end], out)
    return end + 1


def mark_end(text: str, start: int) -> int:
    """Where the formula of the `\\ensuremath` ends that the mark at `start` begins, others inside it respected; else the end of `text`."""
    depth = 0
    for found in _MARK.finditer(text, start):
        depth += 1 if found[0] == "\x02" else -1
        if depth == 0:
            return found.start()
    return len(text)


def write_inline(renderer: "Renderer", content: str, out: list[str]) -> None:
    """A formula of the running text; one that follows another without a blank goes on in it, for `$$` begins a display."""
    append_formula(inline_math(renderer, content), out)


def append_formula(shown: str, out: list[str]) -> None:
    """`shown`, which begins with a dollar, behind what is written."""
    before = out[-1] if out else ""
    if not shown or not before.endswith("$") or before.endswith("\\$"):
        out.append(shown)
        return
    between = "{}" if shown[1] in "^_'" else " " if shown[1].isalpha() and _LAST_COMMAND.search(before[-40:-1]) else ""
    out[-1] = before[:-1]
    out.append(between + shown[1:])


def inline_math(renderer: "Renderer", content: str) -> str:
    """A formula of the running text, from what stands between its dollars; footnotes in it come after it, proof trees are lines."""
    if "\\DisplayProof" in content and _PROOF_TREE.search(content) is not None:
        return f"\n{_proof_trees(renderer, content)}\n"
    content, notes = _without_footnotes(renderer, content) if "\\footnote" in content else (content, "")
    content = _clean_math(renderer, content, is_display=False).replace("\n", " ")
    if "\\\\" in content:
        content = _without_line_ends(content)
    return f"${_closed(content)}${notes}" if content else notes


def _closed(content: str) -> str:
    """A formula whose last backslash is none of its end: `a\\ ` at the end, a blank, stays one."""
    return content if (len(content) - len(content.rstrip("\\"))) % 2 == 0 else f"{content} "


def _without_line_ends(content: str) -> str:
    """A formula of the running text without the line ends in it; those of a matrix or a stack, in a group or an environment, stay."""
    depth = 0

    def kept(found: re.Match[str]) -> str:
        nonlocal depth
        if found[0].startswith("\\\\"):
            return found[0] if depth else " "
        depth += 1 if found[0] in ("{", "\\begin") else -1 if found[0] in ("}", "\\end") else 0
        return found[0]

    return _LINE_STEP.sub(kept, content).strip()


def display(renderer: "Renderer", content: str) -> str:
    """A formula on lines of its own, from what stands between `$$` and `$$`."""
    if plain_tex.is_table(content):
        return f"\n\n{renderer.nested(content)}\n\n"
    if "\\DisplayProof" in content:
        return f"\n\n{_proof_trees(renderer, content)}\n\n"
    content, notes = _without_footnotes(renderer, content) if "\\footnote" in content else (content, "")
    content = _clean_math(renderer, content)
    return f"\n\\[{_closed(content)}\\]\n{notes}" if content else f" {notes}"


def _proof_trees(renderer: "Renderer", content: str) -> str:
    """Proof trees of bussproofs that stand in a formula: they are lines of text there too, what is between them stays a formula."""
    lines: list[str] = []
    position = 0
    while position < len(content):
        found = _PROOF_TREE.search(content, position)
        start = found.start() if found else len(content)
        between = _BETWEEN_PROOF_TREES.sub(" ", content[position:start])
        if between.count("{") != between.count("}"):
            between = _GROUP_MARK.sub("", between)  # of a box around a tree
        if formula := inline_math(renderer, between):
            lines.append(formula)
        stop = content.find("\\DisplayProof", start)
        position = stop + len("\\DisplayProof") if stop >= 0 else len(content)
        lines.append(renderer.nested(content[start:position]))
    return "\n".join(line for line in lines if line)


def display_environment(renderer: "Renderer", text: str, position: int, name: str, out: list[str]) -> int:
    """A display environment as it stands; one that nothing closes ends with its paragraph."""
    closing = f"\\end{{{name}}}"
    end = renderer.scan.find(text, closing, position)
    if end < 0:
        end = text.find("\n\n", position)
        end = len(text) if end < 0 else end
        after = end
    else:
        after = end + len(closing)
    argument = ""
    if name.rstrip("*") in _DISPLAYS_WITH_ARGUMENT and (found := _DISPLAY_ARGUMENT.match(text, position)):
        argument, position = found[0].strip(), found.end()
    shown_name = _STANDARD_DISPLAYS.get(name, name)
    for index, part in enumerate(_without_intertexts(renderer, text[position:end])):
        if index % 2:
            out.append(renderer.inline(part))
            continue
        if "\\DisplayProof" in part:
            out.append(f"\n\n{_proof_trees(renderer, part)}\n\n")
            continue
        part, notes = _without_footnotes(renderer, part) if "\\footnote" in part else (part, "")
        content = _clean_math(renderer, part)
        if name == "mathpar":
            content = _AND.sub(r"\\qquad", content)
        if content:
            out.append(f"\n\\begin{{{shown_name}}}{argument}\n{content}\n\\end{{{shown_name}}}\n{notes}")
    return after


def _without_footnotes(renderer: "Renderer", content: str) -> tuple[str, str]:
    """A formula, and the footnotes that stood in it."""
    parts: list[str] = []
    notes: list[str] = []
    position = 0
    for found in _FOOTNOTE.finditer(content):
        given = renderer.scan.group(content, found.end()) if found.start() >= position else None
        if given is not None:
            parts.append(content[position : found.start()])
            notes.append(f" [footnote: {renderer.inline(given[0])}]")
            position = given[1]
    return _FOOTNOTE_MARK.sub("", "".join((*parts, content[position:]))), "".join(notes)


def _without_intertexts(renderer: "Renderer", content: str) -> list[str]:
    """Formulas of a display and the texts of `\\intertext` between them, in turn."""
    parts: list[str] = []
    position = 0
    if "intertext" in content:
        for found in _INTERTEXT.finditer(content):
            given = renderer.scan.group(content, found.end()) if found.start() >= position else None
            formula = content[position : found.start()]
            if given is not None and formula.count("\\begin{") == formula.count("\\end{"):
                parts += [formula, given[0]]
                position = given[1]
    return [*parts, content[position:]]


def _clean_math(renderer: "Renderer", content: str, *, is_display: bool = True) -> str:
    """A formula without what no reader sees; each look is made only where something hints at a find."""
    if "\x02" in content or "\x03" in content:
        content = _WORD_BEFORE_MARK.sub(r"\1 ", content).replace("\x02", "").replace("\x03", "")
    if "\\" in content:
        if "\\includegraphics" in content:
            content = _without_pictures(renderer, content)
        if "\\mathchoice" in content:
            content = with_choices(renderer, content, is_display=is_display)
        if "\\label" in content:
            content = _BLANKS_BEFORE_LABEL.sub("", content)
        content = _NO_READER.sub("", content)
        if "size" in content or "small" in content or "tiny" in content or "arge" in content or "uge" in content:
            content = _SIZE.sub("", content)
        if "xymatrix" in content:
            content = _MATRIX_SIZE.sub("", content)
        if "kern" in content or "skip" in content:
            content = _KERN.sub(lambda found: f"{found[1]} " if found[1] and found[2] else found[1] or "", content)
        if _QUANTITY.search(content) is not None:
            content = _math_quantities(renderer, content)
        if "olor" in content:
            content = _MATH_COLOUR.sub(lambda found: found[1] or "", content)
        if "epsf" in content or "psfig" in content:
            content = _PICTURE_FILE.sub("", content)
        if "box" in content:
            content = _SIZED_BOX.sub(r"\1", content)
            content = _BOXED_ALPHABET.sub(r"\1", content)
            content = _SCALED.sub(lambda found: "" if found[1] else "\\text", content)
        if "\\Bbb" in content or "\\frak" in content or "\\Cal" in content:
            content = _OLD_ALPHABET.sub(lambda found: _ALPHABETS[found[1]], content)
        if "\\tag" in content:
            content = _AMSTEX_TAG.sub(lambda found: f"\\tag{{{found[2]}}}" if found[2] else f"\\tag*{{{found[1]}}}", content)
        if "\\tensor" in content or "\\indices" in content:
            content = _with_indices(renderer, content)
        if "picture}" in content or "\\begin{fmfgraph" in content:
            content = _without_drawings(renderer, content)
        if "\\cases" in content and "$" in content:
            content = _TEXT_COLUMN.sub(_split_text_column, content)
        if "cases*}" in content:
            content = _TEXT_CASES.sub(_text_cases, content)
        if "\\ce{" in content or "\\ch{" in content:
            content = chemistry.in_formula(content)
        if "\\tc" in content:
            content = _GENSYMB.sub(lambda found: _GENSYMB_SIGNS[found[1]], content)
        if "\\texorpdfstring" in content:
            content = _PDF_STRING.sub(r"\1", content)
        if "\\textormath" in content or "\\ion" in content:
            content = astronomy.in_formula(content)
        if "ref" in content:
            content = _MATH_REF.sub(lambda found: refs(renderer, found[1]), content)
        if "\\cite" in content:
            content = _MATH_CITE.sub(lambda found: cites(renderer, found[1]), content)
        if "\\verb\x01" in content:
            content = re.sub(r"\\verb\x01([^\x01]*)\x01", lambda found: f"\\texttt{{{unguard(found[1])}}}", content)
        if "$" in content:
            content = _FORMULA_IN_BOX.sub(_unboxed, content)
            content = _INNER_TEXT.sub(_split_inner_text, content)
        if "\\\\" in content:
            content = _without_last_row_end(_ROW_SPACE.sub(r"\1", content))
    content = content.replace("\x01", "")
    if "$" in content:
        content = re.sub(r"(?<!\\)\$", "", content)
    if "\n" in content:
        content = re.sub(r"[ \t]*\n\s*", "\n", content)
    return content.strip()


def _without_last_row_end(content: str) -> str:
    """`a \\\\ b \\\\` → `a \\\\ b`: no row comes after the last; `\\ ` at the end, a blank, stays."""
    content = content.rstrip()
    num_backslashes = len(content) - len(content.rstrip("\\"))
    return content[: len(content) - num_backslashes].rstrip() if num_backslashes and num_backslashes % 2 == 0 else content


def _with_indices(renderer: "Renderer", content: str) -> str:
    """The package tensor's `\\tensor{R}{^a_b}` and `R\\indices{^a_b}`: `R^a{}_b`, but `R^a_b` for a starred one."""
    parts: list[str] = []
    position = 0
    for found in _TENSOR.finditer(content):
        before = renderer.scan.optional_argument(content, found.end()) if content[found.end() : found.end() + 1] == "[" else None
        given, after = renderer.arguments(content, before[1] if before else found.end(), "mm" if found[1] == "tensor" else "m")
        indices = [
            _spaced_indices(part or "", "" if found[2] else "{}") for part in (before[0] if before else "", given[-1] if given else None)
        ]
        if found.start() < position or len(given) != (2 if found[1] == "tensor" else 1) or None in indices:
            continue
        base = (given[0] or "").strip() if found[1] == "tensor" else ""
        if len(base) > 1 and not re.fullmatch(r"\\[A-Za-z]+", base):
            base = f"{{{base}}}"
        parts += [content[position : found.start()], "{}" if indices[0] else "", indices[0] or "", base, indices[1] or ""]
        position = after
    return "".join((*parts, content[position:]))


def _spaced_indices(indices: str, between: str) -> str | None:
    """`^a_b` → `^a{}_b`; None where something else than indices is there."""
    shown: list[str] = []
    position = 0
    while (found := _INDEX.match(indices, position)) is not None:
        shown.append(found[1] + found[2])
        position = found.end()
    return between.join(shown) if not indices[position:].strip() else None


def _without_pictures(renderer: "Renderer", content: str) -> str:
    """A formula without the files of pictures that stand in it, a diagram's terms."""
    shown = _PICTURE.sub("", content)
    renderer.dropped["drawing"] += len(content) - len(shown)
    return shown


def _without_drawings(renderer: "Renderer", content: str) -> str:
    parts: list[str] = []
    position = 0
    while (found := _DRAWING.search(content, position)) is not None:
        end = renderer.scan.environment_end(content, found[1], found.end())
        if end == found.end():
            break
        parts.append(content[position : found.start()])
        renderer.dropped["drawing"] += end - found.start()
        position = end
    parts.append(content[position:])
    return "".join(parts)


def _math_quantities(renderer: "Renderer", content: str) -> str:
    parts: list[str] = []
    position = 0
    for found in _QUANTITY.finditer(content):
        if found.start() < position:
            continue
        shown, after = _quantity(renderer, content, found.end(), found[1], is_math=True)
        if shown is not None:
            parts += [content[position : found.start()], shown]
            position = after
    parts.append(content[position:])
    return "".join(parts)


def _quantity(renderer: "Renderer", text: str, end: int, name: str, *, is_math: bool) -> tuple[str | None, int]:
    groups: list[str] = []
    between = renderer.quantity_phrases
    if (given := renderer.scan.optional_argument(text, end)) is not None:
        end = given[1]
        if "phrase" in given[0] or "separator" in given[0]:
            between = {**between, **siunitx.phrases(given[0])}
        if name == "unit" and given[0].strip().replace(".", "", 1).isdigit():  # the older package units: \unit[3]{km}
            name, groups = "SI", [given[0]]
    for _ in range(siunitx.NUM_GROUPS[name] - len(groups)):
        if groups and (given := renderer.scan.optional_argument(text, end)) is not None:
            end = given[1]
        found = renderer.scan.group(text, end)
        if found is None:
            return None, end
        groups.append(found[0])
        end = found[1]
    return siunitx.show(name, groups, is_math=is_math, between=between), end


def _si(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    shown, after = _quantity(renderer, text, end, name, is_math=False)
    if shown is None:
        return -1
    out.append(shown)
    return after


def _diagram(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """Xy-pic's matrix outside a formula: it is one."""
    opening = text.find("{", end, end + 100)
    closing = renderer.scan.group_end(text, opening, 20_000) if opening >= 0 else -1
    if closing < 0:
        return -1
    out.append(display(renderer, f"\\{name}{text[end:closing]}"))
    return closing


def _inference(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """mathpartir's `\\inferrule[name]{premises}{conclusion}` and proof's `\\infer` outside a formula: each is one."""
    start = end
    while (given := renderer.scan.optional_argument(text, end)) is not None:
        end = given[1]
    rule, after = renderer.arguments(text, end, "mm")
    if len(rule) < 2:
        return -1
    out.append(display(renderer, f"\\{name}{text[start:after]}"))
    return after


def _split_text_column(found: re.Match[str]) -> str:
    """The text column of plain TeX's `\\cases`: `& if $j<d$;` → `& \\hbox{ if }j<d\\hbox{;}`."""
    parts = found[1].split("$")
    return "&" + "".join(part if index % 2 else f"\\hbox{{{part}}}" for index, part in enumerate(parts) if part.strip())


def _unboxed(found: re.Match[str]) -> str:
    r"""`\mbox{\boldmath$x$}` → `\boldsymbol{x}`, `\text{{$x$}}` → `{x}`: the box is there for the font or the size only."""
    if found[1]:
        return f"\\boldsymbol{{{found[3].strip()}}}"
    return f"{{{found[3]}}}" if found[2] else found[0]


def _text_cases(found: re.Match[str]) -> str:
    r"""mathtools' `\begin{cases*} a & if $x>0$ \end{cases*}`, whose last column is text: `cases`, and `& \text{if }x>0`."""
    return f"\\begin{{{found[1]}}}{_LAST_COLUMN.sub(_text_column, found[2])}\\end{{{found[1]}}}"


def _text_column(found: re.Match[str]) -> str:
    parts = found[1].strip().split("$")
    if any(part.count("{") != part.count("}") for part in parts):
        return found[0]
    return "& " + "".join(part if index % 2 else f"\\text{{{part}}}" for index, part in enumerate(parts) if part) + " "


def _split_inner_text(found: re.Match[str]) -> str:
    """`\\text{if $x>0$ then}` → `\\text{if }x>0\\text{ then}`: no dollar inside a formula."""
    command, parts = found[1], found[2].split("$")
    if any(part.count("{") != part.count("}") for part in parts):
        return found[0]  # a dollar inside a group of the text
    split = "".join(part if index % 2 else f"\\{command}{{{part}}}" for index, part in enumerate(parts) if part)
    if found.start() and found.string[found.start() - 1].isalpha() and split[:1].isalpha():
        split = f" {split}"  # no letter behind a command
    return f"{split} " if _LAST_COMMAND.search(split) and found.string[found.end() : found.end() + 1].isalpha() else split


COMMANDS: dict[str, "Handler"] = {
    **dict.fromkeys(siunitx.NUM_GROUPS, _si),
    **dict.fromkeys(("xymatrix", "xygraph"), _diagram),
    **dict.fromkeys(("inferrule", "infer"), _inference),
}
