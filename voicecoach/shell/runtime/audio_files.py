"""Reads recordings: any format, rate and length in, a 16 kHz stream of the wanted channels out.

Audio is read and resampled as a stream, never loaded whole.  libsndfile reads WAV, FLAC, Ogg
Vorbis and Opus, AIFF and the like, PyAV everything else; soxr resamples, and gives the same samples
however its input is cut.

An unusable file raises `AudioFileError`.  Oddities, such as a header that promises more than the
file holds, are tolerated, and reported in `AudioTrack.notes`.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import soxr

from voicecoach.config import ReplayConfig
from voicecoach.errors import AudioFileError, ConfigError
from voicecoach.shell.runtime import audio_parts
from voicecoach.shell.runtime.audio_parts import Part, PartFile
from voicecoach.shell.runtime.av_audio import NAMED, AvFile, UnreadableAudio
from voicecoach.shell.runtime.snd_audio import RAW_ENCODINGS, RawFormat, SndFile
from voicecoach.text_safety.sanitize import readable_text
from voicecoach.types.stream import F32, HOP, MAX_AMPLITUDE, SAMPLE_RATE

MIN_RATE, MAX_RATE = 4_000, 192_000
"""Accepted sample rates, Hz."""
MOST_CHANNELS = 64
"""Most channels accepted: a header may promise thousands, and all of them would be read."""
EXTENSIONS = {
    ".3gp", ".aac", ".aif", ".aifc", ".aiff", ".amr", ".asf", ".au", ".awb", ".caf", ".flac",
    ".g722", ".gsm", ".m4a", ".mka", ".mkv", ".mov", ".mp3", ".mp4", ".oga", ".ogg", ".opus",
    ".rf64", ".snd", ".spx", ".vox", ".w64", ".wav", ".wave", ".webm", ".wma",
}  # fmt: skip
"""Extensions of recordings that say what they are."""
RAW_EXTENSIONS = {".al", ".alaw", ".pcm", ".raw", ".sln", ".ul", ".ulaw"}
"""Extensions of samples without a header."""
MISSING_S = 0.1
"""Least difference between lengths that is worth a note, in seconds."""
_CHUNK_S = 4.0
"""Seconds of audio read at a time."""
_PLAIN_RATE = 2 * 48_000
"""Samples in a second of sound above which it counts as more, for the bound on length."""


class ReadOptions(NamedTuple):
    """How recordings are read."""

    raw: RawFormat | None = None
    """What files without a header hold; None refuses them."""
    max_hours: float = ReplayConfig().max_hours
    """Longest recording that is read, in hours."""


DEFAULT_OPTIONS = ReadOptions()


class SoundSource(Protocol):
    """One recording of a file, open."""

    samplerate: int
    channels: int
    frames: int | None
    """Its length in frames; None if unknown."""
    estimated: bool
    """Whether that is an estimate from its size."""
    promised: int
    """Its length in frames as its header tells it; 0 if it does not."""

    def read(self, size: int) -> F32:
        """Return the next `size` frames, [n, channels]; fewer at the end."""

    def notes(self) -> list[str]:
        """Return what was odd in it, as far as it has been read."""

    def close(self) -> None:
        """Close it."""


class AudioTrack:
    """Reads the wanted channels of one file as a 16 kHz stream.

    Parameters
    ----------
    path
        The recording, or several that were put one after another.
    channels
        Channels to read, in this order.
    expect
        Number of channels the file must have; None if channels are mapped by name.
    options
        How it is read.
    """

    def __init__(
        self, path: Path, channels: tuple[int, ...], expect: int | None, options: ReadOptions
    ) -> None:
        self.path, self._channels, self._expect, self._options = path, channels, expect, options
        self.notes: list[str] = []
        self.read_s = 0.0
        """Seconds read so far."""
        self.rate, self._count = 0, 0
        self._raw: RawFormat | None = None
        self._parts = self._find_parts()
        self.frames = self._examine_parts()
        """Number of frames, which may be an estimate; 0 if unknown."""
        if any(part.unwritten for part in self._parts):
            self._note("its recorder never wrote its length; read to its end")
        if self._parts[-1].cut:
            self._note("the file has no end mark; using what is there")

    def _note(self, text: str) -> None:
        self.notes.append(f"{readable_text(self.path.name)}: {text}")

    def _find_parts(self) -> list[Part]:
        path = self.path
        try:
            if not path.exists():
                raise AudioFileError(f"{path}: no such file")
            if path.is_dir():
                raise AudioFileError(f"{path}: a folder, not a recording")
            if not path.is_file():
                raise AudioFileError(f"{path}: a pipe or a device, not a recording")
            if path.stat().st_size == 0:
                raise AudioFileError(f"{path}: the file is empty")
            suffix = path.suffix.lower()
            if suffix not in EXTENSIONS and not audio_parts.has_header(path):
                self._raw = self._options.raw
                if suffix in RAW_EXTENSIONS and not self._raw:
                    raise AudioFileError(
                        f"{path}: samples without a header; say what they are with "
                        "--raw RATE,CHANNELS,ENCODING, such as --raw 8000,2,pcm16"
                    )
            if self._raw:
                return [Part(0, path.stat().st_size)]
            return audio_parts.find_parts(path)
        except OSError as e:
            raise AudioFileError(f"{path}: cannot read it: {e.strerror}") from e
        except ValueError as e:
            raise AudioFileError(f"{path}: {e}; cut it") from e

    def _examine_parts(self) -> int:
        """Check each part, leave out those that are empty, and return the number of frames."""
        found: list[tuple[Part, int | None]] = []
        known = 0
        for part in self._parts:
            try:
                source = self._open(part)
            except (UnreadableAudio, OSError) as e:
                if not found:
                    raise AudioFileError(
                        f"{self.path}: not a recording that can be read ({e}); if it is one, "
                        f"convert it: {_converting_command(self.path)}"
                    ) from e
                self._note(f"what follows the first {len(found)} parts cannot be read ({e})")
                break
            try:
                self._check(source, first=not found)
            finally:
                source.close()
            if source.frames != 0:
                found.append((part, source.frames))
                known += 0 if source.estimated else source.frames or 0
                self._check_length(known)
        if not found:
            raise AudioFileError(f"{self.path}: the file has no samples")
        self._parts = [part for part, _ in found]
        return 0 if any(n is None for _, n in found) else sum(n or 0 for _, n in found)

    def _open(self, part: Part) -> SoundSource:
        suffix = self.path.suffix.lower()
        # By its name alone, libsndfile would take a damaged MP3, too, and print on stderr.
        if part.libsndfile and (self._raw or part.kind or suffix not in NAMED):
            # A name that ends in .raw would make it a file without a header.
            whole = part.is_whole and not self._raw and suffix not in RAW_EXTENSIONS
            try:
                return SndFile(self.path, part, self._raw, whole=whole)
            except UnreadableAudio:
                if self._raw or part.kind == "flac":
                    raise
        return AvFile(PartFile(self.path, part), part, suffix)

    def _check(self, source: SoundSource, *, first: bool) -> None:
        path, rate, count = self.path, source.samplerate, source.channels
        if not first:
            if (rate, count) != (self.rate, self._count):
                raise AudioFileError(
                    f"{path}: it holds recordings of {self.rate} and {rate} Hz, of {self._count} "
                    f"and {count} channels; cut it"
                )
            return
        if not MIN_RATE <= rate <= MAX_RATE:
            raise AudioFileError(
                f"{path}: sample rate {rate} Hz is outside {MIN_RATE} to {MAX_RATE} Hz"
            )
        if count > MOST_CHANNELS:
            raise AudioFileError(f"{path}: {count} channels; at most {MOST_CHANNELS} can be read")
        if self._expect is not None and count != self._expect:
            raise AudioFileError(f"{path}: {_wrong_count(count, self._expect)}")
        if max(self._channels) >= count:
            raise AudioFileError(
                f"{path}: no channel {max(self._channels)}, only 0 to {count - 1}; "
                "change --channels"
            )
        self.rate, self._count = rate, count

    def _check_length(self, frames: int) -> None:
        """Raise `AudioFileError` if that many are more than is read."""
        most, times = self._options.max_hours, max(1.0, self.rate * self._count / _PLAIN_RATE)
        if frames * times > most * 3600 * self.rate:
            counted = (
                f" ({self._count} channels at {self.rate} Hz count {times:.1f} times)"
                if times > 1.0
                else ""
            )
            raise AudioFileError(
                f"{self.path}: more than {most:g} hours of sound{counted}; cut it, or set "
                "[replay] max_hours higher"
            )

    def chunks(self) -> Iterator[F32]:
        """Yield [channels, n] at 16 kHz until the file ends, then close it.

        Raises
        ------
        AudioFileError
            If decoding fails, a sample is not finite or far beyond full scale, or there is less
            than one hop of audio, or more than is read.
        """
        resampler = soxr.ResampleStream(
            self.rate, SAMPLE_RATE, len(self._channels), dtype="float32", quality="HQ"
        )
        read = given = missing = 0
        for part in self._parts:
            source = self._open_again(part)
            before = read
            try:
                while len(chunk := self._read_chunk(source, read)):
                    read += len(chunk)
                    self.read_s = read / self.rate
                    self._check_length(read)
                    out = resampler.resample_chunk(chunk[:, self._channels])
                    given += len(out)
                    yield out.T
                for note in source.notes():
                    self._note(note)
            finally:
                source.close()
            missing += max(0, source.promised - (read - before))
        out = resampler.resample_chunk(chunk[:, self._channels], last=True)
        if given + len(out) < HOP:
            raise AudioFileError(
                f"{self.path}: {read / self.rate * 1000:.1f} ms of audio is too short to "
                f"analyse; the minimum is {HOP / SAMPLE_RATE * 1000:.0f} ms"
            )
        yield out.T
        if missing >= MISSING_S * self.rate:
            self._note(
                f"the header promises {(read + missing) / self.rate:.1f} s, the file holds "
                f"{self.read_s:.1f} s; using what is there"
            )

    def _open_again(self, part: Part) -> SoundSource:
        try:
            return self._open(part)
        except (UnreadableAudio, OSError) as e:
            raise AudioFileError(f"{self.path}: cannot read it again: {e}") from e

    def _read_chunk(self, source: SoundSource, read: int) -> F32:
        """Return the next samples [n, all channels], none at the end; `read` frames came before."""
        at = f"{read / self.rate:.1f} s"
        try:
            chunk = source.read(int(self.rate * _CHUNK_S))
        except UnreadableAudio as e:
            raise AudioFileError(
                f"{self.path}: decoding stopped after {at}: the file is truncated or corrupt ({e})"
            ) from e
        if not np.isfinite(chunk).all():
            raise AudioFileError(
                f"{self.path}: samples are not numbers (NaN or infinite) near {at}"
            )
        if np.abs(chunk).max(initial=0.0) > MAX_AMPLITUDE:
            raise AudioFileError(
                f"{self.path}: it holds samples of more than {MAX_AMPLITUDE:.0f} times full scale "
                f"near {at}: rescale it to -1..1"
            )
        return chunk


def parse_raw_format(text: str) -> RawFormat:
    """Return what samples without a header are, from RATE,CHANNELS,ENCODING.

    Raises
    ------
    ConfigError
        If it is not written like that, or cannot be read.
    """
    try:
        rate, channels, encoding = text.split(",")
        found = RawFormat(int(rate), int(channels), encoding.strip().lower())
    except ValueError:
        found = RawFormat(0, 0, "")
    if (
        MIN_RATE <= found.rate <= MAX_RATE
        and 1 <= found.channels <= MOST_CHANNELS
        and found.encoding in RAW_ENCODINGS
    ):
        return found
    raise ConfigError(
        f"--raw {text}: write it as RATE,CHANNELS,ENCODING, such as 8000,2,pcm16: {MIN_RATE} to "
        f"{MAX_RATE} Hz, 1 to {MOST_CHANNELS} channels, {', '.join(RAW_ENCODINGS)}"
    )


def _converting_command(path: Path) -> str:
    suffix = ".wav" if path.suffix.lower() == ".flac" else ".flac"
    names = str(path), str(path.with_suffix(suffix))
    return " ".join(
        ["ffmpeg -i", *(f'"{n}"' if os.name == "nt" else shlex.quote(n) for n in names)]
    )


def _wrong_count(count: int, expected: int) -> str:
    if count == 1:
        return (
            "one channel, but two are needed: name the other file (--agent A --customer "
            "B), or who this is (--mono agent or --mono customer)"
        )
    if expected == 2:
        return f"{count} channels: say which carries whom with --channels agent=I,customer=J"
    return f"{count} channels, but one is needed"
