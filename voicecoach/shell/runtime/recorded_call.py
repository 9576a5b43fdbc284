"""Joins the recordings of a call into blocks of both speakers, as they are in a live call.

Two files of different rate or length are aligned at their beginning; what is odd is reported in
`RecordedCall.notes`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from voicecoach.dsp.framing import Rechunker
from voicecoach.shell.runtime.audio_files import DEFAULT_OPTIONS, MISSING_S, AudioTrack, ReadOptions
from voicecoach.text_safety.sanitize import readable_text
from voicecoach.types.stream import MAX_HOPS, SPEAKERS, Block, Speaker


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
