"""Feed arbitrary bytes to everything that reads input, in every form those bytes could take.

A target may succeed, or fail with an error that a user can act on, told in one printable line.  Any
other error is a failure, and so is opening a file outside the case's folder.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

import msgspec
import numpy as np
import soundfile

from scripts.endurance import input_mutations
from scripts.staging import stage_call
from scripts.support import corpora, encode
from voicecoach import config
from voicecoach.coaching import cues
from voicecoach.coaching.cues import built_in_cues
from voicecoach.coaching.thresholds import thresholds_from_header
from voicecoach.config import Config
from voicecoach.errors import VoiceCoachError
from voicecoach.estimates import baseline
from voicecoach.laboratory import comparison
from voicecoach.shell import report
from voicecoach.shell.asr.loop import run_engine
from voicecoach.shell.control import call_file
from voicecoach.shell.control.metrics import metrics_route
from voicecoach.shell.control.tell import send_command
from voicecoach.shell.control.web_app import WebServer
from voicecoach.shell.journal import fill
from voicecoach.shell.journal.store import JournalStore
from voicecoach.shell.laboratory.page import comparison_page as laboratory_page
from voicecoach.shell.laboratory.trials import RuleSet, compare_call
from voicecoach.shell.results import baseline_file, input_log, reader, writer
from voicecoach.shell.results.input_log import INPUTS_FILE
from voicecoach.shell.results.reader import Results
from voicecoach.shell.results.replay_one import EVENT_LOG
from voicecoach.shell.results.writer import ResultsWriter
from voicecoach.shell.runtime.audio_files import ReadOptions, parse_raw_format
from voicecoach.shell.runtime.engine_factory import build_engine, shipped_models
from voicecoach.shell.runtime.feed import Feed
from voicecoach.shell.runtime.languages import find_language
from voicecoach.shell.runtime.latency import LatencyStats
from voicecoach.shell.runtime.recorded_call import RecordedCall
from voicecoach.shell.runtime.user_files import load_config, load_cues
from voicecoach.shell.views.browser import BrowserPage
from voicecoach.types.stream import SAMPLE_RATE, Speaker
from voicecoach.views import catalogue, event_log, exports, scorecard

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests" / "scripts" / "corpus"
LONGEST_MESSAGE = 1000
"""Most characters of an error message that a user can still read."""
AUDIO_SUFFIXES = ("", ".wav", ".mp3", ".aac", ".g722", ".gsm", ".raw", ".m4a")
"""Ends of recordings' names; some formats only the name tells."""
LONG_S = 3600.0
"""Longest call that the laboratory replays here, seconds: it takes seconds for each hour."""
NOTHING_S = 0.01
"""Seconds to wait for an answer that need not come."""
GONE_S = 10.0
"""Seconds after which a socket that should answer counts as dead."""

Read: TypeAlias = Callable[[bytes, Path], None]
"""Reads bytes; the second argument is an empty folder to work in."""


class Target(NamedTuple):
    """Something that is given bad input."""

    open: Callable[[], contextlib.AbstractContextManager[Read]]
    mutate: input_mutations.Mutate
    cases: int
    """Default number of cases; fast targets get more."""


class Failure(Exception):
    """A result that is not allowed."""


@contextmanager
def mendable(*kinds: type[BaseException]) -> Iterator[None]:
    """Allow errors that a user can act on, if their message is readable."""
    try:
        yield
    except BaseException as e:
        if not isinstance(e, (VoiceCoachError, *kinds)):
            raise
        text = str(e)
        if not (text and text.isprintable() and len(text) <= LONGEST_MESSAGE):
            raise Failure(f"it says {text[:200]!r}, {len(text)} characters") from e


# --- file access outside the folder ---------------------------------------------------------


class Ways:
    """Records the files that Python opens, while a folder is set that it must stay in."""

    def __init__(self) -> None:
        self._folder = ""
        self._outside: list[str] = []
        self._shared: list[str] = []
        """Folders in which any target may look, because `tell` finds the session there."""
        shared = (
            ROOT / "voicecoach",
            ROOT / "models",
            ROOT / "scripts",
            CORPUS,
            corpora.DATA / "noise",
        )
        allowed = (*map(str, shared), sys.prefix, sys.base_prefix, os.devnull)
        self._allowed = tuple(os.path.realpath(path) for path in allowed)
        sys.addaudithook(self._hear)

    @contextmanager
    def within(self, folder: Path) -> Iterator[None]:
        """Check that everything inside the `with` block stays in `folder`.

        Raises
        ------
        Failure
            If another file or folder was opened, listed or removed.
        """
        self._shared = [os.path.realpath(call_file.control_folder())]
        self._folder, self._outside = os.path.realpath(folder), []
        try:
            yield
        finally:
            self._folder = ""
        if self._outside:
            raise Failure(f"it went to {self._outside[0]!r}")

    def _hear(self, event: str, args: tuple[object, ...]) -> None:
        if not self._folder or event not in ("open", "os.scandir", "os.listdir", "os.remove"):
            return
        path = args[0]
        if isinstance(path, str | bytes):
            real = os.path.realpath(os.fsdecode(path).replace("\0", ""))
            if not real.startswith((self._folder, *self._allowed, *self._shared)):
                self._outside.append(real)


_ways: list[Ways] = []


def ways() -> Ways:
    """Return the single instance: an audit hook cannot be removed."""
    if not _ways:
        _ways.append(Ways())
    return _ways[0]


# --- readers --------------------------------------------------------------------------------


def audio(data: bytes, folder: Path) -> None:
    """Read bytes as a recording, to its end; their number chooses its name."""
    path = folder / f"call{AUDIO_SUFFIXES[len(data) % len(AUDIO_SUFFIXES)]}"
    path.write_bytes(data)
    for opened in (
        partial(RecordedCall.from_stereo, path),
        partial(RecordedCall.from_stereo, path, (0, 0), mapped=True),
        partial(RecordedCall.from_mono, path, Speaker.AGENT),
    ):
        with mendable():
            _read_all(opened())


def raw(data: bytes, folder: Path) -> None:
    """Read bytes as samples without a header; the first line is what `--raw` says of them."""
    text, _, samples = data.partition(b"\n")
    path = folder / "call.raw"
    path.write_bytes(samples)
    with mendable():
        options = ReadOptions(parse_raw_format(os.fsdecode(text)))
        _read_all(RecordedCall.from_stereo(path, options=options))
        _read_all(RecordedCall.from_mono(path, Speaker.AGENT, options))


def _read_all(call: RecordedCall) -> None:
    for block in call.blocks():
        assert np.isfinite(block.samples).all()
    assert all(note.isprintable() for note in call.notes)
    assert call.duration_s >= 0.0


def log(data: bytes, folder: Path) -> None:
    """Read bytes as an event log, and make every view of it."""
    (folder / EVENT_LOG).write_bytes(data)
    with mendable():
        _views(reader.read_results(folder), folder)


def _views(found: Results, folder: Path) -> None:
    name = str(found.facts.get("call", "call"))
    again = [event_log.encode_header(**found.facts), *map(event_log.encode_event, found.events)]
    assert len(list(event_log.read_events(iter(again)))) == len(found.events)
    made = ResultsWriter(name, thresholds_from_header(found.facts), find_language("en"))
    for event in found.events:
        made.add_event(event)
    made.write_results(folder)
    for write in exports.EXPORT_FORMATS.values():
        write(found.events, name).encode()
    with mendable():
        report.write_report(found, report.recording_opener(found, [], None), "none")
    with mendable(), JournalStore(folder / "journal.sqlite3", create=True) as journal:
        added = fill.add_call_folder(journal, folder, words=True)
        journal.find_call(added.call.id)
    with mendable():
        if comparison.end_of(found.events) <= LONG_S * SAMPLE_RATE:
            a, b = (RuleSet("a", built_in_cues()), RuleSet("b", load_cues(OTHER_CUES)))
            seen = compare_call(found, a, b, Config())
            total = comparison.count_totals([(seen.a, seen.b, seen.changes)])
            laboratory_page([seen], total, a, b)


def toml(data: bytes, folder: Path) -> None:
    """Read bytes as a configuration, as cue rules, and as a scenario of a staged call."""
    path = folder / "scenario.toml"
    path.write_bytes(data)
    with mendable():
        found = load_config(path)
        assert config.parse_config(config.config_to_toml(found), "again") == found
    with mendable():
        rules = load_cues(path)
        catalogue.cue_catalogue_markdown(rules)
        call = reader.read_results(CORPUS / "log" / "call.jsonl")
        for event in comparison.replay_cues(call.events, rules, Config().cues):
            event_log.encode_event(event)
        comparison.rule_differences(rules, built_in_cues())
    with mendable(SystemExit):
        stage_call.load(path)


def json(data: bytes, folder: Path) -> None:
    """Read bytes as an agent's baseline, as a score card, and as survey answers."""
    path = folder / writer.CARD_JSON
    path.write_bytes(data)
    with mendable():
        learnt = baseline_file.read_baseline(path)
        assert learnt
        assert (
            baseline.parse_baseline(baseline.baseline_to_json(learnt), "again").calls
            == learnt.calls
        )
        learnt.with_call(learnt.signals)
    with mendable():
        fill.read_survey(None, None, None, "", path)
    with mendable():
        card = writer.read_score_card(folder)
        assert card
        scorecard.scorecard_markdown(card).encode()
        (folder / EVENT_LOG).write_bytes((CORPUS / "log" / "short.jsonl").read_bytes())
        report.write_report(reader.read_results(folder), None, "none")
        with JournalStore(folder / "journal.sqlite3", create=True) as journal:
            fill.add_call_folder(journal, folder, words=True)


@contextmanager
def record() -> Iterator[Read]:
    """Yield a reader that takes bytes as a live call's record and replays a recording with it."""
    models, rules = shipped_models(), built_in_cues()
    blocks = list(RecordedCall.from_stereo(CORPUS / "record" / "call.flac").blocks())
    build_engine(Config(), rules, models, transcribe=True)  # loading models reads other folders

    def read(data: bytes, folder: Path) -> None:
        (folder / INPUTS_FILE).write_bytes(data)
        with mendable():
            found = input_log.read_inputs(folder / INPUTS_FILE)
            engine = build_engine(Config(), rules, models, transcribe=found.has_words)
            for event in run_engine(found.merge_with_blocks(blocks), engine, found):
                event_log.encode_event(event)

    yield read


# --- servers --------------------------------------------------------------------------------


class Errors(logging.Handler):
    """Keeps log records that would be printed on the agent's terminal during a call."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.said.append(self.format(record))


class Served(NamedTuple):
    """The local web application, with every feature switched on."""

    feed: Feed
    host: str
    token: str


@contextmanager
def listening() -> Iterator[Read]:
    """Yield a reader that sends bytes to the local web application of a live call.

    The first line of the bytes selects the protocol.  `http` sends the rest raw, with {host},
    {path} (of the page) and {token} replaced by the true ones; `view` sends it after a WebSocket
    handshake.  The sender stays connected while others must still be served.
    """
    errors, feed = Errors(), Feed()
    logging.getLogger().addHandler(errors)
    hook, threading.excepthook = threading.excepthook, lambda e: errors.said.append(repr(e))
    routes = [*BrowserPage(feed).routes, metrics_route(LatencyStats())]
    try:
        with WebServer(feed, routes) as server:
            host, token = server.url_with_token.split("/")[2:4]
            served = Served(feed, host, token)

            def send(data: bytes, folder: Path) -> None:
                kind, _, body = data.partition(b"\n")
                with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
                    _send(served, kind, body, stack)
                    _others_are_served(served, tell=b"control" in body)
                if errors.said:
                    said = errors.said.pop()
                    errors.said.clear()
                    raise Failure(f"it wrote on the terminal: {said}")

            yield send
    finally:
        logging.getLogger().removeHandler(errors)
        threading.excepthook = hook


def _connect(served: Served) -> socket.socket:
    host, port = served.host.split(":")
    return socket.create_connection((host, int(port)), timeout=GONE_S)


def _handshake(served: Served) -> bytes:
    return (
        f"GET /{served.token}/live HTTP/1.1\r\n"
        f"Host: {served.host}\r\nOrigin: http://{served.host}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode()


def _send(served: Served, kind: bytes, body: bytes, stack: contextlib.ExitStack) -> None:
    sender = stack.enter_context(_connect(served))
    if kind == b"view":
        sender.sendall(_handshake(served))
        sender.recv(4096)
        sender.settimeout(NOTHING_S)
        sender.sendall(body)
    else:
        token = served.token.encode()
        for name, value in (("host", served.host.encode()), ("path", b"/%b/" % token)):
            body = body.replace(b"{%b}" % name.encode(), value)
        head, end, rest = body.replace(b"{token}", token).partition(b"\r\n\r\n")
        sender.settimeout(NOTHING_S)
        sender.sendall(head + end)
        if rest:
            with contextlib.suppress(TimeoutError):
                sender.recv(4096)
            sender.sendall(rest)
    with contextlib.suppress(TimeoutError):
        sender.recv(65_536)


def _others_are_served(served: Served, *, tell: bool) -> None:
    """Check that well-behaved clients are still served."""
    try:
        with _connect(served) as viewer:
            viewer.sendall(_handshake(served))
            received = b""
            while msgspec.json.encode(served.feed.newest.display) not in received:
                more = viewer.recv(65_536)
                if not more:
                    raise Failure(f"the page turns a viewer away: {received[:80]!r}")
                received += more
        if tell:
            served.feed.drain_actions()
            send_command("next")
            if not served.feed.drain_actions():
                raise Failure("`tell` is not heard")
    except (OSError, VoiceCoachError) as e:
        if "too many commands" not in str(e):
            raise Failure(f"others are no longer served: {e!r}") from e


# --- all targets ----------------------------------------------------------------------------


def _plain(read: Read) -> Callable[[], contextlib.AbstractContextManager[Read]]:
    def opened() -> contextlib.AbstractContextManager[Read]:
        return contextlib.nullcontext(read)

    return opened


TARGETS: Mapping[str, Target] = {
    "audio": Target(_plain(audio), input_mutations.bytes_, 45_000),
    "raw": Target(_plain(raw), input_mutations.bytes_, 5_000),
    "log": Target(_plain(log), input_mutations.lines, 5_000),
    "record": Target(record, input_mutations.lines, 3_000),
    "toml": Target(_plain(toml), input_mutations.toml, 15_000),
    "json": Target(_plain(json), input_mutations.json_, 35_000),
    "socket": Target(listening, input_mutations.bytes_, 3_000),
}


def seeds(name: str) -> dict[str, bytes]:
    """Return a target's seed inputs by name: good input, and inputs that failed before."""
    found = {
        path.name: path.read_bytes()
        for path in sorted((CORPUS / name).iterdir())
        if path.suffix != ".flac"
    }
    if name == "audio":
        found |= recordings()
    elif name == "toml":
        found["built-in cues"] = cues.BUILT_IN_CUES.data
        found["defaults"] = config.config_to_toml(Config()).encode()
    return found


def recordings() -> dict[str, bytes]:
    """Return short recordings in every format that can be read, and some in segments."""
    import io

    rng = np.random.default_rng(1)
    x = (0.1 * rng.standard_normal((1600, 2))).astype(np.float32)
    found = {}
    for kind, subtype in (
        ("WAV", "PCM_16"), ("WAV", "ULAW"), ("WAV", "FLOAT"), ("WAV", "MS_ADPCM"),
        ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"),
        ("AIFF", "PCM_16"), ("AU", "PCM_16"), ("W64", "PCM_16"), ("RF64", "PCM_16"),
        ("CAF", "PCM_16"),
    ):  # fmt: skip
        file = io.BytesIO()
        soundfile.write(file, x, 8000, subtype=subtype, format=kind)
        found[f"made {kind} {subtype}"] = file.getvalue()
    for name, encoding in encode.ENCODINGS.items():
        sound = np.ascontiguousarray(x.T[: encoding.channels])
        found[f"made {name}"] = encode.encode(sound, encoding)
    for name in ("made WAV PCM_16", "made FLAC PCM_16", "made OGG VORBIS", "made mp3", "made oga"):
        found[f"{name} twice"] = found[name] * 2
    return found


OTHER_CUES = CORPUS / "toml" / "cues.toml"
