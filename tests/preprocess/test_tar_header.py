import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preprocess.tar_header import BLOCK_BYTES, is_end_mark, long_name, parse_header


def block(name: str = "a/b.tex", size: int = 1234, *, kind: bytes = tarfile.REGTYPE, form: int = tarfile.USTAR_FORMAT) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type, member.linkname = size, kind, "target.tex"
    return member.tobuf(form)[:BLOCK_BYTES]


def with_field(header: bytes, start: int, end: int, field: bytes) -> bytes:
    """The header with a field replaced and its checksum made right again."""
    header = header[:start] + field.ljust(end - start, b"\0") + header[end:]
    total = sum(header) - sum(header[148:156]) + 8 * 0x20
    return header[:148] + f"{total:06o}\0 ".encode() + header[156:]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_headers_of_tarfile_are_read(form: int) -> None:
    header = parse_header(block(form=form))
    assert header is not None
    assert (header.name, header.num_bytes, header.num_padded_bytes, header.is_file, header.is_folder) == (
        "a/b.tex",
        1234,
        1536,
        True,
        False,
    )


def test_kinds() -> None:
    folder, link, pipe = (parse_header(block("x", 512, kind=kind)) for kind in (tarfile.DIRTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE))
    assert folder is not None
    assert link is not None
    assert pipe is not None
    assert (folder.is_folder, folder.is_file, folder.num_padded_bytes) == (True, False, 0)
    assert (link.is_file, link.link_target, link.num_padded_bytes) == (False, "target.tex", 0)
    assert (pipe.is_file, pipe.is_folder) == (False, False)
    old_folder = parse_header(with_field(block("sections/", 0), 156, 157, b"\0"))
    assert old_folder is not None
    assert old_folder.is_folder


def test_names() -> None:
    long = "/".join(["folder"] * 20) + "/a.tex"
    prefixed = parse_header(block(long))
    assert prefixed is not None
    assert prefixed.name == long
    latin = parse_header(with_field(block(), 0, 100, "Übung.tex".encode("latin-1")))
    assert latin is not None
    assert latin.name == "Übung.tex"
    assert long_name(b"L", b"very/long.tex\0rest") == "very/long.tex"
    assert long_name(b"x", b"27 path=very/long/na me.tex\n19 mtime=1700000000\n") == "very/long/na me.tex"
    assert long_name(b"x", b"19 mtime=1700000000\n") is None
    assert long_name(b"0", b"27 path=a\n") is None


def test_sums_of_signed_characters_are_right_too() -> None:
    header = with_field(block(), 0, 100, b"\xe9\xe8.tex")
    total = sum(byte if byte < 128 else byte - 256 for byte in header[:148] + b" " * 8 + header[156:])
    assert parse_header(header[:148] + f"{total:06o}\0 ".encode() + header[156:]) is not None


def test_sizes_beyond_octal_digits() -> None:
    header = parse_header(with_field(block(), 124, 136, b"\x80" + (9 << 30).to_bytes(11, "big")))
    assert header is not None
    assert header.num_bytes == 9 << 30


@pytest.mark.parametrize("size", [b"-0000001000", b"0000000x000", b"1_000", b"\xff\xff", b"+10", b"12 34"])
def test_sizes_that_are_none(size: bytes) -> None:
    assert parse_header(with_field(block(), 124, 136, size)) is None


def test_blocks_that_are_no_headers() -> None:
    assert parse_header(bytes(BLOCK_BYTES)) is None
    assert is_end_mark(bytes(BLOCK_BYTES))
    assert parse_header(block()[:-1]) is None
    changed = block()
    assert parse_header(changed[:3] + b"X" + changed[4:]) is None


@given(st.binary(min_size=BLOCK_BYTES, max_size=BLOCK_BYTES))
def test_random_blocks_are_no_headers(content: bytes) -> None:
    assert parse_header(content) is None


@given(st.integers(0, 7**12), st.integers(0, 11), st.binary(min_size=1, max_size=4))
def test_no_size_is_below_zero(size: int, place: int, noise: bytes) -> None:
    field = f"{size % 8**11:011o}".encode()
    field = (field[:place] + noise + field[place + len(noise) :])[:12]
    header = parse_header(with_field(block(), 124, 136, field))
    assert header is None or header.num_padded_bytes >= header.num_bytes >= 0
