"""RawPaper → SourceTree | Rejection: archive validation, in memory and bounded (the paper's section 3, "archive validation").

A member of a dump is a gzipped tar, one gzipped TeX file, or something that only looks like it. What a member is, is told by its bytes,
never by its name. Nothing is written to a disk, so an unsafe name is only a name: it is made relative and counted.

    gzip(tar(main.tex, ../../x.tex)) → SourceTree(files={"main.tex": …, "x.tex": …}, notes={"unsafe_name": 1})
"""

import re
import zlib
from dataclasses import dataclass, field, replace

from preprocess.config import ArchiveConfig
from preprocess.records import RawPaper, Rejection, RejectReason, SourceTree, Stage
from preprocess.tar_header import (
    BLOCK_BYTES,
    GNU_LONG_LINK,
    HARD_LINK,
    MAX_NAME_BYTES,
    PAX,
    PAX_GLOBAL,
    is_end_mark,
    long_name,
    parse_header,
)

_PACKED_PIECE_BYTES = 1 << 16  # given to zlib at a time: what it has not used yet is copied, so more makes many small members slow
_MAX_SHOWN_CHARACTERS = 80  # of a name in a detail
_PIECE_BYTES = 1 << 16  # unpacked at a time: a bomb is noticed, and of a broken gzip is lost, no more than that
_WITHDRAWN_MAX_BYTES = 1500  # a notice, not a paper
_LINE = re.compile(rb"[^\r\n]+")
_CONTROL_BYTES = bytes((*range(9), *range(14, 27)))
_TEX_SUFFIXES = (".tex", ".ltx", ".latex", ".txt", ".inp", "")
_GZIPPED_TEX = tuple(f"{ending}.gz" for ending in (".tex", ".ltx", ".latex", ".sty", ".cls", ".bbl"))
_ARCHIVES = (".tar.gz", ".tgz", ".tar")
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

    def spend(self, num_bytes: int) -> None:
        self.num_bytes += num_bytes
        if self.num_bytes > self.config.max_total_bytes:
            raise _Refused(RejectReason.DECOMPRESSION_BOMB, f"unpacks to more than {self.config.max_total_bytes} bytes")

    def check_ratio(self, packed_bytes: int, layer_bytes: int) -> None:
        if layer_bytes > self.config.min_ratio_bytes and layer_bytes > self.config.max_ratio * packed_bytes:
            raise _Refused(
                RejectReason.DECOMPRESSION_BOMB,
                f"{packed_bytes} packed bytes unpack to more than {layer_bytes}: ratio over {self.config.max_ratio}",
            )


def unpack(raw: RawPaper, config: ArchiveConfig) -> SourceTree | Rejection:
    """The files of one submission, or why there are none that hold TeX."""
    if raw.is_rest:
        return Rejection(
            stage=Stage.VALIDATE,
            reason=RejectReason.UNREADABLE_REST,
            detail=f"{raw.tar}: no tar header {raw.member[1:-1]} on: the members in its last {raw.size} bytes cannot be told apart",
        )
    if len(raw.payload) < raw.size:
        return Rejection(
            stage=Stage.VALIDATE,
            reason=RejectReason.TRUNCATED_MEMBER,
            detail=f"{raw.tar}: {raw.member}: the tar ends after {len(raw.payload)} of {raw.size} bytes",
        )
    budget = _Budget(config)
    try:
        files = _open_inner(_open(raw.payload, budget, depth=0), budget)
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


def _open_inner(files: dict[str, bytes], budget: _Budget) -> dict[str, bytes]:
    """A tar's files with the TeX among them that is gzipped once more unpacked; where there is one archive in it and no TeX, that one's."""
    opened: dict[str, bytes] = {}
    for name, content in files.items():
        bare = name[:-3] if name.lower().endswith(_GZIPPED_TEX) else name
        if bare != name and bare not in files and content.startswith(b"\x1f\x8b"):
            budget.note("gzip_in_gzip")
            opened[bare] = _gunzip(content, budget)
        else:
            opened[name] = content
    archives = [name for name in opened if name.lower().endswith(_ARCHIVES)]
    if len(archives) != 1 or any(name.lower().endswith(_TEX_SUFFIXES[:-1]) for name in opened):
        return opened
    budget.note("archive_in_archive")
    return _open(opened[archives[0]], budget, 2)


def _gunzip(content: bytes, budget: _Budget) -> bytes:
    """All gzip members of `content`, one after the other, and not what follows them."""
    packed = memoryview(content)
    pieces: list[bytes] = []
    num_unpacked = position = 0
    while True:
        is_begun = position == 0
        stream = zlib.decompressobj(wbits=31)
        pending = b""
        try:
            while not stream.eof:
                if not pending:
                    pending = bytes(packed[position : position + _PACKED_PIECE_BYTES])
                    position += len(pending)
                piece = stream.decompress(pending, _PIECE_BYTES if is_begun else 1)
                is_begun = True  # whatever comes, it was a gzip's header
                if not pending and not piece and not stream.eof:
                    found = f"the gzip ends early: {len(content)} bytes hold {num_unpacked} and no end"
                    raise _Refused(RejectReason.TRUNCATED_GZIP, found + _whole_before(pieces, budget))
                pending = stream.unconsumed_tail
                num_unpacked += len(piece)
                budget.spend(len(piece))
                budget.check_ratio(len(content), num_unpacked)
                pieces.append(piece)
        except zlib.error as error:
            if not is_begun:
                budget.note("trailing_garbage")  # it only began like one more gzip member
                break
            raise _Refused(RejectReason.CORRUPT_GZIP, f"after {num_unpacked} bytes: {error}{_whole_before(pieces, budget)}") from None
        position -= len(stream.unused_data)
        if content[position : position + 2] != b"\x1f\x8b":
            if content.count(b"\0", position) < len(content) - position:
                budget.note("trailing_garbage")  # anything but padding
            break
    return b"".join(pieces)


def _whole_before(pieces: list[bytes], budget: _Budget) -> str:
    """For the detail: what of a broken gzip's tar is whole."""
    unpacked = b"".join(pieces)
    if not _looks_like_tar(unpacked):
        return ""
    try:
        files = _read_tar(unpacked, _Budget(budget.config))
    except _Refused as refused:
        return f"; its tar: {refused.detail}"
    return f"; its tar: {_listing(files)}"


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
    block = content[:BLOCK_BYTES]
    if len(block) < BLOCK_BYTES:
        return False
    return block[257:262] == b"ustar" or parse_header(block) is not None or (is_end_mark(block) and is_end_mark(content))


def _read_tar(content: bytes, budget: _Budget) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    links: list[tuple[str, str]] = []
    position = num_members = 0
    next_name: str | None = None
    while position + BLOCK_BYTES <= len(content):
        block = content[position : position + BLOCK_BYTES]
        if is_end_mark(block):
            break
        header = parse_header(block)
        if header is None:
            raise _Refused(RejectReason.CORRUPT_TAR, f"no header at byte {position} of {len(content)}; whole before it: {_listing(files)}")
        start = position + BLOCK_BYTES
        position = start + header.num_padded_bytes
        num_members += 1
        if num_members > budget.config.max_members:
            raise _Refused(RejectReason.TOO_MANY_MEMBERS, f"more than {budget.config.max_members} members")
        if header.kind in (PAX_GLOBAL, GNU_LONG_LINK):
            continue
        if found := long_name(header.kind, content[start : start + min(header.num_bytes, MAX_NAME_BYTES)]):
            next_name = found
            continue
        if header.kind == PAX:
            continue
        if next_name:
            header, next_name = replace(header, name=next_name), None
        name = header.name
        if header.is_folder:
            continue
        if header.kind == HARD_LINK:
            links.append((name, header.link_target))
            continue
        if not header.is_file:
            budget.note("special_member")
            continue
        end = start + header.num_bytes
        if end > len(content):
            raise _Refused(
                RejectReason.CORRUPT_TAR,
                f"{name[:_MAX_SHOWN_CHARACTERS]!r} states {header.num_bytes} bytes and {max(0, len(content) - start)} are there; "
                f"whole before it: {_listing(files)}",
            )
        if header.num_bytes > budget.config.max_file_bytes:
            budget.note("file_too_large")
            continue
        _add(files, name, content[start:end], budget)
    for name, target in links:
        budget.note("hard_link")
        if (wanted := _safe_name(target)) in files and _safe_name(name) not in files:
            budget.spend(len(files[wanted]))  # the stages after this one read it as often as it has names
            _add(files, name, files[wanted], budget)
    if not files:
        raise _Refused(RejectReason.EMPTY_ARCHIVE, f"a tar of {num_members} members without a file")
    return files


def _listing(files: dict[str, bytes]) -> str:
    shown = ", ".join(name[:_MAX_SHOWN_CHARACTERS] for name in list(files)[:5])
    return f"{len(files)} files" + (f" ({shown}{', …' if len(files) > 5 else ''})" if files else "")


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
    return len(head) - len(head.translate(None, _CONTROL_BYTES)) > len(head) // 20


def _withdrawal(texts: list[bytes]) -> str | None:
    """The notice, where what the submission says is a withdrawal notice and next to nothing else."""
    said: list[bytes] = []
    num_said = num_lines = 0
    is_ignored = False
    for line in (found[0].strip() for text in texts for found in _LINE.finditer(_narrow(text))):
        if not line:
            continue
        num_lines += 1
        is_ignored = is_ignored or (num_lines <= 3 and line.startswith(b"%auto-ignore"))
        if not line.startswith(b"%"):
            said.append(line)
            num_said += len(line) + 1
            if num_said > _WITHDRAWN_MAX_BYTES:
                return None
    notice = b"\n".join(said)
    if _WITHDRAWN.search(notice) or (is_ignored and (b"withdrawn" in notice.lower() or len(notice) < 300)):
        return f"a notice of {len(notice)} bytes in place of a paper" + (" (%auto-ignore)" if is_ignored else "")
    return None
