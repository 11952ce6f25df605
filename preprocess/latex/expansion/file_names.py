"""The names of an archive's files as TeX asks for them: from a folder, without the ending, in other letters than they were packed with."""

from collections import defaultdict
from collections.abc import Iterable

from preprocess.latex.find_root import plain_path

TEX_ENDINGS = (".tex", "", ".ltx", ".latex")  # in the order in which TeX would try them


class FileNames:
    """Finds files by what a source calls them."""

    def __init__(self, names: Iterable[str]) -> None:
        self.by_lower: dict[str, str] = {}
        self.by_base: defaultdict[str, list[str]] = defaultdict(list)  # without folders
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        """Makes a file known."""
        self.by_lower[name.lower()] = name
        self.by_base[name.rpartition("/")[2].lower()].append(name)

    def find(self, target: str, folders: Iterable[str], endings: tuple[str, ...] = TEX_ENDINGS) -> str | None:
        """The file that `target` names in the first of the folders that has it, or the only one of that name anywhere."""
        target = target.strip().strip('"').removeprefix("./")
        while target.startswith("../"):
            target = target[3:]
        if not target:
            return None
        for folder in folders:
            for ending in endings:
                wanted = f"{folder}/{target}{ending}" if folder else f"{target}{ending}"
                if (found := self.by_lower.get(plain_path(wanted).lower())) is not None:
                    return found
        base = target.rpartition("/")[2].lower()
        hits = [*self.by_base.get(f"{base}.tex", ()), *self.by_base.get(base, ())]
        return hits[0] if len(hits) == 1 else None
