"""Whatever is in a text that somebody else made, it stays text wherever it is shown or kept."""

import io
import json
import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
import srt  # type: ignore[import-untyped]
import webvtt
from hypothesis import given
from hypothesis import strategies as st
from praatio import textgrid  # type: ignore[import-untyped]
from rich.console import Console
from typer.testing import CliRunner

from tests.journal import entries
from tests.shell.report.test_report import left, some_call, some_card
from voicecoach.coaching.cue_engine import CueEngine
from voicecoach.coaching.cues import built_in_cues
from voicecoach.coaching.signal_catalogue import CUE_QUOTES, CUE_SIGNALS
from voicecoach.commands.app import app
from voicecoach.config import CuesConfig, TranscriptionConfig
from voicecoach.shell.asr.answering import TranscriptBuilder
from voicecoach.shell.asr.transcriber import TranscribedWord
from voicecoach.shell.report import page
from voicecoach.shell.runtime.stderr import print_to_stderr
from voicecoach.shell.views.console import TerminalView
from voicecoach.testing import ENGLISH, make_cue
from voicecoach.text_safety.sanitize import (
    MAX_MARKS,
    MAX_TEXT_CHARS,
    MAX_WORD_CHARS,
    clean_json,
    clean_text,
)
from voicecoach.types.events import (
    ChannelState,
    CueOpened,
    Degraded,
    TranscribeRequest,
    Utterance,
    Word,
)
from voicecoach.types.stream import SAMPLE_RATE, Speaker
from voicecoach.views import event_log, exports, report, scorecard, summary
from voicecoach.views.conversation import conversation
from voicecoach.views.display import make_display
from voicecoach.views.snapshot import Snapshot

A, C = Speaker.AGENT, Speaker.CUSTOMER
TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
HOSTILE = {
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "ends of html": "</script><!--]]>&lt;b&gt;&amp;{{data}}",
    "ansi": "\x1b[2J\x1b]0;owned\x07\x1b[31mred\x9b5m",
    "controls": "".join(map(chr, (*range(1, 32), *range(127, 160)))) + "end",
    "line ends": "one\ntwo\r\nthree\u2028four\u2029five\x0bsix\x0c",
    "nul": "a\0b",
    "direction": f"safe{TURNS}gpj.exe",
    "zero width": "pay\u200b\u200c\u200d\u2060\ufeff\u00adpal",
    "tags": "a\U000e0041\U000e0042b",
    "zalgo": "Z" + "\u0301\u0317\u0489" * 200 + "algo",
    "markdown": "[x](javascript:alert(1)) ![](http://x.invalid/a.png) **b** `c` ~~d~~ | e |",
    "arrow": "00:01.000 --> 00:02.000",
    "quotes": '"; text = "" "" \\" xmin = 0',
    "formula": "=cmd|' /C calc'!A1",
    "rich markup": "[red]x[/red][link=file:///etc/passwd]y[/link]",
    "template": "{0.__class__} {agitation!r} {} %s %(x)s ${HOME}",
    "right to left": "\u05e9\u05dc\u05d5\u05dd 123 <b>",
}
SURROGATE = "lone\ud800end"
each = pytest.mark.parametrize("text", [*HOSTILE.values(), SURROGATE], ids=[*HOSTILE, "surrogate"])
logged = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())


def harmless(text: str, *, lines: bool = True) -> bool:
    """Return whether nothing in a text steers a terminal or turns its direction."""
    kept = "\n" if lines else ""
    bad = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return all(c in kept or unicodedata.category(c) not in bad for c in text)


def test_what_is_hostile_is_hostile() -> None:
    assert not any(harmless(HOSTILE[name]) for name in ("ansi", "direction", "line ends", "tags"))


# --- the one rule ---------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=())), st.integers(1, 50))
def test_clean_text_is_harmless_bounded_and_stays_as_it_is(text: str, most: int) -> None:
    done = clean_text(text, most)
    assert harmless(done, lines=False)
    assert len(done) <= most
    assert clean_text(done, most) == done
    marks = "".join("x" if unicodedata.category(c) in ("Mn", "Me") else " " for c in done)
    assert max(map(len, marks.split()), default=0) <= MAX_MARKS


@pytest.mark.parametrize(
    "text",
    [
        "It's 5 o'clock.",
        "na\u00efve e\u0301te\u0301",
        "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd",
        "\u0645\u0631\u062d\u0628\u0627",
        "\u4f60\u597d\uff01",
        "Ti\u1ebfng Vi\u1ec7t",
        "\u0e17\u0e35\u0e48\u0e19\u0e35\u0e48",
        '<b> & "q" #12',
    ],
)
def test_what_is_only_text_stays_as_it_is(text: str) -> None:
    assert clean_text(text) == text


def test_all_texts_of_a_value_are_cleaned_and_nothing_else() -> None:
    value = {"a\0": ["\x1b[1m", 2.5, None, True], "b": {"c": "\u202e"}}
    assert clean_json(value) == {"a": ["[1m", 2.5, None, True], "b": {"c": ""}}


# --- where texts come in --------------------------------------------------------------------


def asked() -> TranscribeRequest:
    return TranscribeRequest(
        at=0, speaker=C, utterance=1, start=0, end=SAMPLE_RATE, careful=True, first=0
    )


@each
def test_a_recogniser_s_words_and_errors_are_cleaned(text: str) -> None:
    answerer = TranscriptBuilder(TranscriptionConfig(), ENGLISH.numbers)
    heard = [TranscribedWord(text * 20, 0.0, 0.5, 0.9), TranscribedWord("\u200b\0", 0.5, 0.6, 0.9)]
    (word,) = answerer.build_transcript(0, asked(), heard).words
    assert harmless(word.text, lines=False)
    assert 0 < len(word.text) <= MAX_WORD_CHARS


@logged
def test_a_log_s_texts_are_cleaned_on_their_way_out_and_in(text: str) -> None:
    cue = make_cue(0, text, title=text, message=text, say=text, evidence={text: text})
    degraded = Degraded(at=0, stage=text, reason=text * 2000)
    (opened, less) = event_log.read_events(iter(map(event_log.encode_event, (cue, degraded))))
    assert isinstance(opened, CueOpened)
    assert isinstance(less, Degraded)
    assert opened.message == clean_text(text)
    assert len(less.reason) <= MAX_TEXT_CHARS
    raw = json.dumps({"type": "degraded", "at_s": 0, "stage": text, "reason": text, "over": False})
    (read,) = event_log.read_events(iter([raw.encode()]))
    assert event_log.encode_event(read) == event_log.encode_event(
        msgspec.structs.replace(less, reason=text)
    )
    facts = event_log.parse_header(
        json.dumps({"type": "header", "schema": 3, "call": text}).encode()
    )
    assert facts["call"] == clean_text(text)


# --- where they are shown -------------------------------------------------------------------


def said(text: str) -> list[Word | Utterance | ChannelState | Degraded | CueOpened]:
    """Return what a view is told, the same text everywhere."""
    word = Word(
        at=1, speaker=C, utterance=2, index=0, text=text, start=0, end=1, probability=0.9,
        committed=False, final=False,
    )  # fmt: skip
    return [
        Utterance(at=1, speaker=A, utterance=1, start=0, end=1, text=text, words=1),
        word,
        msgspec.structs.replace(word, index=1, committed=True),
        ChannelState(at=1, speaker=A, state=text, reason=text),
        Degraded(at=1, stage=text, reason=text),
        make_cue(1, text, title=text, message=text, say=text),
    ]


@each
@pytest.mark.parametrize("terminal", [True, False])
def test_the_console_shows_text(text: str, terminal: bool) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=80, color_system=None)
    with TerminalView(console, text, 10.0) as view:
        for event in said(text):
            view.on_event(event)
        view.on_progress(SAMPLE_RATE)
    # What rich itself says to a terminal is known.
    shown = re.sub(r"\x1b\[(\?25[lh]|\d*[A-K]|2K|0?m)", "", out.getvalue()).replace("\r", "")
    assert harmless(shown)
    if text == HOSTILE["rich markup"]:
        assert "[red]x" in shown


@each
def test_a_line_for_a_person_is_one_line(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_to_stderr(text)
    assert harmless(capsys.readouterr().err.removesuffix("\n"), lines=False)


@each
def test_the_page_and_the_overlay_are_given_text(text: str) -> None:
    snapshot = Snapshot()
    for event in said(text):
        snapshot.add_event(event)
    shown = make_display(snapshot, "listening")
    own = shown.card and msgspec.structs.replace(shown.card, id="")
    told = msgspec.to_builtins(msgspec.structs.replace(shown, card=own))
    assert all(harmless(each, lines=False) for each in texts(told))


def texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner)


PANEL = """
import json, sys
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from voicecoach.views.display import CardDisplay, ChannelMeter, Display, NewestLine, ValueBar
from voicecoach.types.stream import SPEAKERS
app = QApplication(["panel", "-platform", "offscreen"])
from voicecoach.shell.views.overlay.panel import OverlayPanel
panel = OverlayPanel()
for text in json.loads(sys.argv[1]):
    bar = ValueBar(text, 0.5, 0.5, text, text)
    channels = tuple(ChannelMeter(s, True, 3, text, text) for s in SPEAKERS)
    card = CardDisplay("id", 0, text, text, text, None)
    line = NewestLine(SPEAKERS[0], text, text)
    panel.set_display(Display("listening", channels, False, card, bar, bar, line, text), False)
    labels = panel.findChildren(QLabel)
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in labels)
    assert sum(text in label.text() for label in labels) > 8, text
    ours = {"", "Quit", "The customer declines: keep nothing of this call"}
    for tip in {each.toolTip() for each in panel.findChildren(QWidget)} - ours:
        document = QTextDocument()
        document.setHtml(tip) if tip.startswith("<") else document.setPlainText(tip)
        plain = document.toPlainText()
        assert " ".join(plain.split()) == " ".join(text.split()), (text, plain)
print("all text")
"""


def test_the_overlay_shows_text_in_its_tooltips_too() -> None:
    safe = [clean_text(text) for text in HOSTILE.values()]
    done = subprocess.run(
        [sys.executable, "-c", PANEL, json.dumps(safe)],
        env=dict(os.environ), capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.stdout.strip() == "all text", done.stderr


# --- what is written ------------------------------------------------------------------------


class Tags(HTMLParser):
    """The tags in what a Markdown reader would pass through."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.found.append(tag)


@each
def test_markdown_is_text(text: str) -> None:
    summarizer = summary.Summarizer(text)
    for event in some_call(text=clean_text(text)):
        summarizer.add_event(event)
    for event in said(text):
        summarizer.add_event(event)
    for made in (
        summary.summary_markdown(summarizer.finish()),
        scorecard.scorecard_markdown(some_card(text)),
    ):
        assert harmless(made)
        # Nothing that is markup stands there without a stroke before it.
        bare = re.sub(r"\\[\\`*_\[\]<>#|&~]", "", made)
        assert "](" not in bare
        assert "![" not in bare
        assert "~~" not in bare
        assert not Tags(bare).found


@logged
def test_the_exports_are_read_back_as_text(text: str, tmp_path: Path) -> None:
    log = left(tmp_path, some_call(text=text), name=text)
    made = {
        kind: write(log.events, clean_text(text)) for kind, write in exports.EXPORT_FORMATS.items()
    }
    assert all(harmless(x) for x in made.values())
    wanted = len([u for u in conversation(log.events) if u.text])
    assert len(webvtt.from_buffer(io.StringIO(made["vtt"]))) == wanted
    assert len(list(srt.parse(made["srt"]))) == wanted
    grid = tmp_path / "call.TextGrid"
    grid.write_text(made["textgrid"], "utf-8")
    assert len(textgrid.openTextgrid(str(grid), includeEmptyIntervals=True).tierNames) == 9
    assert all(len(line.split()) == 10 for line in made["rttm"].splitlines())
    assert all(json.loads(line) for line in made["jsonl"].splitlines())


@logged
def test_the_report_s_data_ends_where_it_ends(text: str, tmp_path: Path) -> None:
    log = left(tmp_path, some_call(text=text), name=text)
    html = page.report_page(
        report.make_report(log.facts, log.events, some_card(text)), None
    ).decode()
    (data,) = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.S)
    assert json.loads(data)["report"]["call"] == clean_text(text)
    assert html.count("<script") == 1 + len(page.SCRIPTS)


@logged
def test_the_commands_print_text(text: str, tmp_path: Path) -> None:
    log = left(tmp_path / "call", some_call(text=text), some_card(text), name=text)
    entries.scored(tmp_path / "call", call=text)
    journal = tmp_path / "journal.db"
    folder = str(log.path.parent)
    for command in (
        ["score", folder],
        ["journal", "add", folder, "--words", "--journal", str(journal)],
        ["journal", "list", "--journal", str(journal)],
        ["journal", "note", "c", text.replace("\0", ""), "--journal", str(journal)],
        ["journal", "show", "c", "--journal", str(journal)],
        ["journal", "trends", str(tmp_path / "trends.html"), "--journal", str(journal)],
        ["export", folder, "--format", "all"],
    ):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, (command, done.output)
        assert harmless(done.output), command
    found: set[str] = set()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: found.add(tag)  # type: ignore[method-assign]
    parser.feed((tmp_path / "trends.html").read_text("utf-8"))
    assert {"svg", "table"} <= found
    assert not found & {"script", "img", "iframe", "a", "b"}


@each
def test_devices_are_listed_as_text(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from voicecoach.shell.apps import built_in

    class Machine:
        def sources(self) -> list[object]:
            return [msgspec.defstruct("Source", ["kind", "name", "label"])("input", text, text)]

    monkeypatch.setattr(built_in, "choose_backend", Machine)
    monkeypatch.setattr("voicecoach.shell.capture.ears.pick_source", lambda *_: None)
    done = CliRunner().invoke(app, ["devices"])
    assert done.exit_code == 0, done.output
    assert harmless(done.output)


@each
def test_a_quote_is_never_taken_for_a_template(text: str) -> None:
    """What is filled into a message is not looked at again."""
    rule = built_in_cues()
    quoting = next(cue for cue in rule if "hard_said" in cue.placeholders())
    engine = CueEngine((quoting,), CuesConfig())
    signals = dict.fromkeys(CUE_SIGNALS, float("nan"))
    for condition in quoting.rule[0].when:
        signals[condition.signal] = condition.value
    quotes = dict.fromkeys(CUE_QUOTES, text)
    opened = [
        event
        for at in range(0, 60 * SAMPLE_RATE, SAMPLE_RATE // 2)
        for event in engine.decide(at, signals, quotes, {})
        if isinstance(event, CueOpened)
    ]
    assert opened
    assert text in opened[0].message + opened[0].say
