"""Places in TeX source: the end of a group, an argument, an optional argument. Without recursion, never across the end, in linear time.

A look for a closing brace that is not there costs the rest of the text; a hostile source makes thousands of them, or nests groups so that
each level is looked through again. So a `Scanner` has an allowance of characters for its paper: real papers use a tenth of it, and when it
is spent every look is short.
"""

import re

_GROUP = re.compile(r"[{}]|\\.|%[^\n]*", re.S)
_GROUP_NO_COMMENTS = re.compile(r"[{}]|\\.", re.S)
_BRACKET = re.compile(r"[{}\[\]]|\\.|%[^\n]*", re.S)
_BRACKET_NO_COMMENTS = re.compile(r"[{}\[\]]|\\.", re.S)
_PAIR = re.compile(r"[^\\%\w\s]|\\.|%[^\n]*", re.S)
_PAIR_NO_COMMENTS = re.compile(r"[^\\\w\s]|\\.", re.S)
_MATH_STEP = re.compile(r"\\.|[{}$]|\n[ \t]*\n", re.S)
# a formula with groups in groups at most, up to its dollar: one look where the steps are many
_SHALLOW_MATH = re.compile(r"(?:[^\\{}$\n]++|\\.|\n(?![ \t]*\n)|\{(?:[^\\{}$\n]++|\\.|\{(?:[^\\{}$\n]++|\\.)*+\})*+\})*+\$", re.S)
_DISPLAY_STEP = re.compile(r"\\.|[{}]|\$\$?", re.S)
_SPACE = re.compile(r"(?:[ \t]+|\n(?![ \t]*\n)|%[^\n]*\n)+")
_SPACE_NO_COMMENTS = re.compile(r"(?:[ \t]+|\n(?![ \t]*\n))+")
_LINE_SPACE = re.compile(r"[ \t]*(?:\n(?![ \t]*\n)[ \t]*)?")
KEY_VALUE = re.compile(r"\s*[a-z]+\s*=")  # at the beginning of options
COMMAND = re.compile(r"\\(?:[A-Za-z@]+|.)", re.S)
MAX_OPTIONAL_CHARACTERS = 4_000  # an optional argument is a title, a note, options: the longest real ones are short captions
MAX_INLINE_MATH_CHARACTERS = 20_000
MAX_DISPLAY_CHARACTERS = 200_000
SHORT_LOOK_CHARACTERS = 120
ALLOWANCE_PER_CHARACTER = 12
MIN_ALLOWANCE_CHARACTERS = 1 << 20


_GUARDED = {ord(character): 0xE000 + ord(character) for character in "\\{}%$&~#`'-\"^_[]"}
_UNGUARDED = {guarded: character for character, guarded in _GUARDED.items()}


def guard(code: str) -> str:
    """Code between `\\verb`'s marks with what TeX acts on in a private area of Unicode, so that no later look at the text trips over it."""
    return code.translate(_GUARDED)


def unguard(code: str) -> str:
    """The code that `guard` was given."""
    return code.translate(_UNGUARDED)


def skip_space(text: str, position: int) -> int:
    """Past blanks, one line end, and comments; a blank line stops it."""
    found = _SPACE.match(text, position)
    return found.end() if found else position


def skip_line_space(text: str, position: int) -> int:
    """Past blanks and at most one line end, as TeX does after a control word."""
    found = _LINE_SPACE.match(text, position)
    return found.end() if found else position


def ends_in_word(text: str) -> bool:
    """Whether `text` ends in a control word, so that a letter after it would be read as a part of it."""
    start = len(text) - 1
    while start >= 0 and ((text[start].isalpha() and text[start] < "\x80") or text[start] == "@"):
        start -= 1
    if start < 0 or start == len(text) - 1 or text[start] != "\\":
        return False
    return not (start > 0 and text[start - 1] == "\\" and (start < 2 or text[start - 2] != "\\"))


class Scanner:
    """Looks through the texts of one paper. `has_comments` says whether `%` still begins a comment in them."""

    def __init__(self, num_characters: int, *, has_comments: bool) -> None:
        self.allowance = max(MIN_ALLOWANCE_CHARACTERS, ALLOWANCE_PER_CHARACTER * num_characters)
        self.groups = _GROUP if has_comments else _GROUP_NO_COMMENTS
        self.brackets = _BRACKET if has_comments else _BRACKET_NO_COMMENTS
        self.pairs = _PAIR if has_comments else _PAIR_NO_COMMENTS
        self.space = _SPACE if has_comments else _SPACE_NO_COMMENTS
        self.found: dict[str, tuple[str, int, int]] = {}  # mark → text, where the look began, where it is

    def limit(self, text: str, start: int, max_characters: int | None = None) -> int:
        """How far a look that begins at `start` may go."""
        end = len(text) if max_characters is None else min(len(text), start + max_characters)
        return end if self.allowance > 0 else min(end, start + SHORT_LOOK_CHARACTERS)

    def spend(self, num_characters: int) -> None:
        """Takes a look's length off the allowance."""
        self.allowance -= num_characters

    def skip_space(self, text: str, position: int) -> int:
        """Past blanks and one line end, and comments where there are any; a blank line stops it."""
        found = self.space.match(text, position)
        return found.end() if found else position

    def find(self, text: str, mark: str, position: int) -> int:
        """Like `text.find(mark, position)`; what is far away or not there is looked for once, not from every place before it."""
        known = self.found.get(mark)
        if known is not None and known[0] is text and position >= known[1] and (known[2] < 0 or position <= known[2]):
            return known[2]
        place = text.find(mark, position)
        self.found[mark] = text, position, place
        return place

    def group_end(self, text: str, start: int, max_characters: int | None = None) -> int:
        """The index just past the `}` that closes the `{` at `start`, or -1 where it is not closed."""
        depth = 0
        limit = self.limit(text, start, max_characters)
        for found in self.groups.finditer(text, start, limit):
            token = found[0]
            if token == "{":
                depth += 1
            elif token == "}":
                depth -= 1
                if depth == 0:
                    end = found.end()
                    self.allowance -= end - start
                    return end
        self.allowance -= limit - start
        return -1

    def bracket_end(self, text: str, start: int, max_characters: int = MAX_OPTIONAL_CHARACTERS) -> int:
        """The index just past the `]` that closes the `[` at `start`, braces respected, or -1."""
        return self._pair_end(self.brackets, text, start, "[", "]", max_characters)

    def pair_end(self, text: str, start: int, opening: str, closing: str, max_characters: int = MAX_OPTIONAL_CHARACTERS) -> int:
        """The index just past the `closing` of the pair that the `opening` at `start` begins, pairs and groups in it respected, or -1."""
        return self._pair_end(self.pairs, text, start, opening, closing, max_characters)

    def _pair_end(self, tokens: re.Pattern[str], text: str, start: int, opening: str, closing: str, max_characters: int) -> int:
        depth = groups = 0
        limit = self.limit(text, start, max_characters)
        for found in tokens.finditer(text, start, limit):
            token = found[0]
            if token == "{":
                groups += 1
            elif token == "}":
                groups -= 1
                if groups < 0:
                    break
            elif groups == 0:
                if token == closing and found.start() > start:
                    depth -= 1
                    if depth == 0:
                        self.allowance -= found.end() - start
                        return found.end()
                elif token == opening:
                    depth += 1
        self.allowance -= limit - start
        return -1

    def argument(self, text: str, position: int, max_characters: int | None = None) -> tuple[str, int] | None:
        """A mandatory argument at `position`: a group's content, a command, or one character, and the index past it; None at the end."""
        if text[position : position + 1] != "{":
            position = self.skip_space(text, position)
            if position >= len(text):
                return None
        character = text[position]
        if character == "{":
            end = self.group_end(text, position, max_characters)
            return None if end < 0 else (text[position + 1 : end - 1], end)
        if character in "}\n":
            return None
        if character == "\\":
            found = COMMAND.match(text, position)
            return (found[0], found.end()) if found else None
        return character, position + 1

    def all_arguments(self, text: str, position: int, num_arguments: int) -> tuple[list[str], int] | None:
        """So many mandatory arguments one after the other, and the index past the last; None where there are fewer."""
        given: list[str] = []
        for _ in range(num_arguments):
            found = self.argument(text, position)
            if found is None:
                return None
            given.append(found[0])
            position = found[1]
        return given, position

    def group(self, text: str, position: int) -> tuple[str, int] | None:
        """A mandatory argument in braces, blanks before it allowed; None where there is none."""
        start = self.skip_space(text, position)
        return self.argument(text, start) if text[start : start + 1] == "{" else None

    def optional_argument(self, text: str, position: int, max_characters: int = MAX_OPTIONAL_CHARACTERS) -> tuple[str, int] | None:
        """An optional argument `[…]` at `position`, blanks before it allowed; None where there is none."""
        start = self.skip_space(text, position)
        if text[start : start + 1] != "[":
            return None
        end = self.bracket_end(text, start, max_characters)
        return None if end < 0 else (text[start + 1 : end - 1], end)

    def closing_dollar(self, text: str, position: int) -> int:
        """The place of the `$` that ends the formula begun before `position`, groups respected, or -1 where a blank line comes first."""
        limit = self.limit(text, position, MAX_INLINE_MATH_CHARACTERS)
        if (shallow := _SHALLOW_MATH.match(text, position, limit)) is not None:
            return shallow.end() - 1
        depth = 0
        for found in _MATH_STEP.finditer(text, position, limit):
            token = found[0]
            if token == "{":
                depth += 1
            elif token == "}":
                depth -= 1
                if depth < 0:
                    break
            elif token == "$":
                if depth <= 0:
                    return found.start()
            elif token[0] == "\n":
                self.allowance -= found.end() - position
                return -1
        self.allowance -= limit - position
        return -1

    def closing_dollars(self, text: str, position: int) -> int:
        """The place of the `$$` that ends the display begun before `position`, or -1."""
        depth = 0
        limit = self.limit(text, position, MAX_DISPLAY_CHARACTERS)
        for found in _DISPLAY_STEP.finditer(text, position, limit):
            token = found[0]
            if token == "{":
                depth += 1
            elif token == "}":
                depth -= 1
            elif token == "$$" and depth <= 0:
                return found.start()
        self.allowance -= limit - position
        if self.allowance <= 0:
            return -1
        stop = self.find(text, "$$", position)
        return stop if 0 <= stop < position + MAX_DISPLAY_CHARACTERS and "\n\n" not in text[position:stop] else -1

    def closing_command(self, text: str, wanted: str, position: int) -> int:
        """The place of the control symbol `wanted` (`\\]`, `\\)`) after `position`, or -1."""
        if self.find(text, wanted, position) < 0:
            return -1
        limit = self.limit(text, position, MAX_DISPLAY_CHARACTERS)
        for found in COMMAND.finditer(text, position, limit):
            if found[0] == wanted:
                return found.start()
        self.allowance -= limit - position
        return -1

    def find_outside_groups(self, text: str, wanted: str, position: int, max_characters: int = 100_000) -> int:
        """The place of `wanted` at the depth of `position`, or -1 where the group ends first. A control word is found whole."""
        is_word = len(wanted) > 1 and wanted[0] == "\\" and wanted[-1].isalpha()
        step = re.compile(f"({re.escape(wanted)}{'(?![A-Za-z@])' if is_word else ''})|" + r"\\.|[{}]", re.S)
        depth = 0
        limit = self.limit(text, position, max_characters)
        for found in step.finditer(text, position, limit):
            if found[1] is not None and depth == 0:
                self.allowance -= found.start() - position
                return found.start()
            token = found[0]
            if token == "{":
                depth += 1
            elif token == "}":
                depth -= 1
                if depth < 0:
                    break
        self.allowance -= limit - position
        return -1

    def environment_end(self, text: str, name: str, position: int) -> int:
        """Past the `\\end` of the environment whose content begins at `position`, those of the same name in it respected."""
        first = self.find(text, f"\\end{{{name}}}", position)
        if first < 0:
            return position
        depth, mark = 1, re.compile(rf"\\(begin|end)\s*\{{{re.escape(name)}\}}")
        limit = self.limit(text, position)
        for found in mark.finditer(text, position, limit):
            depth += 1 if found[1] == "begin" else -1
            if depth == 0:
                self.allowance -= found.end() - position
                return found.end()
        self.allowance -= limit - position
        return first + len(name) + 6
