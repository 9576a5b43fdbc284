"""Decodes WAV, FLAC, Ogg and the like, and samples without a header, by libsndfile."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from voicecoach.shell.runtime.audio_parts import Part, PartFile
from voicecoach.shell.runtime.av_audio import AvFile, UnreadableAudio
from voicecoach.types.stream import F32

RAW_ENCODINGS = {
    "pcm16": "PCM_16", "pcm24": "PCM_24", "pcm32": "PCM_32", "float": "FLOAT", "ulaw": "ULAW",
    "alaw": "ALAW",
}  # fmt: skip
"""Encodings of samples without a header, little-endian, as libsndfile calls them."""
_SKIP = 2**18
"""Frames that are read at a time, where they were read before."""


class RawFormat(NamedTuple):
    """What samples without a header are."""

    rate: int
    """Sample rate, Hz."""
    channels: int
    encoding: str
    """A key of `RAW_ENCODINGS`."""


class SndFile:
    """A recording that libsndfile decodes."""

    def __init__(self, path: Path, part: Part, raw: RawFormat | None, *, whole: bool) -> None:
        self._path, self._part = path, part
        self._rest: AvFile | None = None
        self._given, self._stopped = 0, ""
        self._part_file: PartFile | None = None
        # As bytes, since soundfile cannot encode what the locale cannot; Windows takes text.
        file: bytes | Path | PartFile = os.fsencode(path) if os.name == "posix" else path
        if not whole:
            file = self._part_file = PartFile(path, part)
        options = {}
        if raw:
            subtype = RAW_ENCODINGS[raw.encoding]
            options = {
                "samplerate": raw.rate, "channels": raw.channels, "subtype": subtype,
                "format": "RAW", "endian": "LITTLE",
            }  # fmt: skip
        try:
            self._file = soundfile.SoundFile(file, **options)
        except soundfile.LibsndfileError as e:
            if self._part_file:
                self._part_file.close()
            raise UnreadableAudio(e.error_string.rstrip(".")) from e
        self.samplerate: int = self._file.samplerate
        self.channels: int = self._file.channels
        frames: int = self._file.frames
        self.frames: int | None = frames
        self.estimated = False
        self.promised = max(part.promised, frames)

    def read(self, size: int) -> F32:
        """Return the next `size` frames, [n, channels]; fewer at the end.

        libsndfile stops at damage; PyAV goes on after it.

        Raises
        ------
        UnreadableAudio
            If nothing can be decoded.
        """
        if not self._rest and not self._stopped:
            try:
                samples: F32 = self._file.read(size, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as e:
                self._go_on_after_damage(e.error_string.rstrip("."))
            else:
                self._given += len(samples)
                return samples
        return self._rest.read(size) if self._rest else np.zeros((0, self.channels), np.float32)

    def _go_on_after_damage(self, reason: str) -> None:
        try:
            rest = AvFile(PartFile(self._path, self._part), self._part, self._path.suffix.lower())
        except UnreadableAudio as e:
            if not self._given:
                raise UnreadableAudio(reason) from e
            self._stopped = f"what follows {self._given / self.samplerate:.1f} s is left out ({e})"
            return
        self._rest = rest
        if (rest.samplerate, rest.channels) != (self.samplerate, self.channels):
            raise UnreadableAudio(reason)
        left = self._given
        while left and len(skipped := rest.read(min(left, _SKIP))):
            left -= len(skipped)

    def notes(self) -> list[str]:
        """Return what was odd in it, as far as it has been read."""
        found = self._rest.notes() if self._rest else []
        if self._stopped:
            found.append(self._stopped)
        if self._part.torn:
            found.append(f"its last {self._part.torn} bytes cannot be decoded")
        return found

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        for file in (self._part_file, self._rest):
            if file:
                file.close()
