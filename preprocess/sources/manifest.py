"""arXiv's own manifest of its bulk tars (`arXiv_src_manifest.xml`): what each tar should be."""

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

from shards.errors import InputError
from shards.store import Place

MANIFEST_NAME = "arXiv_src_manifest.xml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestEntry:
    """One tar as arXiv states it: MD5 of the whole file, its bytes, the number of items in it."""

    name: str
    md5: str
    num_bytes: int
    num_items: int


def read_arxiv_manifest(source: Place) -> dict[str, ManifestEntry]:
    """Entries by tar name; empty where the source has no manifest. Raises `InputError` for one that cannot be read."""
    path = source / MANIFEST_NAME
    try:
        root = ElementTree.fromstring(path.read_bytes())
        if root.tag != "arXivSRC":
            raise ValueError(f"its root is <{root.tag}>, <arXivSRC> is needed")
        entries = [
            ManifestEntry(
                name=_text(file, "filename").rsplit("/", 1)[-1],
                md5=_text(file, "md5sum").lower(),
                num_bytes=int(_text(file, "size")),
                num_items=int(_text(file, "num_items")),
            )
            for file in root.iter("file")
        ]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (ElementTree.ParseError, ValueError, LookupError, OSError) as error:
        raise InputError(f"{path}: not arXiv's manifest ({error}); fetch it again or remove it") from None
    return {entry.name: entry for entry in entries}


def _text(file: ElementTree.Element, tag: str) -> str:
    found = file.findtext(tag)
    if found is None:
        raise ValueError(f"a <file> without <{tag}>")
    return found.strip()
