"""What docs/privacy.md says: what is shown of the agent, what is kept, and what is not."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from rich.console import Console

from tests.commands.test_command_line import home, recording, voicecoach
from tests.journal import entries
from tests.scoring import conversations
from tests.shell.live.leftovers import SOUND_FILE, all_bytes, samples_found
from voicecoach import config
from voicecoach.coaching.cues import built_in_cues
from voicecoach.coaching.signal_trace import decode_ticks
from voicecoach.commands import score as score_command
from voicecoach.config import Config, PrivacyConfig
from voicecoach.errors import ConfigError, OutputError
from voicecoach.estimates import baseline
from voicecoach.estimates.calmness import CALMNESS_TERMS
from voicecoach.laboratory import comparison
from voicecoach.shell import report
from voicecoach.shell.asr.answering import LiveAsr
from voicecoach.shell.asr.transcriber import TranscribedWord
from voicecoach.shell.asr.worker_process import TranscriberProcess
from voicecoach.shell.journal import export as journal_export
from voicecoach.shell.journal import fill, page, tables
from voicecoach.shell.journal.store import JournalStore
from voicecoach.shell.journal.weeks import journal_trends
from voicecoach.shell.laboratory import page as laboratory
from voicecoach.shell.laboratory.trials import RuleSet, compare_call
from voicecoach.shell.live.recorder import AUDIO_FILE, CallRecorder
from voicecoach.shell.results import reader, writer
from voicecoach.shell.results.input_log import INPUTS_FILE
from voicecoach.shell.results.replay_one import EVENT_LOG, CallSetup, replay_call
from voicecoach.shell.runtime.engine_factory import shipped_models
from voicecoach.shell.runtime.feed import CustomerDeclines, NextCall, QuitProgram, ToggleListening
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource
from voicecoach.shell.views.console import TerminalView
from voicecoach.testing import ENGLISH, TELLTALE_WORDS, ScriptedTranscriber
from voicecoach.testing.session import SessionWithoutDevices, sample_call_samples
from voicecoach.text_safety.redaction import redact_words
from voicecoach.types.events import CueOpened, Degraded, Tone, TranscribeRequest
from voicecoach.types.stream import F32, SAMPLE_RATE, Block, Speaker
from voicecoach.views import event_log, exports
from voicecoach.views.display import make_display
from voicecoach.views.snapshot import Snapshot

__all__ = ["home", "recording"]

EU = Config(privacy=PrivacyConfig(profile="eu"))


# --- the profile ------------------------------------------------------------------------------


def test_the_profile_decides_what_nobody_else_does() -> None:
    assert config.parse_config("[privacy]\nprofile = 'eu'", "x") == EU
    assert EU.privacy == PrivacyConfig(
        profile="eu", composite=False, ask_first=True, keep_words=False, keep_days=90
    )
    assert Config().privacy == PrivacyConfig(
        composite=True, ask_first=False, keep_words=True, keep_days=0
    )
    own = config.parse_config("[privacy]\nprofile = 'eu'\nkeep_words = true\nkeep_days = 190", "x")
    assert (own.privacy.keep_words, own.privacy.keep_days) == (True, 190)
    assert own.privacy.ask_first
    assert config.override_config(Config(), "privacy.profile", "eu") == EU
    assert config.parse_config(config.config_to_toml(EU), "x") == EU


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("composite = true", "privacy.composite: not allowed with the profile eu"),
        ("ask_first = false", "privacy.ask_first: must be true with the profile eu"),
        ("keep_days = 0", "privacy.keep_days: must be 1 to 366 with the profile eu"),
        ("keep_days = 367", "privacy.keep_days: must be 1 to 366 with the profile eu"),
        ("[journal]\nkeep_days = 0", "journal.keep_days: must be 1 to 366 with the profile eu"),
        ("[journal]\nkeep_days = 367", "journal.keep_days: must be 1 to 366 with the profile eu"),
        ("[journal]\nwords = true", "journal.words: not allowed with the profile eu"),
    ],
)
def test_what_the_profile_is_for_cannot_be_undone(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        config.parse_config(f"[privacy]\nprofile = 'eu'\n{text}", "x")


def test_what_is_in_force_is_printed(home: Path) -> None:
    home.mkdir()
    (home / "eu.toml").write_text("[privacy]\nprofile = 'eu'\n")
    for options, told in (
        ((), ("composite = true", "ask_first = false", "keep_words = true", "keep_days = 0")),
        (
            ("--config", home / "eu.toml"),
            ("composite = false", "ask_first = true", "keep_words = false", "keep_days = 90"),
        ),
    ):
        printed = voicecoach("config", *options, home=home).stdout
        section = printed.split("[privacy]")[1].split("[live]")[0]
        assert [line for line in told if line not in section] == []


CUSTOMERS = re.compile(
    r"calmed_s|calm_most|time[- ]to[- ]calm( down)?|calm(s|ed)? down|calmly|a calm limit"
)
"""Where the customer is, or may be, calm; and how one may say something."""
STATES = re.compile(r"calm|compos(ed|ure)|nervous|stress|angry|anger|irritat|friendl")
"""What an agent could be said to be."""


def outputs(folder: Path, settings: Config) -> Iterator[tuple[str, str]]:
    """Yield all that there is to see of a call, by what it is."""
    setup = CallSetup(settings, built_in_cues(), shipped_models(), [])
    source = folder / "call.wav"
    call, rate = soundfile.read(resource("samples", SAMPLE_CALL), start=80 * 8000, stop=125 * 8000)
    soundfile.write(source, call, rate)
    shown = io.StringIO()
    with TerminalView(Console(file=shown, force_terminal=True, width=100), "call", None) as view:
        done = replay_call(RecordedCall.from_stereo(source), setup, folder / "call", view)
    yield "terminal", shown.getvalue()
    plain = io.StringIO()
    for path in sorted((folder / "call").iterdir()):
        yield path.name, path.read_text("utf-8")
    found = reader.read_results(folder / "call")
    snapshot = Snapshot()
    for event in found.events:
        snapshot.add_event(event)
        if event.at % SAMPLE_RATE < 2048:
            yield "overlay and page", str(msgspec.to_builtins(make_display(snapshot, "listening")))
    for name, write in exports.EXPORT_FORMATS.items():
        yield f"export {name}", str(write(found.events, "call"))
    yield "report", report.write_report(found, None, "none").read_text("utf-8").split("</style>")[1]
    again = writer.score_log("call", found.facts, found.events)
    score_command.print_score_card(again, Console(file=plain, width=100))
    rules = RuleSet("one", setup.cues), RuleSet("two", setup.cues[1:])
    tried = compare_call(found, *rules, settings)
    total = comparison.count_totals([(tried.a, tried.b, tried.changes)])
    yield "laboratory", laboratory.comparison_page([tried], total, *rules).decode()
    with JournalStore(folder / "journal" / "j.sqlite3", create=True) as journal:
        fill.add_call_folder(journal, folder / "call", words=True)
        for part in tables.render_call(journal, journal.call_overviews()[0].call):
            Console(file=plain, width=100).print(part)
        for table in tables.trend_tables(journal_trends(journal)):
            Console(file=plain, width=100).print(table)
        yield "trends", page.trends_page(journal_trends(journal)).decode()
        for path in journal_export.export_journal(journal, "json", folder / "journal.json", ""):
            yield path.name, path.read_text("utf-8")
    yield "printed", plain.getvalue()
    yield "usual", baseline.baseline_to_json(done.baseline).decode()
    yield "signal words", " ".join(CALMNESS_TERMS)


def test_of_the_agent_the_eu_profile_shows_measurements_and_no_state(tmp_path: Path) -> None:
    stated: dict[str, set[str]] = {}
    for profile in ("standard", "eu"):
        folder = tmp_path / profile
        folder.mkdir()
        settings = config.override_config(Config(), "privacy.profile", profile)
        stated[profile] = {
            name
            for name, text in outputs(folder, settings)
            if STATES.search(CUSTOMERS.sub("", text.lower()))
        }
    assert stated["eu"] == set()
    assert stated["standard"] >= {
        "terminal", "overlay and page", "events.jsonl", "summary.json", "summary.md",
        "scorecard.json", "scorecard.md", "report", "printed", "journal.json",
    }  # fmt: skip


def test_tables_of_an_archive_have_no_state_of_the_agent_either(
    recording: Path, home: Path
) -> None:
    home.mkdir()
    (home / "eu.toml").write_text("[privacy]\nprofile = 'eu'\n")
    done = voicecoach(
        "batch", recording.parent, "--out", home / "out", "--no-transcribe", "--workers", 1,
        "--config", home / "eu.toml", home=home,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for path in sorted((home / "out").glob("*.parquet")):
        table = pq.read_table(path)
        text = f"{table.schema} {table.to_pylist()}".lower()
        assert not STATES.search(CUSTOMERS.sub("", text)), path.name
    assert "usual-delivery" in str(pq.read_table(home / "out" / "scores.parquet").to_pylist())


# --- words ------------------------------------------------------------------------------------


def told_in(data: bytes) -> list[str]:
    """Return the words of the call that are in it."""
    return [word for word in TELLTALE_WORDS if word in data.decode("utf-8", "replace").lower()]


def test_words_are_kept_only_where_they_are_to_be(tmp_path: Path) -> None:
    kept_in, scores = {}, {}
    for name, settings in (("standard", Config()), ("eu", EU)):
        place = tmp_path / name
        desk = SessionWithoutDevices(
            place / "out", settings, transcriber=ScriptedTranscriber()
        ).run()
        (folder,) = desk.ended
        with JournalStore(place / "journal.sqlite3", create=True) as journal:
            fill.add_call_folder(journal, folder, words=True)
            found = reader.read_results(folder)
            report.write_report(found, None, "none")
            for kind, write in exports.EXPORT_FORMATS.items():
                (place / kind).write_text(write(found.events, "call"), "utf-8")
        kept_in[name] = [
            path.name
            for path in sorted(place.rglob("*"))
            if path.is_file() and told_in(path.read_bytes())
        ]
        card = writer.read_score_card(folder)
        assert card
        scores[name] = {t.name: t.score for t in card.techniques}
        assert found.facts["words"]
        assert found.facts["words_kept"] is (name == "standard")
        opened = [e for e in found.events if isinstance(e, CueOpened)]
        assert opened[0].id == "soften"
        assert ("you must" in opened[0].message) is (name == "standard")
        # What the cues went on is there all the same.
        assert len(list(decode_ticks(found.events, SAMPLE_RATE * 49))) > 300
        assert any(event.kind == "apology" for event in found.events if hasattr(event, "kind"))
    assert {
        "events.jsonl", "summary.json", "summary.md", "scorecard.json", "scorecard.md",
        "report.html", "vtt", "srt", "textgrid", "jsonl",
    } <= {*kept_in["standard"]}  # fmt: skip
    assert kept_in["eu"] == []
    del scores["standard"]["Calm and neutral delivery"], scores["eu"]["Pace and voice as usual"]
    assert scores["eu"] == scores["standard"], "figures are the same"


def test_a_card_whose_words_are_not_kept_is_not_made_worse(tmp_path: Path, home: Path) -> None:
    folder = entries.folder(tmp_path / "call", live=True, words_kept=False)
    done = voicecoach("score", folder, home=home)
    assert done.returncode == 2
    assert "cannot be made again" in done.stderr
    assert not (folder / writer.CARD_JSON).exists()


def test_an_event_without_words_has_none() -> None:
    for event in entries.call():
        found = redact_words(event)
        if found:
            assert entries.SECRET.encode() not in event_log.encode_event(found)
            assert (found.at, type(found)) == (event.at, type(event))
    assert sum(redact_words(e) is None for e in entries.call()) == 1
    told = next(e for e in conversations.events([conversations.c("Hello")]) if isinstance(e, Tone))
    quoting = msgspec.structs.replace(told, evidence=(f'"{entries.SECRET}"',))
    line = event_log.encode_event(redact_words(quoting) or quoting)
    assert entries.SECRET.encode() not in line
    lines = [
        conversations.a("I am sorry, I must see."),
        conversations.c("You always lose it!", agitation=0.9),
    ]
    for event in conversations.events(lines):
        line = event_log.encode_event(found) if (found := redact_words(event)) else b""
        assert not re.search(rb"sorry|must|always|lose", line)


CHILD = """
import sys, msgspec
from voicecoach.shell.asr.worker_process import WorkerAnswer, _read_message, _write_message
while (data := _read_message(sys.stdin.buffer)) is not None:
    load = msgspec.msgpack.decode(data)["type"] == "Load"
    failed = WorkerAnswer(error="ValueError", text="cannot align 'marmalade'")
    answer = WorkerAnswer() if load else failed
    _write_message(sys.stdout.buffer, msgspec.msgpack.encode(answer))
"""


def test_what_the_program_says_of_a_recogniser_that_fails_has_no_words(tmp_path: Path) -> None:
    with closing(TranscriberProcess("none", "en", command=(sys.executable, "-c", CHILD))) as remote:
        desk = SessionWithoutDevices(tmp_path, Config(), transcriber=remote).run()
    failed = [e for e in reader.read_results(desk.ended[0]).events if isinstance(e, Degraded)]
    assert any("RecogniserFailed: ValueError" in event.reason for event in failed)
    assert told_in(all_bytes(tmp_path)) == []


SAYS = """
import sys
from pathlib import Path
from voicecoach.testing import ScriptedTranscriber
from voicecoach.testing.session import RecordedDevices
from voicecoach.config import Config, LiveConfig, PrivacyConfig
from voicecoach.shell.apps import live as attend
from voicecoach.coaching.cues import built_in_cues
settings = Config(
    privacy=PrivacyConfig(profile=sys.argv[2]),
    live=LiveConfig(view="none"),
    sinks={"metrics": {}},
)

class Backend:
    def sources(self): return []

class Ears(RecordedDevices):
    def __init__(self, backend, wanted, say): pass
    def __enter__(self): return self
    def __exit__(self, *_): self.stop()

class Feed(attend.Feed):
    def __init__(self):
        super().__init__()
        feeds.append(self)
feeds = []
start = attend.LiveSession.__init__
def begun(self, setup, ears, feed, *rest, **options):
    RecordedDevices.__init__(ears, feed, [])
    start(self, setup, ears, feed, *rest, **options)
    if sys.argv[3] == "wait":
        feed.post_action(attend.ToggleListening())
attend.open_source, attend.DeviceSupervisor = lambda *_: Backend(), Ears
attend.Feed, attend.LiveSession.__init__ = Feed, begun
options = attend.LiveOptions(Path(sys.argv[1]), journal=True)
attend.run_live(settings, built_in_cues(), [ScriptedTranscriber()], "", options)
"""


@pytest.mark.parametrize("profile", ["standard", "eu"])
def test_what_the_program_itself_says_has_no_words(tmp_path: Path, profile: str) -> None:
    out, at_home = tmp_path / "out", tmp_path / "home"
    at_home.mkdir()
    runtime = tmp_path / "runtime"
    runtime.mkdir(0o700)
    places = {"HOME": str(at_home), "TMPDIR": str(at_home), "XDG_RUNTIME_DIR": str(runtime)}
    done = subprocess.Popen(
        [sys.executable, "-c", SAYS, str(out), profile, "wait" if profile == "eu" else ""],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **places, "XDG_DATA_HOME": ""},
    )
    served = metrics(runtime / "voicecoach" / "call.json", done)
    said, _ = done.communicate(timeout=60)
    assert done.returncode == 0, said
    assert b"Results: " in said
    assert b"voicecoach_stage_seconds" in served
    assert told_in(said + served) == []
    # The journal and the usual have none, either; with the profile nothing has.
    assert list(at_home.rglob("journal.sqlite3"))
    assert list(at_home.rglob("baseline.json"))
    assert told_in(all_bytes(at_home)) == []
    assert bool(told_in(all_bytes(out))) is (profile == "standard")
    header = reader.read_results(next(out.iterdir())).facts
    assert bool(header["notice"]) is (profile == "eu")
    assert (b"Say to the customer: This call is analysed" in said) is (profile == "eu")


def metrics(file: Path, process: subprocess.Popen[bytes]) -> bytes:
    """Return what Prometheus is served while a call goes on."""
    served, until = b"", time.monotonic() + 30
    while process.poll() is None and time.monotonic() < until:
        try:
            call = json.loads(file.read_bytes())
            address = f"http://127.0.0.1:{call['port']}/{call['token']}/metrics"
            with urllib.request.urlopen(address) as answer:
                served = answer.read()
        except OSError:
            pass
        time.sleep(0.3)
    return served


# --- the customer is asked, and says no ---------------------------------------------------------


def test_each_call_waits_to_be_started_where_the_customer_is_told(tmp_path: Path) -> None:
    seen = []

    def go_on() -> None:
        seen.append((desk.ears.open, desk.feed.newest.display.notice, len(desk.ended)))
        desk.feed.post_action(ToggleListening())

    desk = SessionWithoutDevices(tmp_path, EU, notice="May I?")
    desk.then(desk.post_action_at(5, NextCall())).between(go_on).run()
    assert seen == [(False, "Read this to the customer first: May I?", 1)]
    assert [reader.read_results(folder).facts["notice"] for folder in desk.ended] == ["May I?"] * 2


def test_a_customer_who_says_no_is_forgotten_and_the_next_call_can_begin(tmp_path: Path) -> None:
    seen: list[object] = []

    def decline() -> None:
        (folder,) = desk.out.iterdir()
        seen.append(sorted(path.name for path in folder.iterdir()))
        desk.feed.post_action(CustomerDeclines())

    def go_on() -> None:
        seen.append(
            (desk.ears.open, list(desk.out.iterdir()), desk.ended[:], desk.session.setup.baseline)
        )
        desk.feed.post_action(ToggleListening())

    desk = SessionWithoutDevices(
        tmp_path / "out", Config(), transcriber=ScriptedTranscriber(), audio=True, learn=True
    )
    desk.then((30, decline)).between(go_on).run()
    assert seen == [[AUDIO_FILE, EVENT_LOG, INPUTS_FILE], (False, [], [], None)], (
        "nothing is left of it, nor learnt"
    )
    (folder,) = desk.ended
    assert [folder] == list(desk.out.iterdir()) == desk.session.folders
    assert reader.read_results(folder).events[-1].at < 25 * SAMPLE_RATE, "it began after the first"
    assert desk.session.setup.baseline
    assert desk.session.setup.baseline.calls == 1


def test_a_call_that_is_paused_can_be_declined(tmp_path: Path) -> None:
    desk = SessionWithoutDevices(tmp_path, Config())
    desk.then(desk.post_action_at(5, ToggleListening()), desk.post_action_at(7, CustomerDeclines()))
    desk.between(lambda: desk.feed.post_action(QuitProgram())).run()
    assert not list(tmp_path.iterdir())
    assert not desk.ended


def test_what_cannot_be_deleted_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Path) -> None:
        raise OSError(30, "Read-only file system")

    with CallRecorder(tmp_path / "call", audio=False) as keeper:
        keeper.write_event_line(b"said\n")
    monkeypatch.setattr(shutil, "rmtree", fail)
    with pytest.raises(OutputError, match="cannot be deleted; delete it by hand: Read-only"):
        keeper.delete_folder()


# --- pause --------------------------------------------------------------------------------------


class Slow(ScriptedTranscriber):
    """A recogniser that answers when it is let."""

    def __init__(self) -> None:
        self.asked, self.free = threading.Event(), threading.Event()

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[TranscribedWord]:
        """Wait."""
        self.asked.set()
        assert self.free.wait(20)
        return super().transcribe(audio, prefix=prefix)


def test_a_pause_drops_the_audio_that_waits_for_words() -> None:
    slow = Slow()
    asr = LiveAsr(slow, Config().transcription, ENGLISH.numbers)
    samples = (sample_call_samples()[:, : 5 * SAMPLE_RATE] / 32768).astype(np.float32)
    asr.buffer_audio(Block(0, samples))
    for number in (1, 2):
        request = TranscribeRequest(
            at=80_000, speaker=Speaker.AGENT, utterance=number, start=0, end=48_000, careful=True
        )
        asr.submit(request)
    assert slow.asked.wait(10), "one is in the recogniser, one waits"
    assert asr.queued_requests == 1
    assert np.any(asr._answerer._audio._buf)
    asr.discard_pending()
    assert asr.queued_requests == 0
    assert not np.any(asr._answerer._audio._buf), "no audio is left"
    slow.free.set()
    assert asr.poll(None) == []
    asr.close()


PAUSED, RESUMED = 9.02, 40.0
"""The customer speaks, and a part of a hop waits for the rest of it."""


def test_nothing_of_a_pause_is_kept_nor_what_was_in_flight(tmp_path: Path) -> None:
    desk = SessionWithoutDevices(tmp_path, Config(), transcriber=ScriptedTranscriber(), audio=True)
    letting: list[bool] = []
    desk.then(
        desk.post_action_at(PAUSED, ToggleListening()),
        (PAUSED + 0.02, lambda: letting.append(desk.ears.open)),
        (PAUSED + 0.02, lambda: letting.append(bool(np.any(desk.session.devices._aligner._buf)))),
        desk.post_action_at(RESUMED, ToggleListening()),
    ).run()
    assert letting == [False, False], "the devices are let go, and chunks that waited are dropped"
    (folder,) = desk.ended
    lines = [json.loads(line) for line in (folder / EVENT_LOG).read_text("utf-8").splitlines()]
    at = next(e["at_s"] for e in lines if e["type"] == "listening" and not e["on"])
    on = next(e["at_s"] for e in lines if e["type"] == "listening" and e["on"] and e["at_s"])
    assert (at, on) == (pytest.approx(PAUSED, abs=0.3), pytest.approx(RESUMED, abs=0.3))
    words = [e for e in lines if e["type"] in ("word", "utterance", "move")]
    assert any(e["at_s"] < at for e in words)
    assert any(e["at_s"] > on for e in words)
    # An utterance has a little of what was before it, which is silence here.
    late = [e for e in words if e["at_s"] > at and e["start_s"] < on - 0.4]
    assert late == [], "nothing that was said before comes later"
    before = [e for e in words if e["type"] == "word" and e["at_s"] <= at]
    final = {(e["utterance"], e["index"]) for e in before if e["final"]}
    agreed = {(e["utterance"], e["index"]) for e in before if e["committed"]}
    assert final <= agreed, "words that were not committed are dropped"
    assert {(e["utterance"], e["index"]) for e in before} - final
    speech = [e for e in lines if e["type"] == "speech_started"]
    assert not [e for e in speech if at + 0.2 < e["start_s"] < on - 0.2]
    sound, rate = soundfile.read(folder / AUDIO_FILE, dtype="int16")
    assert np.any(sound[: int(at * rate)])
    assert not np.any(sound[int((at + 0.1) * rate) : int((on - 0.1) * rate)]), "silence is kept"


# --- sound --------------------------------------------------------------------------------------


def test_sound_would_be_found() -> None:
    samples = sample_call_samples()
    for kind in ("<i2", "<f4"):
        scale = 1 if kind == "<i2" else 32768
        data = b"x" + (samples[:, 7000:90_000] / scale).astype(kind).tobytes()
        assert samples_found(data, samples)
    assert not samples_found(os.urandom(1_000_000), samples)


def test_no_sound_is_stored_unless_it_is_asked_for(tmp_path: Path, home: Path) -> None:
    desk = SessionWithoutDevices(
        tmp_path / "live", Config(), transcriber=ScriptedTranscriber()
    ).run()
    assert not (desk.ended[0] / AUDIO_FILE).exists()
    call = tmp_path / "call.flac"
    soundfile.write(call, sample_call_samples().T[: 8 * SAMPLE_RATE], SAMPLE_RATE)
    inside = tmp_path / "tmp"
    inside.mkdir()
    done = voicecoach("replay", call, "--journal", home=home, TMPDIR=str(inside))
    assert done.returncode == 0, done.stderr
    left = all_bytes(tmp_path / "live", home, inside)
    assert b"events.jsonl" in left
    assert not samples_found(left, sample_call_samples())
    assert not SOUND_FILE.search(left)
    SessionWithoutDevices(tmp_path / "asked", Config(), audio=True).run()
    assert SOUND_FILE.search(all_bytes(tmp_path / "asked"))


# --- deleted ------------------------------------------------------------------------------------


def test_a_call_that_is_deleted_from_the_journal_is_in_none_of_its_files(tmp_path: Path) -> None:
    folder = entries.folder(tmp_path / "call", live=True, started_at=entries.STARTED)
    entries.scored(folder)
    soundfile.write(
        folder / AUDIO_FILE, sample_call_samples().T[: 20 * SAMPLE_RATE], SAMPLE_RATE, "PCM_16"
    )
    flac = (folder / AUDIO_FILE).read_bytes()
    path = tmp_path / "kept" / "journal.sqlite3"
    with JournalStore(path, create=True) as journal:
        added = fill.add_call_folder(journal, folder, words=True, audio=True).call
        other = entries.folder(tmp_path / "other", live=True, started_at=entries.STARTED)
        fill.add_call_folder(journal, other, words=False)
        names_of = {file.name for file in path.parent.iterdir()}
        assert names_of == {
            "journal.sqlite3",
            "journal.sqlite3-wal",
            "journal.sqlite3-shm",
            "journal.sqlite3.audio",
        }
        before = entries.bytes_of(path)
        assert entries.SECRET.encode() in before
        assert flac[5000:5100] in before
        journal.delete_call(added.id)
        for at in (path, *path.parent.rglob("*")):
            data = at.read_bytes() if at.is_file() else b""
            assert entries.SECRET.encode() not in data, at
            assert added.id.encode() not in data, at
            assert flac[5000:5100] not in data, at
        assert not list((path.parent / "journal.sqlite3.audio").iterdir())
    assert entries.SECRET.encode() not in entries.bytes_of(path)


# --- the documents ------------------------------------------------------------------------------

DOCS = Path(__file__).parents[2] / "docs"


def test_the_notices_are_those_that_the_program_gives() -> None:
    text = " ".join((DOCS / "notice.md").read_text("utf-8").replace("> ", "").split())
    assert Config().live.notice in text
    assert Config().live.notice_recorded in text


def test_the_page_on_privacy_has_the_settings_that_there_are() -> None:
    text = (DOCS / "privacy.md").read_text("utf-8")
    for name, value in config.PRIVACY_PROFILES["eu"].items():
        shown = str(value).lower() if isinstance(value, bool) else value
        assert f"`{name} = {shown}`" in text
    assert "not legal advice" in text.lower()
