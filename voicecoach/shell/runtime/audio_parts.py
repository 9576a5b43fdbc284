"""Finds the recordings in a file, and the lengths that their headers do not tell.

Recorders that pause, or that are started again, put one recording after another into a file, and
decoders stop at the end of the first.  Each is a part here, and is decoded on its own.  A recorder
that is killed leaves lengths in the header that are zero or too small; a part then has bytes that
replace them.
"""

from __future__ import annotations

import io
import os
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from voicecoach.shell.runtime import flac_frames
from voicecoach.shell.runtime.regular_file import open_regular

MOST_PARTS = 1_000
"""Most recordings read from one file."""
_SCAN, _OVERLAP = 2**20, 128
"""Bytes searched at a time, and the most that a mark has."""
_FLAC_TAIL = 2**18
"""Bytes at the end of a FLAC stream in which its last frames are looked for."""
_PAGE_HEADER = 27 + 255
_LONGEST_PAGE = _PAGE_HEADER + 255 * 255
"""Bytes of an Ogg page's header, and of a whole page, at most."""
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_NO_SIZES = (0x7FFF_F000, 0x7FFF_FFFF, 0xFFFF_FFFF)
"""Sizes that programs (the first is SoX) write into a WAV header when they write to a pipe."""
_BLOCK_TAGS = (0x02, 0x11, 0x31)
"""Format tags of WAV whose blocks hold more than one sample: MS and IMA ADPCM, GSM 6.10."""
_MPEG_TAGS = (0x50, 0x55)
"""Format tags of MPEG audio in WAV."""

_ID3 = rb"ID3[\x02-\x04][\x00-\x10][\x00-\xf0][\x00-\x7f]{4}"
_FIRST_FRAME = (
    rb"\xff[\xe2-\xff][\x10-\xef][\x00-\xff](?:.{9}|.{17}|.{32})(?:Xing|Info)"
    rb"|\xff[\xe2-\xff][\x10-\xef][\x00-\xff].{32}VBRI"
)
"""The frame of an MP3 that holds its length: its side information depends on its channels."""
_MARKS = {
    kind: re.compile(pattern, re.DOTALL)
    for kind, pattern in (
        ("wav", rb"(?:RIFF|RF64|BW64).{4}WAVE[ -~]{4}"),
        ("flac", rb"fLaC[\x00\x80]\x00\x00\x22"),
        ("ogg", rb"OggS\x00[\x00-\x07]"),
        ("mp4", rb"\x00\x00\x00[\x08-\x80]ftyp[ -~]{4}"),
        ("webm", rb"\x1a\x45\xdf\xa3.{4,64}?\x42\x82.(?:webm|matroska)"),
        ("amr", rb"#!AMR(?:-WB)?\n"),
        ("asf", rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"),
        ("mpeg", _ID3 + rb"|" + _FIRST_FRAME),
    )
}
"""What a recording of each kind begins with."""
_OTHER_MARKS = re.compile(rb"FORM.{4}AIF|\.snd|caff|riff\x2e\x91\xcf\x11", re.DOTALL)
"""What other recordings with a header begin with: AIFF, AU, CAF, W64."""


class Part(NamedTuple):
    """A recording within a file."""

    start: int
    end: int
    """Its bytes."""
    kind: str = ""
    """What it begins with, such as "wav"; "" if that is not known."""
    libsndfile: bool = True
    """Whether libsndfile may read it: it prints on stderr when it reads MPEG audio."""
    patch_at: int = 0
    patch: bytes = b""
    """Bytes that replace those of the file, and where, counted from `start`."""
    promised: int = 0
    """Frames that a WAV header promises beyond the end of the file, and those before it."""
    has_length: bool = True
    """Whether its header gives its length, as far as that can be known before it is opened."""
    unwritten: bool = False
    """Whether its recorder never wrote its length."""
    torn: int = 0
    """Bytes at its end that cannot be decoded, where no header tells its length."""
    cut: bool = False
    """Whether the end mark of an Ogg stream is missing."""
    is_whole: bool = False
    """Whether it is all that the file holds, as it stands there."""


class PartFile(io.RawIOBase):
    """A part as a file of its own."""

    def __init__(self, path: Path, part: Part) -> None:
        self._file = open_regular(path)
        self._part = part
        self._at = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def tell(self) -> int:
        """Return the position within the part."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position within the part."""
        base = (0, self._at, self._part.end - self._part.start)[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read into a buffer; a disk that fails ends the part."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int = -1) -> bytes:
        """Read bytes; a disk that fails ends the part."""
        at, (start, end) = self._at, self._part[:2]
        left = max(0, end - start - at)
        try:
            self._file.seek(start + at)
            data = self._file.read(left if size < 0 else min(size, left))
        except OSError:  # in a callback of a decoder, where nothing may be raised
            return b""
        self._at = at + len(data)
        patch_at, patch = self._part.patch_at, self._part.patch
        low, high = max(at, patch_at), min(self._at, patch_at + len(patch))
        if low < high:
            data = data[: low - at] + patch[low - patch_at : high - patch_at] + data[high - at :]
        return data


def find_parts(path: Path) -> list[Part]:
    """Return the recordings in a file, in their order.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If there are more than `MOST_PARTS`.
    """
    with open_regular(path) as file:
        size = file.seek(0, os.SEEK_END)
        head = _read(file, 0, _OVERLAP)
        kind = _kind(head).replace("sync", "mpeg")
        if kind not in _MARKS:
            return [Part(0, size, kind, has_length=False, is_whole=True)]
        starts = [0]
        for start in _starts(file, kind, size):
            starts.append(start)
            if len(starts) > MOST_PARTS:
                raise ValueError(f"more than {MOST_PARTS} recordings in one file")
        parts = [Part(*ends, kind) for ends in zip(starts, [*starts[1:], size], strict=True)]
        mended = [_mended(file, part, size) for part in parts]
        return [part._replace(is_whole=len(parts) == 1 and not part.patch) for part in mended]


def has_header(path: Path) -> bool:
    """Return whether a file begins like a recording that says what it is.

    Two bytes as in an MP3 do not count: samples without a header may begin with them.
    """
    with open_regular(path) as file:
        return _kind(file.read(_OVERLAP)) not in ("", "sync")


def _kind(head: bytes) -> str:
    """Return what a file begins with: a key of `_MARKS`, "other", "sync" or ""."""
    for kind, mark in _MARKS.items():
        if mark.match(head):
            return kind
    if _OTHER_MARKS.match(head):
        return "other"
    return "sync" if len(head) > 1 and head[0] == 0xFF and head[1] >= 0xE0 else ""


def _mended(file: BinaryIO, part: Part, size: int) -> Part:
    if part.kind == "wav":
        return _mended_wav(file, part, size)
    if part.kind == "flac":
        return _mended_flac(file, part, part.start)
    if part.kind == "mpeg":
        return _mended_mpeg(file, part)
    if part.kind == "ogg":
        cut = not _ends_with_last_page(file, part)
        return part._replace(libsndfile=not _has_damaged_page(file, part), cut=cut)
    return part._replace(libsndfile=False)


# --- where parts begin ----------------------------------------------------------------------


def _starts(file: BinaryIO, kind: str, size: int) -> Iterator[int]:
    """Yield where parts begin, but for the first."""
    if kind == "ogg":
        begins = True  # a page that begins a stream, as those of all streams of the first part do
        for at, mark in _scan(file, _MARKS[kind], size):
            if mark[5] & 2 and not begins:
                yield at
            begins = bool(mark[5] & 2)
        return
    tag_end = -1
    for at, mark in _scan(file, _MARKS[kind], size):
        if at < tag_end or (at == tag_end and not mark.startswith(b"ID3")):
            continue  # within the tag of a part, or its first frame
        if mark.startswith(b"ID3"):
            end = at + 10 + _syncsafe(mark[6:10])
            if at and _kind(_read(file, end, 2)) != "sync":
                continue  # three letters by chance
            tag_end = end
        if at:
            yield at


def _scan(file: BinaryIO, mark: re.Pattern[bytes], size: int) -> Iterator[tuple[int, bytes]]:
    """Yield each mark in a file, and where it is."""
    at = 0
    while at < size:
        data = _read(file, at, _SCAN + _OVERLAP)
        if not data:
            return
        for found in mark.finditer(data):
            if found.start() < _SCAN:
                yield at + found.start(), found.group()
        at += _SCAN


def _syncsafe(data: bytes) -> int:
    return sum(byte << (21 - 7 * i) for i, byte in enumerate(data))


def _read(file: BinaryIO | PartFile, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)


# --- MPEG audio -----------------------------------------------------------------------------


def _mended_mpeg(file: BinaryIO, part: Part) -> Part:
    head, at = _read(file, part.start, _OVERLAP), part.start
    if head.startswith(b"ID3"):
        at += 10 + _syncsafe(head[6:10])
        head = _read(file, at, _OVERLAP)
    if _MARKS["flac"].match(head):
        return _mended_flac(file, part, at)
    found = re.compile(_FIRST_FRAME, re.DOTALL).match(head)
    return part._replace(libsndfile=False, has_length=bool(found))


# --- WAV ------------------------------------------------------------------------------------


def _mended_wav(file: BinaryIO, part: Part, size: int) -> Part:
    rate = byte_rate = 0
    for name, at, length in _chunks(file, part.start + 12, part.end):
        if name == b"fmt " and len(body := _read(file, at, 14)) == 14:
            tag, rate, byte_rate, align = struct.unpack("<H2xIIH", body)
            # Some recorders write a wrong number of bytes a second, where it is easily known.
            byte_rate = byte_rate if tag in _BLOCK_TAGS else rate * align
            part = part._replace(libsndfile=tag not in _MPEG_TAGS)
        if name != b"data":
            continue
        held = part.end - at
        if length > held:
            promised = length if length not in _NO_SIZES and at + length > size else 0
            return part._replace(promised=promised * rate // byte_rate if byte_rate else 0)
        if _is_more_sound(file, at + length, part.end):
            patch = struct.pack("<I", min(held, 0xFFFF_FFFE))
            return part._replace(patch_at=at - 4 - part.start, patch=patch, unwritten=length == 0)
        break
    return part


def has_overlong_chunk(file: PartFile, end: int) -> bool:
    """Return whether a chunk before the samples of a WAV ends beyond the file.

    FFmpeg takes as much memory as such a chunk says.
    """
    for name, at, length in _chunks(file, 12, end):
        if name == b"data":
            return False
        if at + length > end:
            return True
    return False


def _is_more_sound(file: BinaryIO, at: int, end: int) -> bool:
    """Return whether what follows the samples is more of them, not chunks, padding or text."""
    first = _read(file, at, min(16, end - at))
    if len(first) < 2 or all(0x20 <= byte < 0x7F or byte in b"\r\n\t" for byte in first):
        return False
    return not (_are_chunks(file, at, end) or _are_chunks(file, at + 1, end))


def _are_chunks(file: BinaryIO, at: int, end: int) -> bool:
    for name, start, length in _chunks(file, at, end):
        if not all(0x20 <= byte < 0x7F for byte in name):
            return False
        at = start + length + length % 2
    return end - 1 <= at <= end + 1


def _chunks(file: BinaryIO | PartFile, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the chunks of a WAV: the name of each, where its contents begin, and their length."""
    while at + 8 <= end and len(head := _read(file, at, 8)) == 8:
        name, length = struct.unpack("<4sI", head)
        yield name, at + 8, length
        at += 8 + length + length % 2


# --- Ogg ------------------------------------------------------------------------------------


def _ogg_page_size(header: bytes) -> int:
    size = 27 + header[26] if len(header) > 26 else 27
    return size + sum(header[27:size])


def _whole_ogg_page(data: bytes) -> bytes:
    """Return the page that bytes begin with (RFC 3533, 6); none if it is cut or damaged.

    Its check is that of zlib with the bits of each byte in the other order, and not inverted.
    """
    size = _ogg_page_size(data)
    page = data[:size]
    if len(page) < size or not page.startswith(b"OggS\0"):
        return b""
    mirrored = (page[:22] + bytes(4) + page[26:]).translate(_MIRRORED)
    check = zlib.crc32(mirrored, 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return page if check.to_bytes(4, "big").translate(_MIRRORED) == page[22:26] else b""


def _ends_with_last_page(file: BinaryIO, part: Part) -> bool:
    """Return whether the last page is whole, and has the flag that ends a stream."""
    at = max(part.start, part.end - 2 * _LONGEST_PAGE)
    tail = _read(file, at, part.end - at)
    page = _whole_ogg_page(tail[max(0, tail.rfind(b"OggS")) :])
    return bool(page) and bool(page[5] & 4)


def _has_damaged_page(file: BinaryIO, part: Part) -> bool:
    """Return whether a page that others follow is damaged or missing.

    libsndfile passes over it without a word, and all that follows comes too early.
    """
    at, numbers = part.start, dict[bytes, int]()
    while at < part.end:
        size = _ogg_page_size(_read(file, at, _PAGE_HEADER))
        page = _whole_ogg_page(_read(file, at, min(size, part.end - at)))
        if not page:
            return any(found > at for found, _ in _scan(file, _MARKS["ogg"], part.end))
        stream, number = page[14:18], int.from_bytes(page[18:22], "little")
        if number != numbers.get(stream, number - 1) + 1:
            return True
        numbers[stream] = number
        at += len(page)
    return False


# --- FLAC -----------------------------------------------------------------------------------


def _mended_flac(file: BinaryIO, part: Part, at: int) -> Part:
    """Give the FLAC stream that begins at `at` its length if its header has none, or too little."""
    head = _read(file, at, 8 + 34)
    if len(head) < 8 + 34:
        return part
    promised = int.from_bytes(head[21:26], "big") & (2**36 - 1)
    tail_at = max(at, part.end - _FLAC_TAIL)
    block = int.from_bytes(head[8:10], "big")
    held, torn = flac_frames.find_end(_read(file, tail_at, part.end - tail_at), block)
    if held <= promised:
        # Without any length, libsndfile loses the end of it.
        return part._replace(libsndfile=promised > 0, has_length=promised > 0)
    length = (head[21] & 0xF0) << 32 | held
    patch = length.to_bytes(5, "big")
    return part._replace(patch_at=at + 21 - part.start, patch=patch, torn=torn)
