"""gzip, tar and ZIP as the sample dump has them: other readers must read them, and the same bytes must come out everywhere."""

import gzip
import hashlib
import io
import tarfile
import zipfile
import zlib

from hypothesis import given
from hypothesis import strategies as st

from samples.archives import TarEntry, deflate, gzip_bomb, gzip_bytes, tar_bytes, zip_bytes

LETTERS = st.lists(st.sampled_from([b"a", b"b", b"\\section{", b"\n", b"\0" * 40, b"the same words once more "])).map(b"".join)


@given(st.one_of(st.binary(max_size=600), LETTERS))
def test_zlib_reads_what_is_deflated(content: bytes) -> None:
    assert zlib.decompress(deflate(content), wbits=-15) == content
    assert gzip.decompress(gzip_bytes(content, "paper.tex")) == content


def test_long_and_far_matches() -> None:
    noise = hashlib.shake_128(b"noise").digest(40_000)
    content = noise + bytes(3000) + noise[:2000] + noise[-5000:] + bytes(258)
    packed = deflate(content)
    assert zlib.decompress(packed, wbits=-15) == content
    # the last 5,000 bytes of noise lie inside the window of 32,768 bytes, the first 2,000 do not
    assert len(deflate(noise)) + 1000 < len(packed) < len(deflate(noise)) + 3500


def test_repeated_text_shrinks() -> None:
    assert len(deflate(b"The quick brown fox. " * 100)) < 100


def test_bytes_do_not_depend_on_the_machine() -> None:
    packed = gzip_bytes(b"\\section{Introduction} It is well known that it is well known.\n" * 3, "main.tex")
    assert hashlib.sha256(packed).hexdigest() == "15c2df74c86b565e79227184b2aff7db43ca401d249ffa22215b713b87fb22c8"


def test_a_bomb_unpacks_to_zeros() -> None:
    packed = gzip_bomb(1000)
    assert gzip.decompress(packed) == bytes(258_001)
    assert 258_001 / len(packed) > 700


def test_tars_are_read_by_tarfile() -> None:
    entries = [
        TarEntry(name="sections", kind=tarfile.DIRTYPE),
        TarEntry(name="sections/one.tex", content=b"x" * 513, modified=1_000_000),
        TarEntry(name="link.tex", kind=tarfile.SYMTYPE, link_target="sections/one.tex"),
    ]
    packed = tar_bytes(entries)
    assert len(packed) == tarfile.RECORDSIZE
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        folder, file, link = archive.getmembers()
        assert (folder.isdir(), file.isreg(), link.issym()) == (True, True, True)
        assert (file.name, file.size, file.mtime, file.uid, file.uname) == ("sections/one.tex", 513, 1_000_000, 0, "")
        assert link.linkname == "sections/one.tex"
        opened = archive.extractfile(file)
        assert opened is not None
        assert opened.read() == b"x" * 513


def test_zips_are_read_by_zipfile() -> None:
    packed = zip_bytes({"a.tex": b"one", "b.tex": b"two"})
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {"a.tex": b"one", "b.tex": b"two"}
