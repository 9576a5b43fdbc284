"""Finds whole frames in the last bytes of a FLAC stream (RFC 9639), and so where its sound ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

_LAST_FRAMES = 4
"""Frames at the end that are tried whole; a mark within one may look like a frame."""


def find_end(tail: bytes, block: int) -> tuple[int, int]:
    """Return the number of samples before the end of the last whole frame, and the bytes after it.

    Parameters
    ----------
    tail
        The last bytes of the stream.
    block
        Samples of each frame, if all but the last have the same number.

    Returns
    -------
    tuple
        Both are 0 if unknown.

    Notes
    -----
    Of the last frames, one that is whole to the end counts.  If there is none, a frame counts if
    the header before it says that it begins where that one ends, or if it is the stream's first.
    """
    frames = [
        (found.start(), *frame)
        for found in re.finditer(rb"\xff[\xf8\xf9]", tail)
        if (frame := _frame_span(tail[found.start() : found.start() + 16], block))
    ]
    for at, _, end in reversed(frames[-_LAST_FRAMES:]):
        if _checked_length(tail[at:]) == len(tail) - at:
            # Zeros change no check; a frame ends in two of them at most.
            zeros = len(tail) - len(tail.rstrip(b"\0"))
            return end, zeros if zeros > 2 else 0
    ends, last_at, last_start, last_end = {0}, 0, 0, 0
    for at, start, end in frames:
        if start in ends and end > last_end:
            last_at, last_start, last_end = at, start, end
        ends.add(end)
    length = _checked_length(tail[last_at:]) if last_end else 0
    held = last_end if length else last_start
    return held, len(tail) - last_at - length if held else 0


def _frame_span(data: bytes, block: int) -> tuple[int, int] | None:
    """Return where a frame begins and ends, in samples, from its header (RFC 9639, 9.1)."""
    if len(data) < 16:
        data += bytes(16 - len(data))
    size, rate = data[2] >> 4, data[2] & 15
    length = 1 if data[4] < 0x80 else 8 - (data[4] ^ 0xFF).bit_length()
    if not size or rate == 15 or data[3] & 1 or not 1 <= length <= 7 or data[4] & 0xC0 == 0x80:
        return None
    number = data[4] & (0x7F if length == 1 else 0x7F >> length)
    for byte in data[5 : 4 + length]:
        number = number << 6 | byte & 0x3F
    at = 4 + length
    if size in (6, 7):
        samples = int.from_bytes(data[at : at + size - 5], "big") + 1
        at += size - 5
    elif size == 1:
        samples = 192
    else:
        samples = 576 << (size - 2) if size < 6 else 256 << (size - 8)
    at += {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if at >= 16 or [*_crcs(data[: at + 1], 0x07, 8)][-1]:
        return None
    start = number if data[1] & 1 else number * block
    return start, start + samples


def _checked_length(frame: bytes) -> int:
    """Return the bytes up to the last place where a FLAC frame's check is right; 0 if nowhere."""
    return max((n for n, check in enumerate(_crcs(frame, 0x8005, 16), 1) if not check), default=0)


def _crcs(data: bytes, polynomial: int, bits: int) -> Iterator[int]:
    """Yield the cyclic redundancy check up to each byte: 0 where a check that is right ends."""
    table = _crc_table(polynomial, bits)
    value, shift, mask = 0, bits - 8, (1 << bits) - 1
    for byte in data:
        value = (value << 8 & mask) ^ table[value >> shift ^ byte]
        yield value


@cache
def _crc_table(polynomial: int, bits: int) -> list[int]:
    table = []
    for byte in range(256):
        value = byte << (bits - 8)
        for _ in range(8):
            value = value << 1 ^ (polynomial if value >> (bits - 1) else 0)
            value &= (1 << bits) - 1
        table.append(value)
    return table
