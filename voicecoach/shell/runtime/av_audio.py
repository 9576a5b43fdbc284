"""Decodes what libsndfile does not read: MP3, M4A, AAC, WebM, AMR, WMA and others, by PyAV.

PyAV, which has FFmpeg's libraries in it, comes with faster-whisper and is imported only here.  A
closed list says which containers and codecs are opened: some of the others are lists of further
files and addresses, which FFmpeg would open.  FFmpeg's messages are not printed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, cast

import numpy as np

from voicecoach.shell.runtime.audio_parts import Part, PartFile, has_overlong_chunk
from voicecoach.types.stream import F32, MAX_AMPLITUDE

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet

CONTAINERS = {
    "wav": "wav",
    "flac": "flac",
    "ogg": "ogg",
    "mp4": "mov",
    "webm": "matroska",
    "amr": "amr",
    "asf": "asf",
    "mpeg": "mp3,aac,flac",
    "other": "aiff,au,caf,w64",
}
"""FFmpeg's containers that may be opened, by the kind of a part."""
CODECS = (
    "aac,ac3,adpcm_g726,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,alac,amrnb,amrwb,eac3,flac,g722,g723_1,"
    "g726,g729,gsm,gsm_ms,mp2,mp2float,mp3,mp3float,opus,pcm_alaw,pcm_f32le,pcm_mulaw,pcm_s16be,"
    "pcm_s16le,pcm_s24le,pcm_s32le,pcm_u8,speex,truespeech,vorbis,wmalossless,wmapro,wmav1,wmav2,"
    "wmavoice"
)
NAMED = {
    ".g722": "g722",
    ".mp3": "mp3",
    ".aac": "aac",
    ".m4a": "mov",
    ".mp4": "mov",
    ".mov": "mov",
    ".mka": "matroska",
    ".mkv": "matroska",
    ".webm": "matroska",
}
"""Containers of what begins like none of these kinds, by the end of its name."""
_ESTIMATED = ("aac", "amr", "g722", "mp3")
"""Containers without a length; FFmpeg estimates it from the size."""
MIN_GAP_S, MAX_GAP_S = 0.1, 3600.0
"""Gaps in the time stamps that are filled with silence, in seconds; beyond, they are wrong."""
EXACT_GAP_S = 0.001
"""Least gap where time stamps are exact: in FLAC, a frame begins with the number of its sample."""
MIN_SHORT_S = 0.5
"""Least that is missing of the length in a header, in seconds: it counts what encoders pad."""
MOST_ODD = 20
"""Frames of another rate or with other channels, one after another, that are damage no more."""
MOST_ERRORS = 1_000
"""Most places in a container where it is read on after an error."""
_DTYPES = {
    "u8": np.uint8, "s16": np.int16, "s32": np.int32, "flt": np.float32, "dbl": np.float64,
}  # fmt: skip
"""What a sample is, by the name of its format; those of `CODECS` have no other."""


class UnreadableAudio(Exception):
    """A file, or what follows in it, cannot be decoded; the message says why."""


class AvFile:
    """A recording that PyAV decodes, read as `soundfile.SoundFile` is.

    Parameters
    ----------
    file
        The recording; it is closed with this.
    part
        What is known of it.
    suffix
        How its name ends, such as ".g722".

    Raises
    ------
    UnreadableAudio
        If it is nothing that can be decoded.
    """

    def __init__(self, file: PartFile, part: Part, suffix: str) -> None:
        with ExitStack() as stack:
            stack.enter_context(file)
            self._container = stack.enter_context(self._open_container(file, part, suffix))
            self._open_stream(part.has_length)
            self._open_files = stack.pop_all()
        self._frames = self._trimmed()
        self._pending: list[F32] = []
        self._pending_frames = 0
        self._damaged, self._filled_s, self._stopped = 0, 0.0, ""
        self._given = 0
        self._bytes, self._count = 0, 0
        """Bytes of the packets so far, and their number."""
        self._size = part.end - part.start
        self._origin_s: float | None = None

    def _open_container(self, file: PartFile, part: Part, suffix: str) -> InputContainer:
        container = CONTAINERS.get(part.kind) or NAMED.get(suffix)
        if not container:
            raise UnreadableAudio("format not recognised")
        if part.kind == "wav" and has_overlong_chunk(file, part.end - part.start):
            raise UnreadableAudio("a chunk of its header is longer than the file")
        file.seek(0)
        try:
            import av
            from av.audio.plane import AudioPlane
        except ImportError as e:
            raise UnreadableAudio("PyAV, which reads it, is not installed: pip install av") from e
        self._error, self._plane = av.error.FFmpegError, AudioPlane
        try:
            return av.open(
                file,
                format=None if part.kind in CONTAINERS else container,
                options={"format_whitelist": container, "codec_whitelist": CODECS},
                mode="r",
                metadata_errors="replace",
            )
        except (self._error, ValueError) as e:  # the second if FFmpeg was built without a container
            raise UnreadableAudio(_reason(e)) from e

    def _open_stream(self, has_length: bool) -> None:
        container = self._container
        if not container.streams.audio:
            raise UnreadableAudio("there is no sound in it")
        self._stream = stream = container.streams.audio[0]
        codec = stream.codec_context
        if codec is None or codec.name not in CODECS.split(","):
            raise UnreadableAudio(f"its codec is {codec.name if codec else 'unknown'}")
        codec.thread_count = 1
        if codec.name == "flac":  # or it decodes a damaged frame to noise
            codec.options = {"err_detect": "crccheck+explode"}
        self.samplerate: int = codec.sample_rate
        self.channels: int = codec.channels
        if not self.samplerate or not self.channels:
            raise UnreadableAudio("its header has no sample rate or no channels")
        duration = 0.0
        if stream.duration and stream.time_base:
            duration = float(stream.duration * stream.time_base)
        elif container.duration:
            duration = container.duration / 1_000_000
        frames = max(0, int(duration * self.samplerate))
        self.frames: int | None = frames or None
        """Its length in frames; None if unknown."""
        name = container.format.name
        self.estimated = name in _ESTIMATED and not (name == "mp3" and has_length)
        """Whether its length is an estimate from its size."""
        self._is_mp3 = codec.name.startswith("mp3")
        self._is_exact = name == "flac"
        self._in_header = 0 if self.estimated else frames
        self.promised = 0
        """Its length in frames as its header tells it; 0 if it does not."""

    def notes(self) -> list[str]:
        """Return what was odd in it, as far as it has been read."""
        found = []
        if (tracks := len(self._container.streams.audio)) > 1:
            found.append(f"it has {tracks} sound tracks; only the first is read")
        if self._damaged:
            done = "left out" if self._is_exact else "replaced with silence"
            found.append(f"damaged packets {done}: {self._damaged}")
        if self._filled_s:
            found.append(f"{self._filled_s:.1f} s are missing in it and were filled with silence")
        if (passed_s := self._passed_over_s()) >= MIN_GAP_S:
            found.append(
                f"damaged bytes were passed over: about {passed_s:.1f} s are missing in it"
            )
        if self._stopped:
            found.append(self._stopped)
        return found

    def close(self) -> None:
        """Close the file."""
        self._open_files.close()

    def read(self, size: int) -> F32:
        """Return the next `size` frames, [n, channels]; fewer at the end.

        Raises
        ------
        UnreadableAudio
            If nothing, or less than half of it, can be decoded.
        """
        while self._pending_frames < size and (frame := next(self._frames, None)) is not None:
            self._pending.append(frame)
            self._pending_frames += len(frame)
        whole = np.concatenate([np.zeros((0, self.channels), np.float32), *self._pending])
        self._pending = [whole[size:]]
        self._pending_frames = len(self._pending[0])
        return cast(F32, whole[:size])

    def _trimmed(self) -> Iterator[F32]:
        """Yield what `_decoded` does, without what the encoder of an M4A added to its end."""
        last: F32 | None = None
        for samples in self._decoded():
            if last is not None:
                yield last
            last = samples
        if last is not None:
            added = self._given - self._in_header
            is_m4a = self._container.format.name.startswith("mov")
            yield last[:-added] if is_m4a and 0 < added < len(last) else last

    def _decoded(self) -> Iterator[F32]:
        """Yield [n, channels]: each frame, and silence where one is damaged or missing."""
        good = odd = 0
        for packet in self._packets():
            try:
                frames = packet.decode()
            except self._error:
                self._damaged += 1
                if not self._is_exact:  # or the next time stamp tells what is missing
                    yield from self._silence(self._length_s(packet))
                continue
            for frame in frames:
                gap_s = self._gap_s(frame)
                self._filled_s += gap_s
                yield from self._silence(gap_s)
                samples = self._samples(frame)
                if samples is None:
                    odd, self._damaged = odd + 1, self._damaged + 1
                    if odd == MOST_ODD:
                        raise UnreadableAudio("its sample rate or its channels change")
                    yield from self._silence(frame.samples / max(1, frame.sample_rate))
                elif np.abs(samples).max(initial=0.0) <= MAX_AMPLITUDE:
                    good, odd = good + 1, 0
                    yield samples
                else:  # or it is no number
                    self._damaged += 1
                    yield np.zeros_like(samples)
        if self._damaged > good:
            raise UnreadableAudio("most of it cannot be decoded: it is corrupt")
        if self._in_header - self._given > MIN_SHORT_S * self.samplerate:
            self.promised = self._in_header

    def _packets(self) -> Iterator[Packet[AudioStream]]:
        reason = ""
        for _ in range(MOST_ERRORS):
            try:
                for packet in self._container.demux(self._stream):
                    self._stopped = "" if packet.size else self._stopped
                    yield packet
                    self._bytes, self._count = self._bytes + packet.size, self._count + 1
                break
            except self._error as e:  # most containers are found again after it
                reason = _reason(e)
                at_s = self._given / self.samplerate
                self._stopped = f"what follows {at_s:.1f} s cannot be read ({reason})"
        if self._stopped and not self._given:
            raise UnreadableAudio(reason)

    def _length_s(self, packet: Packet[AudioStream]) -> float:
        """Return the length of a damaged packet in seconds."""
        if not packet.duration or not packet.time_base:
            return 0.0
        # An MP3 has no time stamps, and its damaged bytes are put before the next good frame.
        frames = packet.size * self._count / self._bytes if self._is_mp3 and self._bytes else 1.0
        return float(packet.duration * packet.time_base) * max(1.0, frames)

    def _passed_over_s(self) -> float:
        """Return the seconds that were in bytes of no packet, where nothing else tells of them."""
        if self._container.format.name != "aac" or not self._bytes:
            return 0.0
        return (self._size - self._bytes) / self._bytes * self._given / self.samplerate

    def _gap_s(self, frame: AudioFrame) -> float:
        """Return the seconds that are missing before a frame."""
        if frame.pts is None or frame.time_base is None:
            return 0.0
        at = float(frame.pts * frame.time_base) - self._given / self.samplerate
        if self._origin_s is None or at - self._origin_s > MAX_GAP_S:
            self._origin_s = at
        gap = at - self._origin_s
        return gap if gap >= (EXACT_GAP_S if self._is_exact else MIN_GAP_S) else 0.0

    def _silence(self, seconds: float) -> Iterator[F32]:
        left = min(round(seconds * self.samplerate), round(MAX_GAP_S * self.samplerate))
        while left > 0:
            n = min(left, self.samplerate)
            self._given += n
            left -= n
            yield np.zeros((n, self.channels), np.float32)

    def _samples(self, frame: AudioFrame) -> F32 | None:
        """Return the samples of a frame, [n, channels]; None if it has other channels or rate."""
        channels = len(frame.layout.channels)
        if frame.sample_rate != self.samplerate or channels != self.channels:
            return None
        planar = frame.format.is_planar
        dtype = _DTYPES[frame.format.name.removesuffix("p")]
        count = frame.samples * (1 if planar else channels)
        # PyAV's `to_ndarray` reads beyond the planes of a frame with eight or more, and crashes.
        planes = [
            np.frombuffer(bytes(self._plane(frame, i)), dtype, count)
            for i in range(channels if planar else 1)
        ]
        samples = np.stack(planes, axis=1).reshape(-1, channels)
        self._given += len(samples)
        scaled = samples.astype(np.float64)
        if samples.dtype.kind == "u":
            scaled = scaled / 128.0 - 1.0
        elif samples.dtype.kind == "i":
            scaled /= 2.0 ** (8 * samples.dtype.itemsize - 1)
        return scaled.astype(np.float32)


def _reason(e: BaseException) -> str:
    """Return what FFmpeg says, without number and name of file."""
    return str(getattr(e, "strerror", "") or e)
