from pathlib import Path

import pytest

from preprocess.sources.manifest import MANIFEST_NAME, ManifestEntry, read_arxiv_manifest
from samples.build import build_dump
from shards.errors import InputError

FILE = (
    "<file><content_md5sum>c</content_md5sum><filename>src/arXiv_src_2402_001.tar</filename><md5sum>ABCD</md5sum>"
    "<num_items>12</num_items><size> 1024 </size></file>"
)


def read(folder: Path, content: str) -> dict[str, ManifestEntry]:
    (folder / MANIFEST_NAME).write_text(content)
    return read_arxiv_manifest(folder)


def test_no_manifest_is_no_error(tmp_path: Path) -> None:
    assert read_arxiv_manifest(tmp_path) == {}


def test_entries_by_tar(tmp_path: Path) -> None:
    found = read(tmp_path, f"<?xml version='1.0' standalone='yes'?>\n<arXivSRC>{FILE}<timestamp>now</timestamp></arXivSRC>")
    assert found == {"arXiv_src_2402_001.tar": ManifestEntry(name="arXiv_src_2402_001.tar", md5="abcd", num_bytes=1024, num_items=12)}


def test_the_sample_dumps_manifest_is_read(tmp_path: Path) -> None:
    dump = build_dump()
    (tmp_path / MANIFEST_NAME).write_bytes(dump.manifest)
    found = read_arxiv_manifest(tmp_path)
    assert found.keys() == dump.tars.keys()
    assert {name: entry.num_bytes for name, entry in found.items()} == {name: len(content) for name, content in dump.tars.items()}


@pytest.mark.parametrize(
    "content, what",
    [
        ("", "no element found"),
        ("not XML", "syntax error"),
        ("<Error><Code>AccessDenied</Code></Error>", "its root is <Error>, <arXivSRC> is needed"),
        ("<arXivSRC><file><filename>x.tar</filename></file></arXivSRC>", "a <file> without <md5sum>"),
        (f"<arXivSRC>{FILE.replace('1024', 'many')}</arXivSRC>", "invalid literal"),
        ("<?xml version='1.0' encoding='no-such'?><arXivSRC/>", "encoding"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: str, what: str) -> None:
    with pytest.raises(InputError, match=what) as found:
        read(tmp_path, content)
    assert str(found.value).startswith(f"{tmp_path / MANIFEST_NAME}: not arXiv's manifest")


def test_a_folder_of_that_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / MANIFEST_NAME).mkdir()
    with pytest.raises(InputError, match="not arXiv's manifest"):
        read_arxiv_manifest(tmp_path)
