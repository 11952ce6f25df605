"""RawPaper → SourceTree | Rejection: archive validation, in memory and bounded (the paper's section 3, "archive validation").

A member of a dump is a gzipped tar, one gzipped TeX file, or something that only looks like it. What a member is, is told by its bytes,
never by its name. Nothing is written to a disk, so an unsafe name is only a name: it is made relative and counted.

    gzip(tar(main.tex, ../../x.tex)) → SourceTree(files={"main.tex": …, "x.tex": …}, notes={"unsafe_name": 1})
"""

import re
import zlib
from dataclasses import dataclass, field

from preprocess.config import ArchiveConfig
from preprocess.records import RawPaper, Rejection, RejectReason, SourceTree, Stage

BLOCK_BYTES = 512  # of a tar
_PIECE_BYTES = 1 << 20
_WITHDRAWN_MAX_CHARACTERS = 1500  # a notice, not a paper
_TEX_SUFFIXES = (".tex", ".ltx", ".latex", ".txt", ".inp", "")
_TEX_SIGNS = re.compile(
    rb"\\(?:documentclass|documentstyle|begin\s*\{|input\b|magnification|section\b|chapter\b|bye\b|end\b|def\b|title\b|par\b|centerline|"
    rb"noindent|newcommand|item\b|item\{|label\{|cite\{|ref\{|proclaim|heading|hbox|it\b|bf\b)"
)
_WITHDRAWN = re.compile(
    rb"\b(?:this|the)\s+(?:paper|article|submission|manuscript|work|preprint|e-?print)\s+(?:has\s+been|was|is(?:\s+being)?|have\s+been)\s+"
    rb"(?:temporarily\s+)?withdrawn\b|^\s*(?:paper|article|submission)?\s*withdrawn\b|\bwithdrawn\s+by\s+(?:the\s+)?(?:author|arxiv)",
    re.I | re.M,
)
_BINARY_FORMATS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP file"),
    (b"PK\x05\x06", "an empty ZIP file"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ\x00", "xz data"),
    (b"\x28\xb5\x2f\xfd", "zstd data"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip file"),
    (b"Rar!", "a RAR file"),
    (b"\x1f\x9d", "data of Unix compress"),
    (b"\xd0\xcf\x11\xe0", "a Word document"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\xf7\x02", "a DVI file"),
)


class _Refused(Exception):
    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass
class _Budget:
    """What one submission may still unpack, over all its layers."""

    config: ArchiveConfig
    num_bytes: int = 0
    notes: dict[str, int] = field(default_factory=dict)

    def note(self, kind: str) -> None:
        self.notes[kind] = self.notes.get(kind, 0) + 1

    def spend(self, num_bytes: int, packed_bytes: int, layer_bytes: int) -> None:
        self.num_bytes += num_bytes
        if self.num_bytes > self.config.max_total_bytes:
            raise _Refused(RejectReason.DECOMPRESSION_BOMB, f"unpacks to more than {self.config.max_total_bytes} bytes")
        if layer_bytes > self.config.min_ratio_bytes and layer_bytes > self.config.max_ratio * packed_bytes:
            raise _Refused(
                RejectReason.DECOMPRESSION_BOMB,
                f"{packed_bytes} packed bytes unpack to more than {layer_bytes}: ratio over {self.config.max_ratio}",
            )


def unpack(raw: RawPaper, config: ArchiveConfig) -> SourceTree | Rejection:
    """The files of one submission, or why there are none that hold TeX."""
    if len(raw.payload) < raw.size:
        return Rejection(
            stage=Stage.VALIDATE,
            reason=RejectReason.TRUNCATED_MEMBER,
            detail=f"{raw.tar}: {raw.member}: the tar ends after {len(raw.payload)} of {raw.size} bytes",
        )
    budget = _Budget(config)
    try:
        files = _open(raw.payload, budget, depth=0)
        _require_tex(files)
    except _Refused as refused:
        return Rejection(stage=Stage.VALIDATE, reason=refused.reason, detail=refused.detail)
    return SourceTree(arxiv_id=raw.arxiv_id, files=files, notes=dict(sorted(budget.notes.items())))


def _open(content: bytes, budget: _Budget, depth: int) -> dict[str, bytes]:
    if not content:
        raise _Refused(RejectReason.EMPTY_MEMBER, "0 bytes" if depth == 0 else "the gzip holds 0 bytes")
    if depth > budget.config.max_nesting:
        raise _Refused(RejectReason.NESTED_TOO_DEEP, f"more than {budget.config.max_nesting} archives inside one another")
    if content.startswith(b"\x1f\x8b"):
        if depth == 1:
            budget.note("gzip_in_gzip")
        return _open(_gunzip(content, budget), budget, depth + 1)
    if _looks_like_tar(content):
        return _read_tar(content, budget)
    _refuse_other_formats(content)
    if depth == 0:
        budget.note("not_gzip")
    return {"main.tex": content}


def _gunzip(content: bytes, budget: _Budget) -> bytes:
    pieces: list[bytes] = []
    unpacked = 0
    position = 0
    while True:
        stream = zlib.decompressobj(wbits=31)
        pending = content[position:] if position else content
        try:
            while not stream.eof:
                piece = stream.decompress(pending, _PIECE_BYTES)
                pending = stream.unconsumed_tail
                unpacked += len(piece)
                budget.spend(len(piece), len(content), unpacked)
                pieces.append(piece)
                if not piece and not pending and not stream.eof:
                    raise _Refused(RejectReason.TRUNCATED_GZIP, f"the gzip ends early: {len(content)} bytes hold {unpacked} and no end")
        except zlib.error as error:
            if position:
                budget.note("trailing_garbage")
                break
            raise _Refused(RejectReason.CORRUPT_GZIP, f"after {unpacked} bytes: {error}") from None
        rest = stream.unused_data
        position = len(content) - len(rest)
        if not rest.strip(b"\0"):
            break
        if not rest.startswith(b"\x1f\x8b"):
            budget.note("trailing_garbage")
            break
    return b"".join(pieces)


def _refuse_other_formats(content: bytes) -> None:
    head = content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n\0")
    lower = head[:1024].lower()
    if b"%pdf-" in content[:1024].lower() and not _TEX_SIGNS.search(content[:4096]):
        raise _Refused(RejectReason.PDF_ONLY, "the submission is one PDF file")
    if head.startswith((b"%!PS", b"\x04%!", b"%!\n", b"%!\r", b"\xc5\xd0\xd3\xc6")):
        raise _Refused(RejectReason.POSTSCRIPT_ONLY, "the submission is one PostScript file")
    if re.match(rb"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", lower, re.S):
        raise _Refused(RejectReason.HTML_ONLY, "the submission is one HTML page")
    for magic, name in _BINARY_FORMATS:
        if content.startswith(magic):
            raise _Refused(RejectReason.UNKNOWN_FORMAT, f"the submission is {name}")


def _looks_like_tar(content: bytes) -> bool:
    if len(content) < BLOCK_BYTES:
        return False
    header = content[:BLOCK_BYTES]
    return header[257:262] == b"ustar" or (not header.strip(b"\0") and not content.strip(b"\0")) or _checksum_holds(header)


def _checksum_holds(header: bytes) -> bool:
    try:
        stated = int(header[148:156].strip(b"\0 ") or b"x", 8)
    except ValueError:
        return False
    return sum(header) - sum(header[148:156]) + 8 * 0x20 == stated


def _number(field_bytes: bytes) -> int:
    if field_bytes[:1] == b"\x80":  # base-256, for what octal digits cannot hold
        return int.from_bytes(field_bytes[1:], "big")
    return int(field_bytes.split(b"\0")[0].strip() or b"0", 8)


def _read_tar(content: bytes, budget: _Budget) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    links: list[tuple[str, str]] = []
    position = num_members = 0
    long_name: str | None = None
    while position + BLOCK_BYTES <= len(content):
        header = content[position : position + BLOCK_BYTES]
        if not header.strip(b"\0"):
            break
        if not _checksum_holds(header):
            raise _Refused(RejectReason.CORRUPT_TAR, f"no header at byte {position} of {len(content)}; whole before it: {_listing(files)}")
        try:
            size = _number(header[124:136])
        except ValueError:
            raise _Refused(
                RejectReason.CORRUPT_TAR, f"the header at byte {position} states no size; whole before it: {_listing(files)}"
            ) from None
        start, kind = position + BLOCK_BYTES, header[156:157]
        has_content = kind not in (b"1", b"2", b"3", b"4", b"5", b"6")
        position = start + (-(-size // BLOCK_BYTES) * BLOCK_BYTES if has_content else 0)
        name = long_name if long_name is not None else _header_name(header)
        if kind in (b"L", b"x"):
            long_name = _long_name(content[start : start + size], kind) or long_name
            continue
        if kind in (b"g", b"K"):
            continue
        long_name = None
        num_members += 1
        if num_members > budget.config.max_members:
            raise _Refused(RejectReason.TOO_MANY_MEMBERS, f"more than {budget.config.max_members} members")
        if kind == b"5":
            continue
        if kind == b"1":
            links.append((name, header[157:257].split(b"\0")[0].decode("utf-8", "replace")))
            continue
        if kind in (b"2", b"3", b"4", b"6"):
            budget.note("special_member")
            continue
        if start + size > len(content):
            raise _Refused(
                RejectReason.CORRUPT_TAR,
                f"{name!r} states {size} bytes and {max(0, len(content) - start)} are there; whole before it: {_listing(files)}",
            )
        if size > budget.config.max_file_bytes:
            budget.note("file_too_large")
            continue
        _add(files, name, content[start : start + size], budget)
    for name, target in links:
        budget.note("hard_link")
        if (wanted := _safe_name(target)) in files and _safe_name(name) not in files:
            _add(files, name, files[wanted], budget)
    if not files:
        raise _Refused(RejectReason.EMPTY_ARCHIVE, f"a tar of {num_members} members without a file")
    return files


def _listing(files: dict[str, bytes]) -> str:
    shown = ", ".join(list(files)[:5])
    return f"{len(files)} files" + (f" ({shown}{', …' if len(files) > 5 else ''})" if files else "")


def _header_name(header: bytes) -> str:
    name = header[:100].split(b"\0")[0]
    prefix = header[345:500].split(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return _decode_name(prefix + b"/" + name if prefix else name)


def _decode_name(name: bytes) -> str:
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("latin-1")


def _long_name(content: bytes, kind: bytes) -> str | None:
    if kind == b"L":
        return _decode_name(content.split(b"\0")[0])
    found = re.search(rb"(?:^|\n)\d+ path=([^\n]*)\n", content)
    return _decode_name(found[1]) if found else None


def _safe_name(name: str) -> str:
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts)


def _add(files: dict[str, bytes], name: str, content: bytes, budget: _Budget) -> None:
    safe = _safe_name(name)
    if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
        budget.note("unsafe_name")
    if not safe:
        budget.note("no_name")
        return
    if safe in files:
        budget.note("name_twice")  # as tar does when it unpacks: the later one stays
    files[safe] = content


def _require_tex(files: dict[str, bytes]) -> None:
    candidates = [name for name in files if name.lower().endswith(_TEX_SUFFIXES[:-1]) or "." not in name.rsplit("/", 1)[-1]]
    if len(files) == 1:
        candidates = list(files)
    texts = [content for name in candidates if (content := files[name]).strip() and not _is_binary(content)]
    if texts and (notice := _withdrawal(texts)) is not None:
        raise _Refused(RejectReason.WITHDRAWN, notice)
    if any(_TEX_SIGNS.search(_narrow(content)) for content in texts):
        return
    if any(name.lower().endswith((".tex", ".ltx", ".latex")) for name in files) and any(len(content) > 200 for content in texts):
        return
    every = sorted(files)
    if any(name.lower().endswith(".pdf") for name in every):
        raise _Refused(RejectReason.PDF_ONLY, f"no TeX beside the PDF: {_listing(files)}")
    if any(name.lower().endswith((".ps", ".eps")) for name in every):
        raise _Refused(RejectReason.POSTSCRIPT_ONLY, f"no TeX beside the PostScript: {_listing(files)}")
    if any(name.lower().endswith((".html", ".htm")) for name in every):
        raise _Refused(RejectReason.HTML_ONLY, f"no TeX beside the HTML: {_listing(files)}")
    raise _Refused(RejectReason.NO_TEX, f"no file holds TeX: {_listing(files)}")


def _narrow(content: bytes) -> bytes:
    """UTF-16 text as bytes that a pattern of ASCII can search."""
    return content.replace(b"\0", b"") if content[:2] in (b"\xff\xfe", b"\xfe\xff") else content


def _is_binary(content: bytes) -> bool:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return False
    head = content[:4096]
    return sum(byte < 9 or 13 < byte < 27 for byte in head) > len(head) // 10


def _withdrawal(texts: list[bytes]) -> str | None:
    """The notice, where what the submission says is a withdrawal notice and next to nothing else."""
    lines = [line for text in texts for line in _narrow(text).replace(b"\r", b"\n").split(b"\n") if line.strip()]
    is_ignored = any(line.lstrip().startswith(b"%auto-ignore") for line in lines[:3])
    said = b"\n".join(line for line in lines if not line.lstrip().startswith(b"%"))
    if len(said) > _WITHDRAWN_MAX_CHARACTERS:
        return None
    found = _WITHDRAWN.search(said)
    if found or (is_ignored and b"withdrawn" in said.lower()) or (is_ignored and len(said) < 300):
        return f"a notice of {len(said)} bytes in place of a paper" + (" (%auto-ignore)" if is_ignored else "")
    return None
