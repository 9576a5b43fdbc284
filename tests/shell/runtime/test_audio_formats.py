"""Recordings as people have them: other formats, in segments, with wrong lengths, or with none."""

import io
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from scripts.endurance.bad_input import CORPUS
from scripts.support.encode import ENCODINGS, encode
from tests.shell.runtime.test_audio_files import joined, pitch, tone, write
from voicecoach.errors import AudioFileError, ConfigError
from voicecoach.shell.runtime import audio_parts
from voicecoach.shell.runtime.audio_files import AudioTrack, ReadOptions, parse_raw_format
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.snd_audio import RawFormat
from voicecoach.types.stream import F32, HOP, SAMPLE_RATE, Speaker


def sound(f0: float = 300, s: float = 1.0, channels: int = 2, rate: int = SAMPLE_RATE) -> F32:
    """Return a tone for each channel, the second 2.5 times as high."""
    return np.stack([tone(rate, f0 * (1, 2.5)[i], s) for i in range(channels)])


def whole(path: Path, options: ReadOptions | None = None, channels: int = 2) -> F32:
    """Return all samples of a file at 16 kHz, not padded: [channels, n]."""
    track = AudioTrack(path, tuple(range(channels)), channels, options or ReadOptions())
    return np.concatenate(list(track.chunks()), axis=1)


def sf_bytes(x: F32, kind: str, subtype: str, rate: int = SAMPLE_RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, x.T, rate, format=kind, subtype=subtype)
    return file.getvalue()


# --- formats --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_format_that_phones_and_recorders_write_is_read(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    encoding = ENCODINGS[name]
    path = tmp_path / f"call.{name}"
    path.write_bytes(encode(sound(300, 2.0, encoding.channels, encoding.rate), encoding))
    if encoding.channels == 1:
        call = RecordedCall.from_mono(path, Speaker.AGENT)
    else:
        call = RecordedCall.from_stereo(path)
    samples = joined(call)
    assert samples.shape[1] / SAMPLE_RATE == pytest.approx(2.0, abs=0.2)
    assert call.duration_s == pytest.approx(2.0, abs=0.2)
    assert call.rates == [encoding.rate]
    assert pitch(samples[0]) == pytest.approx(300, abs=3)
    assert encoding.channels == 1 or pitch(samples[1]) == pytest.approx(750, abs=3)
    level = np.sqrt(np.mean(samples[0, 8000:24000] ** 2)) / 0.25 * np.sqrt(2)
    assert level == pytest.approx(1.0, abs=0.15)
    assert call.notes == []
    assert capfd.readouterr() == ("", "")


def test_speex_is_read() -> None:
    call = RecordedCall.from_stereo(CORPUS / "audio" / "speex.spx")
    assert joined(call).shape[1] / SAMPLE_RATE == pytest.approx(1.0, abs=0.05)
    assert call.notes == []


@pytest.mark.parametrize(("name", "subtype"), [("call.gsm", "GSM610"), ("call.vox", "VOX_ADPCM")])
def test_a_format_that_only_the_name_tells_is_read(tmp_path: Path, name: str, subtype: str) -> None:
    path = tmp_path / name
    path.write_bytes(sf_bytes(sound(300, 2.0, 1, 8000), "RAW", subtype, 8000))
    samples = joined(RecordedCall.from_mono(path, Speaker.AGENT))
    assert samples.shape[1] == pytest.approx(2 * SAMPLE_RATE, abs=256)
    assert pitch(samples[0]) == pytest.approx(300, abs=3)


def test_lossless_samples_are_exact(tmp_path: Path) -> None:
    x = (np.round(sound(300, 1.3) * 32768) / 32768).astype(np.float32)
    for name in ("oga", "alac.m4a"):
        path = tmp_path / f"call.{name}"
        path.write_bytes(encode(x, ENCODINGS[name]._replace(rate=SAMPLE_RATE)))
        assert np.array_equal(whole(path), x)


def test_eight_channels_are_read(tmp_path: Path) -> None:
    pitches = [200 + 50 * i for i in range(8)]
    x = np.concatenate([sound(f0, channels=1) for f0 in pitches])
    path = tmp_path / "call.m4a"
    path.write_bytes(encode(x, ENCODINGS["m4a"]._replace(channels=8)))
    found = whole(path, channels=8)
    # The bass channel, the fourth, is encoded as low sounds only.
    assert [round(pitch(row) / 10) * 10 for i, row in enumerate(found) if i != 3] == [
        f0 for i, f0 in enumerate(pitches) if i != 3
    ]


def test_what_nothing_reads_is_refused_with_the_command_that_converts_it(tmp_path: Path) -> None:
    path = tmp_path / "my call.dss"
    path.write_bytes(np.random.default_rng(1).integers(0, 100, 999, np.uint8).tobytes())
    with pytest.raises(AudioFileError, match="not a recording that can be read") as error:
        RecordedCall.from_stereo(path)
    flac = path.with_suffix(".flac")
    assert str(error.value).endswith(f"convert it: ffmpeg -i '{path}' '{flac}'")


def test_without_pyav_an_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "call.m4a"
    path.write_bytes(encode(sound(), ENCODINGS["m4a"]))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(AudioFileError, match=r"PyAV.*not installed: pip install av.*ffmpeg -i"):
        RecordedCall.from_stereo(path)
    joined(RecordedCall.from_stereo(write(tmp_path / "a.wav", *sound())))


def test_pyav_is_imported_only_for_what_needs_it(tmp_path: Path) -> None:
    path = write(tmp_path / "call.wav", *sound())
    code = (
        "import pathlib, sys, voicecoach.shell.apps.live\n"
        "from voicecoach.shell.runtime.recorded_call import RecordedCall\n"
        f"list(RecordedCall.from_stereo(pathlib.Path({str(path)!r})).blocks())\n"
        "print('av' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    "text",
    ["#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nother.wav\n", "ffconcat version 1.0\nfile {}"],
)
def test_a_list_of_other_files_is_not_followed(tmp_path: Path, text: str) -> None:
    other = write(tmp_path / "other.wav", *sound())
    path = tmp_path / "list.m4a"
    path.write_text(text.replace("{}", str(other)))
    with pytest.raises(AudioFileError, match="not a recording that can be read"):
        RecordedCall.from_stereo(path)


def test_damaged_packets_are_silence_and_said(tmp_path: Path) -> None:
    path = tmp_path / "call.aac"
    data = bytearray(encode(sound(300, 4.0), ENCODINGS["aac"]))
    starts = [i for i in range(len(data) - 1) if data[i] == 0xFF and data[i + 1] == 0xF1]
    data[starts[20] + 7 : starts[20] + 107] = b"\xaa" * 100
    path.write_bytes(data)
    call = RecordedCall.from_stereo(path)
    samples = joined(call)
    assert samples.shape[1] / SAMPLE_RATE == pytest.approx(4.0, abs=0.2)
    assert call.notes == ["call.aac: damaged packets replaced with silence: 1"]


def test_a_damaged_mp3_is_read_and_nothing_is_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(1)
    data = bytearray(sf_bytes(sound(300, 8.0), "MP3", "MPEG_LAYER_III"))
    for at in rng.integers(2000, len(data), 20):
        data[at : at + 40] = rng.integers(0, 256, 40, np.uint8).tobytes()
    path = tmp_path / "call.mp3"
    path.write_bytes(data)
    samples, notes = notes_of(path)
    assert samples.shape[1] / SAMPLE_RATE == pytest.approx(8.0, abs=1.0)
    assert any("damaged packets replaced with silence" in note for note in notes)
    assert capfd.readouterr() == ("", "")


def damaged(data: bytes, at: int, kind: str, size: int = 4000) -> bytes:
    """Return a recording with damage of a kind: zeros as a power cut leaves them, and others."""
    if kind == "torn":
        return data[:at]
    noise = np.random.default_rng(1).integers(0, 256, size, np.uint8).tobytes()
    new = {"zeros": bytes(size), "noise": noise, "hole": b"", "byte": bytes([data[at] ^ 0x55])}[
        kind
    ]
    return data[:at] + new + data[at + (1 if kind == "byte" else size) :]


def voice(s: float = 8.0, rate: int = SAMPLE_RATE) -> F32:
    """Return two channels of a noise that swells and fades, so that each moment is different."""
    rng, t = np.random.default_rng(1), np.arange(int(s * rate)) / rate
    return (0.3 * (1.1 - np.cos(2 * t)) / 2 * rng.uniform(-1, 1, (2, len(t)))).astype(np.float32)


@pytest.mark.parametrize("rate", [SAMPLE_RATE, 48_000])
@pytest.mark.parametrize("has_length", [True, False])
@pytest.mark.parametrize("kind", ["zeros", "noise", "hole", "byte", "torn"])
def test_damage_in_a_flac_costs_its_frames_and_is_said(
    tmp_path: Path, kind: str, has_length: bool, rate: int
) -> None:
    frame = 4096 * SAMPLE_RATE // rate
    data = sf_bytes(voice(rate=rate), "FLAC", "PCM_16", rate)
    data = data if has_length else flac_with_length(data, 0)
    path = tmp_path / "call.flac"
    path.write_bytes(data)
    expected = whole(path)
    for at in (len(data) // 2, len(data) * 4 // 5, len(data) - 5000):
        path.write_bytes(damaged(data, at, kind))
        samples, notes = notes_of(path)
        samples = samples[:, : expected.shape[1]]
        same = (np.abs(samples - expected[:, : samples.shape[1]]) < 1e-5).all(axis=0)
        first = int(np.argmin(np.append(same, False)))
        # The noise of each frame takes about as many bytes.
        assert first > expected.shape[1] * at / len(data) - 2 * frame
        lost = int((~same).sum())
        assert lost < 3 * frame + 0.02 * SAMPLE_RATE
        said = ("with silence", "left out", "bytes cannot be decoded", "header promises 8.0 s")
        assert any(text in note for text in said for note in notes), notes


def test_a_live_record_after_a_power_cut_is_read_to_its_last_whole_frame(tmp_path: Path) -> None:
    data = flac_with_length(sf_bytes(voice(), "FLAC", "PCM_16"), 0)
    path = tmp_path / "call.flac"
    path.write_bytes(data)
    expected = whole(path)
    frames = [data.rindex(b"\xff\xf8", 0, len(data) - k * 12_000) for k in (0, 1, 2)]
    for end in (
        data[:-9000],
        data[:-9000] + bytes(9000),
        data + bytes(4096),
        data[: frames[1]] + bytes(frames[0] - frames[1]) + data[frames[0] : -500],
    ):
        path.write_bytes(end)
        samples, notes = notes_of(path)
        n = samples.shape[1] // 4096 * 4096
        assert n > expected.shape[1] - 4 * 4096
        assert np.array_equal(samples[:, :n], expected[:, :n])
        assert len(notes) == 1
        assert "bytes cannot be decoded" in notes[0]


def test_an_id3_tag_before_a_flac_changes_nothing_of_that(tmp_path: Path) -> None:
    data = sf_bytes(voice(), "FLAC", "PCM_16")
    path = tmp_path / "call.flac"
    path.write_bytes(b"ID3\x03\0\0\0\0\0\x0a" + bytes(10) + damaged(data, len(data) // 2, "zeros"))
    samples, notes = notes_of(path)
    assert samples.shape[1] == pytest.approx(8 * SAMPLE_RATE, abs=16 * HOP)
    assert [n for n in notes if "filled with silence" in n], notes


def test_without_pyav_a_damaged_flac_is_read_up_to_the_damage_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = sf_bytes(voice(20.0), "FLAC", "PCM_16")
    path = tmp_path / "call.flac"
    path.write_bytes(damaged(data, len(data) // 2, "zeros"))
    monkeypatch.setitem(sys.modules, "av", None)
    samples, notes = notes_of(path)
    assert samples.shape[1] == pytest.approx(8 * SAMPLE_RATE, abs=HOP * 16)
    assert any("what follows 8.0 s is left out (PyAV" in note for note in notes), notes


@pytest.mark.parametrize("kind", ["zeros", "noise", "byte"])
@pytest.mark.parametrize(
    ("name", "lost_s"), [("ogg", 2.5), ("opus", 2.5), ("oga", 3.5), ("mp3", 1.5), ("mp3.wav", 2.5)]
)
def test_damage_within_a_recording_costs_little_moves_nothing_after_it_and_is_said(
    tmp_path: Path, name: str, lost_s: float, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    make = SEGMENTS.get(name) or av_bytes(name)
    data = make(voice(12.0))
    path = tmp_path / f"call.{name}"
    path.write_bytes(data)
    expected = levels(whole(path))
    path.write_bytes(damaged(data, len(data) // 2, kind, min(4000, len(data) // 10)))
    samples, notes = notes_of(path)
    found = levels(samples)
    n = min(found.shape[1], expected.shape[1])
    assert n >= expected.shape[1] - 2
    differ = (np.abs(found[:, :n] - expected[:, :n]) > 0.03).any(axis=0)
    assert differ.sum() * 0.05 < lost_s
    assert notes or differ.sum() * 0.05 < 0.2
    assert capfd.readouterr() == ("", "")


def levels(samples: F32) -> F32:
    """Return the level in each 50 ms: [channels, n]."""
    n = samples.shape[1] // 800 * 800
    found: F32 = np.sqrt((samples[:, :n].reshape(2, -1, 800) ** 2).mean(axis=2))
    return found


def test_an_ogg_with_a_torn_last_page_is_said(tmp_path: Path) -> None:
    path = tmp_path / "call.oga"
    path.write_bytes(SEGMENTS["oga"](voice())[:-100])
    assert "call.oga: the file has no end mark; using what is there" in notes_of(path)[1]


def test_zeros_at_the_end_of_a_flac_in_ogg_cost_no_more(tmp_path: Path) -> None:
    data = SEGMENTS["oga"](voice())
    path = tmp_path / "call.oga"
    path.write_bytes(data[: len(data) * 3 // 4] + bytes(len(data) // 4))
    samples, notes = notes_of(path)
    assert 4.0 < samples.shape[1] / SAMPLE_RATE < 6.5
    assert notes


def test_bytes_that_an_aac_decoder_passes_over_are_said(tmp_path: Path) -> None:
    data = encode(voice(), ENCODINGS["aac"])
    path = tmp_path / "call.aac"
    path.write_bytes(damaged(data, len(data) // 2, "noise"))
    assert [n for n in notes_of(path)[1] if "damaged bytes were passed over" in n]


@pytest.mark.parametrize("subtype", ["PCM_16", "ULAW", "IMA_ADPCM", "MS_ADPCM"])
def test_a_cut_wav_is_said(tmp_path: Path, subtype: str) -> None:
    data = sf_bytes(voice(), "WAV", subtype)
    path = tmp_path / "call.wav"
    path.write_bytes(data[: len(data) // 2])
    samples, notes = notes_of(path)
    assert samples.shape[1] / SAMPLE_RATE == pytest.approx(4.0, abs=0.1)
    assert ["header promises 8.0 s, the file holds 4.0 s" in note for note in notes] == [True]


def test_an_mp3_whose_rate_changes_is_refused(tmp_path: Path) -> None:
    parts = [
        encode(sound(300, 3.0, 2, rate), ENCODINGS["mp3"]._replace(rate=rate), 32_000)
        for rate in (16000, 24000)
    ]
    path = tmp_path / "call.mp3"
    # Without its first frame and the tag before it, the second is no segment of its own.
    path.write_bytes(parts[0] + parts[1][parts[1].index(b"Info") + 600 :])
    with pytest.raises(AudioFileError, match="its sample rate or its channels change"):
        whole(path)


def test_a_gap_in_the_time_stamps_is_silence_and_said(tmp_path: Path) -> None:
    file = io.BytesIO()
    data = io.BytesIO(encode(sound(300, 3.0, 2, 48000), ENCODINGS["webm"]))
    with av.open(data, "r") as source, av.open(file, "w", format="webm") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.pts is not None and packet.dts is not None:
                late = 2000 if packet.pts > 1500 else 0
                packet.pts, packet.dts, packet.stream = packet.pts + late, None, stream
                target.mux(packet)
    path = tmp_path / "call.webm"
    path.write_bytes(file.getvalue())
    call = RecordedCall.from_stereo(path)
    samples = joined(call)
    assert samples.shape[1] / SAMPLE_RATE == pytest.approx(5.0, abs=0.1)
    assert not samples[:, int(1.7 * SAMPLE_RATE) : int(3.4 * SAMPLE_RATE)].any()
    assert pitch(samples[1, 4 * SAMPLE_RATE :]) == pytest.approx(750, abs=3)
    assert call.notes == ["call.webm: 2.0 s are missing in it and were filled with silence"]


def test_the_first_of_several_tracks_is_read_and_the_others_are_said(tmp_path: Path) -> None:
    path = tmp_path / "call.mka"
    tracks = [io.BytesIO(encode(sound(f0, 2.0), ENCODINGS["mka"])) for f0 in (300, 500)]
    with av.open(tracks[0], "r") as a, av.open(tracks[1], "r") as b, av.open(path, "w") as target:
        for source in (a, b):
            target.add_stream_from_template(source.streams.audio[0])
        for source, stream in zip((a, b), target.streams.audio, strict=True):
            for packet in source.demux(source.streams.audio[0]):
                if packet.dts is not None:
                    packet.stream = stream
                    target.mux(packet)
    samples, notes = notes_of(path)
    assert pitch(samples[0]) == pytest.approx(300, abs=3)
    assert notes == ["call.mka: it has 2 sound tracks; only the first is read"]


# --- segments -------------------------------------------------------------------------------


def av_bytes(name: str, rate: int = SAMPLE_RATE) -> Callable[[F32], bytes]:
    return lambda x: encode(x, ENCODINGS[name]._replace(rate=rate))


def snd(kind: str, subtype: str) -> Callable[[F32], bytes]:
    return lambda x: sf_bytes(x, kind, subtype)


SEGMENTS = {
    "wav": snd("WAV", "PCM_16"),
    "ulaw.wav": snd("WAV", "ULAW"),
    "flac": snd("FLAC", "PCM_16"),
    "ogg": snd("OGG", "VORBIS"),
    "opus": snd("OGG", "OPUS"),
    "mp3": snd("MP3", "MPEG_LAYER_III"),
    "id3.mp3": av_bytes("mp3"),
    "oga": av_bytes("oga"),
    "m4a": av_bytes("m4a"),
    "alac.m4a": av_bytes("alac.m4a"),
    "webm": av_bytes("webm", 48000),
    "wma": av_bytes("wma"),
}
"""Makes a segment in a format."""


@pytest.mark.parametrize("name", SEGMENTS)
def test_recordings_put_one_after_another_are_read_to_the_end(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    rate = 48000 if name == "webm" else SAMPLE_RATE
    segments = [SEGMENTS[name](sound(f0, 1.1, 2, rate)) for f0 in (300, 500, 400)]
    alone = []
    for segment in segments:
        (tmp_path / f"alone.{name}").write_bytes(segment)
        alone.append(whole(tmp_path / f"alone.{name}"))
    path = tmp_path / f"call.{name}"
    path.write_bytes(b"".join(segments))
    call = RecordedCall.from_stereo(path)
    assert call.duration_s == pytest.approx(3.3, abs=0.3)
    samples = joined(call)
    assert call.notes == []
    assert capfd.readouterr() == ("", "")
    expected = np.concatenate(alone, axis=1)
    n = expected.shape[1]
    if rate == SAMPLE_RATE:
        assert np.array_equal(samples[:, :n], expected)
        assert not samples[:, n:].any()
        assert samples.shape[1] - n < 16 * 256
    at = 0
    for part, f0 in zip(alone, (300, 500, 400), strict=True):
        at += part.shape[1]
        assert pitch(samples[0, at - 12000 : at - 2000]) == pytest.approx(f0, abs=5)
    assert at / SAMPLE_RATE == pytest.approx(3.3, abs=0.25)


@pytest.mark.parametrize("name", ["wav", "flac", "ogg", "mp3", "id3.mp3", "oga", "m4a", "alac.m4a"])
def test_where_a_format_tells_its_length_segments_are_joined_to_the_sample(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / f"call.{name}"
    path.write_bytes(SEGMENTS[name](sound(300, 0.7)) * 3)
    assert whole(path).shape[1] == 3 * int(0.7 * SAMPLE_RATE)


def test_amr_segments_are_read_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "call.amr"
    path.write_bytes(encode(sound(300, 1.0, 1, 8000), ENCODINGS["amr"]) * 3)
    assert whole(path, channels=1).shape[1] / SAMPLE_RATE == pytest.approx(3.0, abs=0.1)


def test_segments_that_differ_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(
        sf_bytes(sound(), "WAV", "PCM_16") + sf_bytes(sound(rate=8000), "WAV", "PCM_16", 8000)
    )
    with pytest.raises(AudioFileError, match="recordings of 16000 and 8000 Hz"):
        RecordedCall.from_stereo(path)


def test_a_last_segment_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "call.flac"
    segment = sf_bytes(sound(), "FLAC", "PCM_16")
    path.write_bytes(segment * 2 + segment[:20])
    call = RecordedCall.from_stereo(path)
    assert joined(call).shape[1] == pytest.approx(2 * SAMPLE_RATE, abs=16 * 256)
    assert len(call.notes) == 1
    assert "what follows the first 2 parts cannot be read" in call.notes[0]


def test_there_are_not_too_many_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_parts, "MOST_PARTS", 3)
    path = tmp_path / "call.wav"
    path.write_bytes(sf_bytes(sound(), "WAV", "PCM_16") * 4)
    with pytest.raises(AudioFileError, match="more than 3 recordings in one file; cut it"):
        RecordedCall.from_stereo(path)


def test_a_mark_at_any_place_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segment = sf_bytes(sound(300, 0.1), "WAV", "PCM_16")
    path = tmp_path / "call.wav"
    path.write_bytes(segment * 3)
    for size in (130, 131, 1000, len(segment), len(segment) + 1):
        monkeypatch.setattr(audio_parts, "_SCAN", size)
        assert [part.start for part in audio_parts.find_parts(path)] == [
            0, len(segment), 2 * len(segment),
        ]  # fmt: skip


# --- lengths --------------------------------------------------------------------------------


def with_sizes(data: bytes, samples: int | None, riff: int | None = None) -> bytes:
    """Return a WAV with other sizes in its header."""
    out = bytearray(data)
    at = out.index(b"data") + 4
    if samples is not None:
        out[at : at + 4] = struct.pack("<I", samples)
    if riff is not None:
        out[4:8] = struct.pack("<I", riff)
    return bytes(out)


def notes_of(path: Path) -> tuple[F32, list[str]]:
    call = RecordedCall.from_stereo(path)
    return joined(call), call.notes


@pytest.mark.parametrize("riff", [0, 8, 36, None])
@pytest.mark.parametrize("subtype", ["PCM_16", "ULAW", "FLOAT"])
def test_a_wav_whose_sizes_were_never_written_is_read_to_its_end_and_said(
    tmp_path: Path, riff: int | None, subtype: str
) -> None:
    path = tmp_path / "call.wav"
    data = sf_bytes(sound(300, 2.0), "WAV", subtype)
    path.write_bytes(data)
    expected = whole(path)
    path.write_bytes(with_sizes(data, 0, riff))
    samples, notes = notes_of(path)
    n = expected.shape[1]
    assert np.array_equal(samples[:, :n], expected)
    assert notes == ["call.wav: its recorder never wrote its length; read to its end"]


def test_a_wav_whose_size_is_too_small_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    data = sf_bytes(sound(300, 2.0), "WAV", "PCM_16")
    path.write_bytes(with_sizes(data, 2000))
    samples, notes = notes_of(path)
    assert samples.shape[1] == 2 * SAMPLE_RATE
    assert notes == []


@pytest.mark.parametrize(
    "rest",
    [
        b"LIST" + struct.pack("<I", 4) + b"INFO",
        b"bext" + struct.pack("<I", 602) + bytes(602) + b"id3 " + struct.pack("<I", 2) + b"ab",
        b"<?xml version='1.0'?><call agent='7'/>" * 20,
        b"\0",
    ],
    ids=["chunk", "chunks", "text", "padding"],
)
def test_what_follows_the_samples_of_a_wav_is_no_sound(tmp_path: Path, rest: bytes) -> None:
    path = tmp_path / "call.wav"
    data = sf_bytes(sound(300, 1.0), "WAV", "PCM_16")
    path.write_bytes(data)
    expected = whole(path)
    path.write_bytes(data + rest)
    assert np.array_equal(whole(path), expected)
    assert notes_of(path)[1] == []


@pytest.mark.parametrize("more", [44, 0x7FFFF000])
def test_nothing_is_said_where_nothing_is_missing(tmp_path: Path, more: int) -> None:
    path = tmp_path / "call.wav"
    data = sf_bytes(sound(300, 2.0), "WAV", "PCM_16")
    path.write_bytes(with_sizes(data, more if more > 1000 else 2 * SAMPLE_RATE * 4 + more))
    samples, notes = notes_of(path)
    assert samples.shape[1] == 2 * SAMPLE_RATE
    assert notes == []


def flac_with_length(data: bytes, frames: int) -> bytes:
    """Return a FLAC with another length in its header."""
    first = (data[21] & 0xF0) << 32 | frames
    return data[:21] + first.to_bytes(5, "big") + data[26:]


@pytest.mark.parametrize("frames", [0, 1, 4096, 10_000, 31_999])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_a_flac_whose_length_is_too_small_is_read_to_its_last_sample(
    tmp_path: Path, frames: int, subtype: str
) -> None:
    rng = np.random.default_rng(1)
    x = (0.1 * rng.standard_normal((2, 2 * SAMPLE_RATE))).astype(np.float32)
    path = tmp_path / "call.flac"
    data = sf_bytes(x, "FLAC", subtype)
    path.write_bytes(data)
    expected = whole(path)
    path.write_bytes(flac_with_length(data, frames))
    assert np.array_equal(whole(path), expected)
    assert notes_of(path)[1] == []


def test_a_flac_of_a_recorder_that_was_killed_is_read_to_its_last_whole_frame(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(1)
    x = (0.1 * rng.standard_normal((2, 2 * SAMPLE_RATE))).astype(np.float32)
    data = flac_with_length(sf_bytes(x, "FLAC", "PCM_16"), 0)
    path = tmp_path / "call.flac"
    path.write_bytes(data)
    expected = whole(path)
    path.write_bytes(data[:-9_000])
    found = whole(path)
    assert 2 * SAMPLE_RATE - 12_288 <= found.shape[1] < 2 * SAMPLE_RATE
    assert np.array_equal(found, expected[:, : found.shape[1]])


def test_an_mp3_whose_length_is_too_small_is_read_to_its_end(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = bytearray(sf_bytes(sound(300, 4.0), "MP3", "MPEG_LAYER_III"))
    at = max(data.find(b"Xing"), data.find(b"Info"))
    frames = struct.unpack_from(">I", data, at + 8)[0]
    data[at + 8 : at + 12] = struct.pack(">I", frames // 2)
    path = tmp_path / "call.mp3"
    path.write_bytes(data)
    samples = whole(path)
    assert samples.shape[1] / SAMPLE_RATE == pytest.approx(4.0, abs=0.2)
    assert pitch(samples[1, -SAMPLE_RATE:]) == pytest.approx(750, abs=3)
    assert capfd.readouterr() == ("", "")


def test_a_cut_recording_is_said(tmp_path: Path) -> None:
    for name, data in (
        ("call.mp3", sf_bytes(sound(300, 4.0), "MP3", "MPEG_LAYER_III")),
        ("call.mka", encode(sound(300, 4.0), ENCODINGS["mka"])),
    ):
        path = tmp_path / name
        path.write_bytes(data[: len(data) // 2])
        samples, notes = notes_of(path)
        assert 1.0 < samples.shape[1] / SAMPLE_RATE < 3.0
        assert [n for n in notes if "the header promises 4." in n], notes


# --- samples without a header ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "subtype"),
    [("pcm16", "PCM_16"), ("pcm24", "PCM_24"), ("pcm32", "PCM_32"), ("float", "FLOAT"),
     ("ulaw", "ULAW"), ("alaw", "ALAW")],
)  # fmt: skip
@pytest.mark.parametrize("name", ["call.raw", "call.pcm", "call"])
def test_samples_without_a_header_are_read_as_the_option_says(
    tmp_path: Path, encoding: str, subtype: str, name: str
) -> None:
    x = sound(300, 1.0)
    wav, path = tmp_path / "call.wav", tmp_path / name
    wav.write_bytes(sf_bytes(x, "WAV", subtype))
    file = io.BytesIO()
    soundfile.write(file, x.T, SAMPLE_RATE, format="RAW", subtype=subtype, endian="LITTLE")
    path.write_bytes(file.getvalue())
    options = ReadOptions(parse_raw_format(f"16000,2,{encoding}"))
    assert np.array_equal(whole(path, options), whole(wav))
    # What has a header is read as what it is.
    assert np.array_equal(whole(wav, options), whole(wav))
    with pytest.raises(AudioFileError, match="--raw" if "." in name else "not a recording"):
        RecordedCall.from_stereo(path)


@pytest.mark.parametrize(("kind", "subtype"), [("WAV", "PCM_16"), ("FLAC", "PCM_16")])
def test_a_recording_with_a_header_may_be_named_raw(
    tmp_path: Path, kind: str, subtype: str
) -> None:
    path = tmp_path / "call.raw"
    path.write_bytes(sf_bytes(sound(), kind, subtype))
    assert pitch(whole(path)[1]) == pytest.approx(750, abs=3)
    options = ReadOptions(RawFormat(8000, 1, "ulaw"))
    assert pitch(whole(path, options)[1]) == pytest.approx(750, abs=3)


@pytest.mark.parametrize(
    "text",
    ["", "8000", "8000,2", "8000,2,mp3", "8000,2,pcm16,x", "a,2,pcm16", "8000,0,pcm16",
     "8000,65,pcm16", "100,2,pcm16", "1e3,2,pcm16", "8000,-1,pcm16"],
)  # fmt: skip
def test_a_raw_format_that_is_none_is_said(text: str) -> None:
    with pytest.raises(ConfigError, match="RATE,CHANNELS,ENCODING, such as 8000,2,pcm16"):
        parse_raw_format(text)


# --- bounds ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["flac", "mp3", "m4a", "aac", "webm", "oga"])
def test_a_recording_that_is_too_long_is_refused_with_how_to_go_on(
    tmp_path: Path, name: str
) -> None:
    rate = 48000 if name == "webm" else SAMPLE_RATE
    make = SEGMENTS.get(name) or av_bytes(name, rate)
    path = tmp_path / f"call.{name}"
    path.write_bytes(make(sound(300, 9.0, 2, rate)))
    options = ReadOptions(max_hours=8 / 3600)
    with pytest.raises(AudioFileError, match=r"hours of sound; cut it, or set \[replay\]"):
        whole(path, options)
    assert whole(path, ReadOptions(max_hours=10 / 3600)).shape[1] > 8 * SAMPLE_RATE


@pytest.mark.parametrize("length", [0x8000001A, 12_000])
def test_a_chunk_of_a_wav_that_is_longer_than_the_file_takes_no_memory(
    tmp_path: Path, length: int
) -> None:
    encoding = ENCODINGS["mp3.wav"]
    data = encode(sound(300, 1.0, encoding.channels, encoding.rate), encoding)
    at = data.index(b"LIST") + 4
    path = tmp_path / "call.wav"
    path.write_bytes(data)
    assert AudioTrack(path, (0,), encoding.channels, ReadOptions()).rate == encoding.rate
    path.write_bytes(data[:at] + struct.pack("<I", length) + data[at + 4 :])
    with pytest.raises(AudioFileError, match="a chunk of its header is longer than the file"):
        AudioTrack(path, (0,), encoding.channels, ReadOptions())


def test_an_estimate_of_the_length_refuses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "call.mp3"
    loud = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 4 * SAMPLE_RATE)).astype(np.float32)
    sizes = {}
    for name, x in (("loud", loud), ("quiet", np.zeros((2, 60 * SAMPLE_RATE), np.float32))):
        data = sf_bytes(x, "MP3", "MPEG_LAYER_III")
        sizes[name] = data[max(data.find(b"Xing"), data.find(b"Info")) + 400 :]
    path.write_bytes(sizes["quiet"][: len(sizes["quiet"]) // 8] + sizes["loud"] * 3)
    length_s = RecordedCall.from_stereo(path).duration_s
    read_s = whole(path).shape[1] / SAMPLE_RATE
    assert length_s > 1.5 * read_s
    assert whole(path, ReadOptions(max_hours=1.1 * read_s / 3600)).shape[1] > 0


def test_a_length_that_no_header_tells_is_bounded_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(sf_bytes(sound(300, 9.0), "WAV", "PCM_16"))
    track = AudioTrack(path, (0, 1), 2, ReadOptions(max_hours=10 / 3600))
    monkeypatch.setattr(track, "_options", ReadOptions(max_hours=8 / 3600))
    with pytest.raises(AudioFileError, match="hours of sound"):
        list(track.chunks())


def test_a_day_of_silence_in_a_small_file_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    frame = sf_bytes(np.zeros((2, 4096), np.float32), "FLAC", "PCM_16", 8000)
    path = tmp_path / "call.flac"
    path.write_bytes(flac_with_length(frame, 24 * 3600 * 8000))
    with pytest.raises(AudioFileError, match="more than 12 hours of sound"):
        RecordedCall.from_stereo(path)


def test_many_channels_and_high_rates_count_more(tmp_path: Path) -> None:
    path = write(tmp_path / "call.wav", *sound(300, 1.0, 2, 192_000), rate=192_000)
    with pytest.raises(AudioFileError, match=r"\(2 channels at 192000 Hz count 4.0 times\)"):
        whole(path, ReadOptions(max_hours=3 / 3600))
    whole(path, ReadOptions(max_hours=5 / 3600))
