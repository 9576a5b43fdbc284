"""Recordings of any kind in, aligned 16 kHz blocks out; bad ones end in a clear error."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voicecoach.errors import AudioFileError
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.testing import silence, sine
from voicecoach.types.stream import F32, HOP, SAMPLE_RATE, Speaker

A, C = Speaker.AGENT, Speaker.CUSTOMER


def joined(call: RecordedCall, hops: int = 16) -> F32:
    """Return the whole of a call as [2, n]."""
    blocks = list(call.blocks(hops))
    assert [b.start for b in blocks[1:]] == [b.end for b in blocks[:-1]]
    return np.concatenate([b.samples for b in blocks], axis=1)


def tone(rate: int, f0: float, s: float = 1.0) -> F32:
    return (0.25 * np.sin(2 * np.pi * f0 * np.arange(round(rate * s)) / rate)).astype(np.float32)


def pitch(x: F32) -> float:
    """Return the strongest frequency of a sound, Hz."""
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x))))
    return float(np.argmax(spectrum) * SAMPLE_RATE / len(x))


def write(path: Path, *channels: F32, rate: int = 8000, **options: str) -> Path:
    soundfile.write(path, np.stack(channels, axis=1), rate, **options)
    return path


@pytest.mark.parametrize(
    ("name", "subtype"),
    [("a.wav", "PCM_16"), ("a.wav", "ULAW"), ("a.wav", "FLOAT"), ("a.flac", "PCM_16"),
     ("a.ogg", "VORBIS"), ("a.mp3", "MPEG_LAYER_III"), ("a.wav", "ALAW"), ("a.wav", "MS_ADPCM"),
     ("a.wav", "IMA_ADPCM"), ("a.aiff", "PCM_16"), ("a.au", "PCM_16"), ("a.caf", "PCM_16"),
     ("a.w64", "PCM_16"), ("a.rf64", "PCM_16")],
)  # fmt: skip
def test_formats(tmp_path: Path, name: str, subtype: str) -> None:
    path = write(tmp_path / name, tone(8000, 300), tone(8000, 700), subtype=subtype)
    call = RecordedCall.from_stereo(path)
    samples = joined(call)
    assert samples.shape[1] / SAMPLE_RATE == pytest.approx(1.0, abs=0.15)
    assert pitch(samples[0]) == pytest.approx(300, abs=3)
    assert pitch(samples[1]) == pytest.approx(700, abs=3)
    assert call.notes == []


@pytest.mark.parametrize("rate", [4000, 8000, 11025, 16000, 22050, 44100, 48000, 192000])
def test_rates(tmp_path: Path, rate: int) -> None:
    path = write(tmp_path / "a.wav", tone(rate, 440), tone(rate, 1000), rate=rate)
    samples = joined(RecordedCall.from_stereo(path))
    assert abs(samples.shape[1] - SAMPLE_RATE) <= HOP
    assert pitch(samples[0]) == pytest.approx(440, abs=2)
    level = 20 * np.log10(np.sqrt(np.mean(samples[0, 2000:-2000] ** 2)) / 0.25 * np.sqrt(2))
    assert level == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("hops", [1, 3, 16])
def test_any_block_size_gives_the_same_samples(tmp_path: Path, hops: int) -> None:
    path = write(tmp_path / "a.flac", tone(8000, 440, 3.3), tone(8000, 200, 3.3))
    whole = joined(RecordedCall.from_stereo(path))
    assert np.array_equal(whole, joined(RecordedCall.from_stereo(path), hops))


def test_channels_are_mapped(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", *(tone(8000, f) for f in (300, 500, 700)))
    samples = joined(RecordedCall.from_stereo(path, (2, 0), mapped=True))
    assert pitch(samples[0]) == pytest.approx(700, abs=3)
    assert pitch(samples[1]) == pytest.approx(300, abs=3)


def test_two_files_of_different_rate_and_length(tmp_path: Path) -> None:
    agent = write(tmp_path / "a.wav", tone(8000, 300, 2.0), rate=8000)
    customer = write(tmp_path / "b.wav", tone(44100, 700, 5.0), rate=44100)
    call = RecordedCall.from_pair(agent, customer)
    samples = joined(call)
    assert call.speakers == (A, C)
    assert samples.shape[1] / SAMPLE_RATE == pytest.approx(5.0, abs=0.02)
    assert pitch(samples[0, :32000]) == pytest.approx(300, abs=3)
    assert pitch(samples[1]) == pytest.approx(700, abs=3)
    assert not samples[0, 33000:].any()
    assert call.notes == [
        "a.wav: it ends 3.0 s before the other file; the rest is filled with silence"
    ]


@pytest.mark.parametrize("speaker", [A, C])
def test_one_speaker_alone(tmp_path: Path, speaker: Speaker) -> None:
    call = RecordedCall.from_mono(write(tmp_path / "a.wav", tone(8000, 300)), speaker)
    samples = joined(call)
    assert call.speakers == (speaker,)
    assert pitch(samples[speaker.row]) == pytest.approx(300, abs=3)
    assert not samples[speaker.other.row].any()


def test_a_header_that_promises_more_is_used_as_it_is_and_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(8000, 300, 2.0), tone(8000, 500, 2.0))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    call = RecordedCall.from_stereo(path)
    assert joined(call).shape[1] / SAMPLE_RATE == pytest.approx(1.0, abs=0.03)
    assert call.notes == [
        "a.wav: the header promises 2.0 s, the file holds 1.0 s; using what is there"
    ]


def test_a_cut_ogg_is_used_as_it_is_and_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ogg", tone(8000, 300, 12.0), tone(8000, 500, 12.0))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    call = RecordedCall.from_stereo(path)
    assert 1.0 < joined(call).shape[1] / SAMPLE_RATE < 11.0
    assert call.notes == ["a.ogg: the file has no end mark; using what is there"]


def test_a_flac_that_was_written_to_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", tone(8000, 300, 5.0), tone(8000, 500, 5.0))
    data = bytearray(path.read_bytes())
    # STREAMINFO: the number of samples is the last 36 bits before the 16 bytes of MD5.
    data[8 + 13] &= 0xF0
    data[8 + 14 : 8 + 18] = bytes(4)
    path.write_bytes(bytes(data))
    call = RecordedCall.from_stereo(path)
    assert call.duration_s == 5.0
    samples = joined(call)
    assert samples.shape[1] - 5 * SAMPLE_RATE < HOP * 16
    assert pitch(samples[0]) == pytest.approx(300, abs=3)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF])
def test_a_header_written_to_a_pipe_promises_nothing(tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "a.wav", tone(8000, 300), tone(8000, 500))
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", size)
    path.write_bytes(bytes(data))
    call = RecordedCall.from_stereo(path)
    assert abs(joined(call).shape[1] - SAMPLE_RATE) <= HOP
    assert call.notes == []


def bad_files(folder: Path) -> dict[str, tuple[Path, str]]:
    """Return recordings that cannot be used, each with what is said of it."""
    good = write(folder / "good.flac", tone(8000, 300, 20.0), tone(8000, 500, 20.0)).read_bytes()
    within = good.index(b"\xff\xf8") + 100  # in the first frame: what is whole before it is read

    def raw(name: str, data: bytes) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    nan = np.append(tone(8000, 300), np.float32("nan"))
    return {
        "missing": (folder / "none.wav", "no such file"),
        "folder": (folder, "a folder, not a recording"),
        "empty": (raw("empty.wav", b""), "the file is empty"),
        "text": (raw("text.wav", b"hello" * 100), "not a recording that can be read"),
        "mp3 of text": (raw("text.mp3", b"hello" * 100), "not a recording that can be read"),
        "header alone": (raw("head.flac", good[:60]), "not a recording that can be read"),
        "truncated": (raw("half.flac", good[:within]), "truncated or corrupt"),
        "corrupt": (
            raw("corrupt.flac", good[:within] + bytes(len(good) - within)),
            "truncated or corrupt",
        ),
        "no samples": (write(folder / "zero.wav", *[silence(0)] * 2), "the file has no samples"),
        "nan": (write(folder / "nan.wav", nan, nan, subtype="FLOAT"), "not numbers"),
        "int16 as float": (
            write(folder / "scale.wav", *[tone(8000, 300) * 32767] * 2, subtype="FLOAT"),
            "times full scale",
        ),
        "three channels": (
            write(folder / "three.wav", *[sine(300, 1)] * 3),
            "3 channels: say which carries whom with --channels",
        ),
        "one channel": (write(folder / "one.wav", sine(300, 1)), "one channel, but two are needed"),
        "too short": (write(folder / "short.wav", *[tone(8000, 300, 0.01)] * 2), "too short"),
        "too slow": (write(folder / "slow.wav", *[sine(300, 1)] * 2, rate=2000), "2000 Hz"),
        "too fast": (write(folder / "fast.wav", *[sine(300, 1)] * 2, rate=384000), "384000 Hz"),
    }


KINDS = ["missing", "folder", "empty", "text", "mp3 of text", "header alone", "truncated",
         "corrupt", "no samples", "nan", "int16 as float", "three channels", "one channel",
         "too short", "too slow", "too fast"]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_recording_is_one_line_that_names_it(tmp_path: Path, kind: str) -> None:
    files = bad_files(tmp_path)
    assert list(files) == KINDS
    path, complaint = files[kind]
    with pytest.raises(AudioFileError) as error:
        joined(RecordedCall.from_stereo(path))
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert complaint in message
    assert "\n" not in message


def test_a_channel_that_is_not_there_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(8000, 300), tone(8000, 500))
    with pytest.raises(AudioFileError, match="no channel 2, only 0 to 1"):
        RecordedCall.from_stereo(path, (0, 2), mapped=True)


def test_a_stereo_file_is_no_speaker_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(8000, 300), tone(8000, 500))
    with pytest.raises(AudioFileError, match="2 channels, but one is needed"):
        RecordedCall.from_mono(path, A)
