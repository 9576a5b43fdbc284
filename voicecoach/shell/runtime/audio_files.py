"""Reads recorded calls: any format, rate and length in, aligned 16 kHz blocks out.

Audio is read, resampled and cut as a stream, never loaded whole.  libsndfile reads WAV, FLAC, Ogg
Vorbis and Opus, AIFF and the like, PyAV everything else; soxr resamples, and gives the same samples
however its input is cut.

An unusable file raises `AudioFileError`.  Oddities (a header that promises more than the file
holds, two files of different length) are tolerated, and reported in `RecordedCall.notes`.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import soundfile
import soxr

from voicecoach.config import ReplayConfig
from voicecoach.dsp.framing import Rechunker
from voicecoach.errors import AudioFileError, ConfigError
from voicecoach.shell.runtime import audio_parts
from voicecoach.shell.runtime.audio_parts import Part, PartFile
from voicecoach.shell.runtime.av_audio import NAMED, AvFile, UnreadableAudio
from voicecoach.text_safety.sanitize import readable_text
from voicecoach.types.stream import (
    F32,
    HOP,
    MAX_AMPLITUDE,
    MAX_HOPS,
    SAMPLE_RATE,
    SPEAKERS,
    Block,
    Speaker,
)

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
RAW_ENCODINGS = {
    "pcm16": "PCM_16", "pcm24": "PCM_24", "pcm32": "PCM_32", "float": "FLOAT", "ulaw": "ULAW",
    "alaw": "ALAW",
}  # fmt: skip
"""Encodings of samples without a header, little-endian, as libsndfile calls them."""
MISSING_S = 0.1
"""Least difference between lengths that is worth a note, in seconds."""
_CHUNK_S = 4.0
"""Seconds of audio read at a time."""
_PLAIN_RATE = 2 * 48_000
"""Samples in a second of sound above which it counts as more, for the bound on length."""


class RawFormat(NamedTuple):
    """What samples without a header are."""

    rate: int
    """Sample rate, Hz."""
    channels: int
    encoding: str
    """A key of `RAW_ENCODINGS`."""


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
        while left and len(skipped := rest.read(min(left, int(self.samplerate * _CHUNK_S)))):
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


class RecordedCall:
    """A recorded call: one file with both speakers, two files, or one speaker alone.

    Parameters
    ----------
    name
        Name of the call, for its folder.
    tracks
        Each file with the speakers on the channels to read.
    """

    def __init__(self, name: str, tracks: Sequence[tuple[AudioTrack, tuple[Speaker, ...]]]) -> None:
        self.name = name
        self._tracks = tracks
        self._extra: list[str] = []

    @classmethod
    def from_stereo(
        cls,
        path: Path,
        channels: tuple[int, int] = (0, 1),
        *,
        mapped: bool = False,
        options: ReadOptions = DEFAULT_OPTIONS,
    ) -> RecordedCall:
        """Return a call with both speakers on channels of one file, the agent's first.

        Unless channels were `mapped` by name, the file must have two channels.
        """
        track = AudioTrack(path, channels, None if mapped else 2, options)
        return cls(readable_text(path.stem), [(track, SPEAKERS)])

    @classmethod
    def from_pair(
        cls, agent: Path, customer: Path, options: ReadOptions = DEFAULT_OPTIONS
    ) -> RecordedCall:
        """Return a call with one file for each speaker."""
        tracks = [
            (AudioTrack(agent, (0,), 1, options), (Speaker.AGENT,)),
            (AudioTrack(customer, (0,), 1, options), (Speaker.CUSTOMER,)),
        ]
        return cls(readable_text(agent.stem), tracks)

    @classmethod
    def from_mono(
        cls, path: Path, speaker: Speaker, options: ReadOptions = DEFAULT_OPTIONS
    ) -> RecordedCall:
        """Return a recording of one speaker."""
        track = AudioTrack(path, (0,), 1, options)
        return cls(readable_text(path.stem), [(track, (speaker,))])

    @property
    def speakers(self) -> tuple[Speaker, ...]:
        """Speakers in the recording."""
        return tuple(s for s in SPEAKERS if any(s in who for _, who in self._tracks))

    @property
    def duration_s(self) -> float:
        """Length in seconds, according to the headers; it may be an estimate."""
        return max(track.frames / track.rate for track, _ in self._tracks)

    @property
    def rates(self) -> list[int]:
        """Sample rate of each file, Hz."""
        return [track.rate for track, _ in self._tracks]

    @property
    def notes(self) -> list[str]:
        """Oddities of the recording, as far as it has been read."""
        return [note for track, _ in self._tracks for note in track.notes] + self._extra

    def blocks(self, hops: int = MAX_HOPS) -> Iterator[Block]:
        """Yield the call as blocks of `hops` hops; the last hop is padded with silence.

        Raises
        ------
        AudioFileError
            As `AudioTrack.chunks` does.
        """
        rechunker = Rechunker(hops)
        streams = [track.chunks() for track, _ in self._tracks]
        pending = [np.zeros((len(who), 0), np.float32) for _, who in self._tracks]
        ended = [False] * len(streams)
        while not all(ended):
            for i, stream in enumerate(streams):
                # Read the stream that is behind: the files may differ in rate and length.
                if not ended[i] and pending[i].shape[1] <= min(p.shape[1] for p in pending):
                    chunk = next(stream, None)
                    if chunk is None:
                        ended[i] = True
                    else:
                        pending[i] = np.concatenate([pending[i], chunk], axis=1)
            ready = [p.shape[1] for p, over in zip(pending, ended, strict=True) if not over]
            n = min(ready) if ready else max(p.shape[1] for p in pending)
            samples = np.zeros((2, n), np.float32)
            for i, (_, who) in enumerate(self._tracks):
                part = pending[i][:, :n]
                for speaker, row in zip(who, part, strict=True):
                    samples[speaker.row, : part.shape[1]] = row
                pending[i] = pending[i][:, n:]
            yield from rechunker.push(samples)
        yield from rechunker.flush()
        self._note_lengths()

    def _note_lengths(self) -> None:
        longest_s = max(track.read_s for track, _ in self._tracks)
        for track, _ in self._tracks:
            early_s = longest_s - track.read_s
            if early_s > MISSING_S:
                self._extra.append(
                    f"{readable_text(track.path.name)}: it ends {early_s:.1f} s before the other "
                    "file; the rest is filled with silence"
                )


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
