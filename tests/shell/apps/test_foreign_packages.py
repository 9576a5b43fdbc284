"""Packages of others: found by their entry points, used in a replay and a live call, or said."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import soundfile

from tests import foreign
from tests.commands.test_command_line import home, voicecoach
from voicecoach.config import Config, LiveConfig
from voicecoach.shell.apps import live
from voicecoach.shell.apps.built_in import ConsoleView, built_in_plugins
from voicecoach.shell.apps.live import open_view
from voicecoach.shell.runtime.feed import Feed
from voicecoach.shell.runtime.latency import LatencyStats
from voicecoach.shell.runtime.plugins import Registry
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.shell.views.view import LiveHandle

__all__ = ["home"]
ROOT = Path(__file__).parents[3]
WORDS = "I am very sorry about the nineteen crates of marmalade but you must calm down"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return foreign.install(tmp_path / "site", "desk", "broken")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Twelve seconds of a real call."""
    samples, rate = soundfile.read(resource("samples", SAMPLE_CALL), stop=12 * 8000)
    path = tmp_path / "call.flac"
    soundfile.write(path, samples, rate)
    return path


def run(site: Path, home: Path, *arguments: object) -> CompletedProcess[str]:
    path = os.pathsep.join(map(str, (ROOT, site)))
    done = voicecoach(*arguments, home=home, PYTHONPATH=path, COLUMNS="200", XDG_RUNTIME_DIR="")
    assert "Traceback" not in done.stderr
    return done


def log_of(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def test_what_is_installed_is_listed_with_its_package_and_options(site: Path, home: Path) -> None:
    done = run(site, home, "plugins")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    for kind, name in (
        ("sink", "cue-file"),
        ("source", "recording"),
        ("transcriber", "rote"),
        ("transcriber", "rote-stream"),
        ("view", "ticker"),
    ):
        assert [kind, name, "voicecoach-desk", "1.0"] in [row[:4] for row in rows]
    assert "file = 'cues.txt': where the lines go" in done.stdout
    assert "file = required: agent on the first channel" in done.stdout
    assert "languages that ship with voicecoach: en" in done.stdout
    # What cannot be used is a line each, with the package and what to do.
    said = done.stderr.splitlines()
    assert len(said) == 5, said
    assert all("voicecoach-broken 0.1" in line and "uninstall" in line for line in said)
    assert any(line.startswith("sink absent of the package") for line in said)
    assert any("sink no-plugin" in line and "is not a voicecoach Plugin" in line for line in said)
    assert any(
        "sink journal" in line and "voicecoach already has that name" in line for line in said
    )


def test_a_replay_uses_them(site: Path, home: Path, recording: Path) -> None:
    config = home / "config.toml"
    home.mkdir()
    config.write_text(
        f"[transcription]\nengine = 'rote'\n[transcribers.rote]\nwords = '{WORDS}'\n"
        "[sinks.event-file]\nfile = 'events.txt'\n"
    )
    done = run(
        site, home, "replay", recording, "--config", config, "--out", "out", "--sink", "cue-file",
        "--set", "sinks.cue-file.file=shown.txt",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    folder = home / "out" / recording.stem
    header, *events = log_of(folder)
    said = {str(event["text"]) for event in events if event["type"] == "utterance"}
    assert said
    assert all(WORDS.startswith(text[:9]) for text in said)
    assert (home / "events.txt").read_bytes() == b"".join(
        (folder / "events.jsonl").read_bytes().splitlines(keepends=True)[1:]
    )
    shown = [
        f"{event['at_s']:.1f} s: {event['title']}"
        for event in events
        if event["type"] == "cue_opened"
    ]
    assert shown
    assert (home / "shown.txt").read_text().splitlines() == [f"call {header['call']}", *shown]


def test_a_replay_with_a_recogniser_that_streams_has_each_word_once(
    site: Path, home: Path, recording: Path
) -> None:
    done = run(
        site, home, "replay", recording, "--out", "out", "--transcriber", "rote-stream",
        "--set", f"transcribers.rote-stream.words={WORDS}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    events = log_of(home / "out" / recording.stem)
    said = [str(event["text"]) for event in events if event["type"] == "utterance"]
    assert said
    assert all(f"{WORDS} {WORDS} {WORDS}".startswith(text) for text in said)
    assert max(text.count("marmalade") for text in said) == 1
    assert any(event.get("committed") and not event.get("final") for event in events)


def test_a_live_call_uses_them(site: Path, home: Path, recording: Path) -> None:
    done = run(
        site, home, "live", "--out", "out", "--source", "recording", "--transcriber", "rote",
        "--view", "ticker", "--sink", "cue-file", "--sink", "event-file", "--no-journal",
        "--set", f"sources.recording.file={recording}", "--set", "views.ticker.stop_s = 9",
        "--set", "sinks.event-file.file=events.txt", "--set", f"transcribers.rote.words={WORDS}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder,) = (home / "out").iterdir()
    header, *events = log_of(folder)
    assert header["live"] is True
    spoke = {event["speaker"] for event in events if event["type"] == "speech_ended"}
    assert spoke == {"agent", "customer"}
    said = [str(event["text"]) for event in events if event["type"] == "utterance"]
    assert any(WORDS.startswith(text[:9]) for text in said if text)
    assert (home / "events.txt").read_bytes() == b"".join(
        (folder / "events.jsonl").read_bytes().splitlines(keepends=True)[1:]
    )
    assert (home / "cues.txt").read_text().startswith(f"call {folder.name}\n")
    assert "listening: no cue" in done.stdout.splitlines()
    assert not done.stderr, done.stderr
    devices = run(
        site, home, "devices", "--config", write(home, "[live]\nsource = 'recording'\n"
        f"[sources.recording]\nfile = '{recording}'\n")
    )  # fmt: skip
    assert "the second channel" in devices.stdout


def write(home: Path, text: str) -> Path:
    path = home / "written.toml"
    path.write_text(text, "utf-8")
    return path


def test_what_is_broken_costs_no_replay(site: Path, home: Path, recording: Path) -> None:
    plain = run(site, home, "replay", recording, "--no-transcribe", "--out", "plain")
    assert plain.returncode == 0
    broken = ["absent", "no-plugin", "cannot-start", "unplugged", "fails"]
    sinks = [word for name in broken for word in ("--sink", name)]
    done = run(site, home, "replay", recording, "--no-transcribe", "--out", "out", *sinks)
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if not line.startswith("  ")]
    assert len(said) == 5, said
    assert said[2] == (
        "error: sink cannot-start of the package voicecoach-broken 0.1 cannot start: ValueError: "
        "it is Monday and it rains; update the package or uninstall it"
    )
    assert said[3] == "error: sink unplugged: the desk light is not plugged in"
    assert said[4].startswith("fails: it failed (RuntimeError at voicecoach_broken.py:")
    assert "'a', 'b'" not in done.stderr
    for file in ("events.jsonl", "summary.json", "scorecard.json"):
        same = [(home / out / recording.stem / file).read_bytes() for out in ("plain", "out")]
        assert same[0] == same[1]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("absent", "transcriber absent of the package voicecoach-broken 0.1 cannot be loaded: Mod"),
        ("lost", "its process ended with code -6"),
    ],
)
def test_a_broken_transcriber_costs_the_words_alone(
    site: Path, home: Path, recording: Path, name: str, why: str
) -> None:
    done = run(site, home, "replay", recording, "--out", "out", "--transcriber", name)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(f"no transcription: {why}")
    assert "; everything else works\n" in done.stderr
    header, *events = log_of(home / "out" / recording.stem)
    assert header["words"] is False
    assert [e["stage"] for e in events if e["type"] == "degraded"] == ["transcription"]


def test_words_at_no_time_are_a_failure_and_the_call_goes_on(
    site: Path, home: Path, recording: Path
) -> None:
    done = run(site, home, "replay", recording, "--out", "out", "--transcriber", "senseless")
    assert done.returncode == 0, done.stderr
    _, *events = log_of(home / "out" / recording.stem)
    assert not [event for event in events if event["type"] == "word"]
    said = [str(event["reason"]) for event in events if event["type"] == "degraded"]
    assert any("a word's time or probability is not finite" in reason for reason in said)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--view", "nobody"], "nobody: no view of that name is installed; use one of: "),
        (["--source", "nobody"], "nobody: no source of that name is installed; use one of: "),
        (["--source", "recording"], "sources.recording: Object missing required field `file`"),
        (
            ["--source", "recording", "--set", "sources.recording.file=none.wav"],
            "none.wav: no such recording; set sources.recording.file",
        ),
    ],
)
def test_a_live_call_that_cannot_be_is_refused_before_it_begins(
    site: Path, home: Path, arguments: list[str], complaint: str
) -> None:
    done = run(site, home, "live", "--no-transcribe", "--view", "none", *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr.splitlines()[-1], done.stderr


def test_what_is_broken_costs_no_live_call(site: Path, home: Path, recording: Path) -> None:
    """Another view is taken; a source that fails is a lost device; the sinks are left out."""
    done = run(
        site, home, "live", "--out", "out", "--no-transcribe", "--view", "ticker", "--no-journal",
        "--source", "faulty", "--sink", "absent", "--sink", "fails", "--sink", "hangs",
        "--set", "views.ticker.stop_s = 4",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder,) = (home / "out").iterdir()
    _, *events = log_of(folder)
    lost = [str(e["reason"]) for e in events if e["type"] == "channel_state"]
    assert lost
    assert all(reason.startswith("faulty failed (KeyError at ") for reason in lost), lost
    failed = [e for e in events if e["type"] == "degraded" and e["stage"] == "fails"]
    assert len(failed) == 1, "it is said once"
    assert "hangs: it did not finish within 5 s" in done.stderr
    assert "error: sink absent of the package voicecoach-broken 0.1 cannot be loaded" in done.stderr
    assert "'a', 'b'" not in done.stderr


def test_a_view_that_cannot_be_used_ends_no_call(
    site: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(site)
    registry = Registry(built_in_plugins())
    handle = LiveHandle(Feed(), LatencyStats())
    view = open_view(registry, Config(live=LiveConfig(view="blind")), handle)
    view.open()
    view.run()
    view.close()
    assert capfd.readouterr().err.startswith("The view blind failed (OSError at voicecoach_broken")
    assert handle.feed.unseen == "the view cannot be shown; choose another with --view"
    # One that cannot be loaded is replaced by one for this machine.
    monkeypatch.setattr(live, "why_no_overlay", lambda: "there is no PySide6")
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    view = open_view(registry, Config(live=LiveConfig(view="absent")), handle)
    assert isinstance(view, ConsoleView)
    told = capfd.readouterr()
    assert told.err.startswith("error: view absent of the package voicecoach-broken 0.1 cannot be")
    assert told.out == "No overlay: there is no PySide6. Using the console view instead.\n"
