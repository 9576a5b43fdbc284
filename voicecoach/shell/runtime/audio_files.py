"""Reads recorded calls: any format, rate and length in, aligned 16 kHz blocks out.

Audio is read, resampled and cut as a stream, never loaded whole.  libsndfile reads WAV, FLAC,
OGG and MP3; soxr resamples, and gives the same samples however its input is cut.

An unusable file raises `AudioFileError`.  Oddities (a header that promises more than the file
holds, two files of different length) are tolerated, and reported in `RecordedCall.notes`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr

from voicecoach.dsp.framing import Rechunker
from voicecoach.errors import AudioFileError
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
_CHUNK_S = 4.0
"""Seconds of audio read at a time."""
_STEP_S = 0.02
"""The same if the header gives no length: the data of the read that meets the end is lost."""
_NO_LENGTH = 2**62
"""libsndfile's frame count where the header gives none."""
_UNKNOWN_SIZES = (0, 0x7FFFFFFF, 0xFFFFFFFF)
"""Sizes that programs write into a header when they write to a pipe."""


class AudioTrack:
    """Reads the wanted channels of one file as a 16 kHz stream.

    Parameters
    ----------
    path
        The recording.
    channels
        Channels to read, in this order.
    expect
        Number of channels the file must have; None if channels are mapped by name.
    """

    def __init__(self, path: Path, channels: tuple[int, ...], expect: int | None) -> None:
        self.path, self._channels = path, channels
        self.notes: list[str] = []
        self._file = _open_sound_file(path)
        try:
            self.rate: int = self._file.samplerate
            self.frames: int = self._file.frames
            """Number of frames according to the header; 0 if unknown."""
            self._check(expect)
        except AudioFileError:
            self._file.close()
            raise

    def _check(self, expect: int | None) -> None:
        path, count = self.path, self._file.channels
        if not MIN_RATE <= self.rate <= MAX_RATE:
            raise AudioFileError(
                f"{path}: sample rate {self.rate} Hz is outside {MIN_RATE} to {MAX_RATE} Hz"
            )
        if count > MOST_CHANNELS:
            raise AudioFileError(f"{path}: {count} channels; at most {MOST_CHANNELS} can be read")
        if expect is not None and count != expect:
            raise AudioFileError(f"{path}: {_wrong_count(count, expect)}")
        if max(self._channels) >= count:
            raise AudioFileError(
                f"{path}: no channel {max(self._channels)}, only 0 to {count - 1}; "
                "change --channels"
            )
        if self.frames == 0:
            raise AudioFileError(f"{path}: the file has no samples")
        if self.frames >= _NO_LENGTH:
            self.frames = 0
        if _cut_ogg(path):
            self.notes.append(
                f"{readable_text(path.name)}: the file has no end mark; using what is there"
            )
        promised = _riff_frames(path)
        if promised and promised > self.frames:
            self._note_short_file(promised, self.frames)

    def _note_short_file(self, promised: int, held: int) -> None:
        self.notes.append(
            f"{readable_text(self.path.name)}: the header promises {promised / self.rate:.1f} s, "
            "the "
            f"file holds {held / self.rate:.1f} s; using what is there"
        )

    def chunks(self) -> Iterator[F32]:
        """Yield [channels, n] at 16 kHz until the file ends, then close it.

        Raises
        ------
        AudioFileError
            If decoding fails, a sample is not finite or far beyond full scale, or there is less
            than one hop of audio.
        """
        resampler = soxr.ResampleStream(
            self.rate, SAMPLE_RATE, len(self._channels), dtype="float32", quality="HQ"
        )
        read = given = 0
        with self._file as file:
            while len(chunk := self._read_chunk(file, read)):
                read += len(chunk)
                out = resampler.resample_chunk(chunk[:, self._channels])
                given += len(out)
                yield out.T
            out = resampler.resample_chunk(chunk[:, self._channels], last=True)
            if given + len(out) < HOP:
                raise AudioFileError(
                    f"{self.path}: {read / self.rate * 1000:.1f} ms of audio is too short to "
                    f"analyse; the minimum is {HOP / SAMPLE_RATE * 1000:.0f} ms"
                )
            yield out.T
        if read < self.frames:
            self._note_short_file(self.frames, read)

    def _read_chunk(self, file: soundfile.SoundFile, read: int) -> F32:
        """Return the next samples [n, all channels], none at the end; `read` frames came before."""
        at = f"{read / self.rate:.1f} s"
        size = max(1, int(self.rate * (_CHUNK_S if self.frames else _STEP_S)))
        try:
            chunk: F32 = file.read(size, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as e:
            if not self.frames and read:
                return np.zeros((0, file.channels), np.float32)
            raise AudioFileError(
                f"{self.path}: decoding stopped after {at}: the file is truncated or corrupt "
                f"({e.error_string})"
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
        cls, path: Path, channels: tuple[int, int] = (0, 1), *, mapped: bool = False
    ) -> RecordedCall:
        """Return a call with both speakers on channels of one file, the agent's first.

        Unless channels were `mapped` by name, the file must have two channels.
        """
        return cls(
            readable_text(path.stem),
            [(AudioTrack(path, channels, None if mapped else 2), SPEAKERS)],
        )

    @classmethod
    def from_pair(cls, agent: Path, customer: Path) -> RecordedCall:
        """Return a call with one file for each speaker."""
        tracks = [
            (AudioTrack(agent, (0,), 1), (Speaker.AGENT,)),
            (AudioTrack(customer, (0,), 1), (Speaker.CUSTOMER,)),
        ]
        return cls(readable_text(agent.stem), tracks)

    @classmethod
    def from_mono(cls, path: Path, speaker: Speaker) -> RecordedCall:
        """Return a recording of one speaker."""
        return cls(readable_text(path.stem), [(AudioTrack(path, (0,), 1), (speaker,))])

    @property
    def speakers(self) -> tuple[Speaker, ...]:
        """Speakers in the recording."""
        return tuple(s for s in SPEAKERS if any(s in who for _, who in self._tracks))

    @property
    def duration_s(self) -> float:
        """Length in seconds, according to the headers."""
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
                        self._note_length(i, ended)
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

    def _note_length(self, i: int, ended: list[bool]) -> None:
        track, _ = self._tracks[i]
        early = self.duration_s - track.frames / track.rate
        if not all(ended) and track.frames and early > 0.1:
            self._extra.append(
                f"{readable_text(track.path.name)}: it ends {early:.1f} s before the other file; "
                "the rest is filled with silence"
            )


def _open_sound_file(path: Path) -> soundfile.SoundFile:
    try:
        if not path.exists():
            raise AudioFileError(f"{path}: no such file")
        if path.is_dir():
            raise AudioFileError(f"{path}: a folder, not a recording")
        if not path.is_file():
            raise AudioFileError(f"{path}: a pipe or a device, not a recording")
        if path.stat().st_size == 0:
            raise AudioFileError(f"{path}: the file is empty")
        # As bytes, since soundfile cannot encode what the locale cannot; Windows takes text.
        return soundfile.SoundFile(os.fsencode(path) if os.name == "posix" else path)
    except soundfile.LibsndfileError as e:
        raise AudioFileError(
            f"{path}: not a recording that can be read as WAV, FLAC, OGG or MP3 "
            f"({e.error_string.rstrip('.')})"
        ) from e
    except OSError as e:
        raise AudioFileError(f"{path}: cannot read it: {e.strerror}") from e


def _wrong_count(count: int, expected: int) -> str:
    if count == 1:
        return (
            "one channel, but two are needed: name the other file (--agent A --customer "
            "B), or who this is (--mono agent or --mono customer)"
        )
    if expected == 2:
        return f"{count} channels: say which carries whom with --channels agent=I,customer=J"
    return f"{count} channels, but one is needed"


def _riff_frames(path: Path) -> int | None:
    """Return the frame count in a WAV header; libsndfile counts only the frames present."""
    with path.open("rb") as file:
        if file.read(4) != b"RIFF" or file.read(8)[4:] != b"WAVE":
            return None
        align = 0
        while len(head := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", head)
            if name == b"data":
                return size // align if align and size not in _UNKNOWN_SIZES else None
            body = file.read(min(size + size % 2, 16)) if name == b"fmt " else b""
            if len(body) >= 14:
                align = struct.unpack_from("<H", body, 12)[0]
            file.seek(size + size % 2 - len(body), 1)
    return None


def _cut_ogg(path: Path) -> bool:
    """Return whether an Ogg file lacks the end-of-stream flag on its last page (RFC 3533)."""
    with path.open("rb") as file:
        if file.read(4) != b"OggS":
            return False
        file.seek(max(0, path.stat().st_size - 0x20000))
        tail = file.read()
    last = tail.rfind(b"OggS")
    return last < 0 or not tail[last + 5] & 4
