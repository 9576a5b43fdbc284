"""What is written for other tools is what their own readers read."""

import html
import io
import json
import unicodedata
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import srt  # type: ignore[import-untyped]
import webvtt
from hypothesis import assume, example, given
from hypothesis import strategies as st
from praatio import textgrid  # type: ignore[import-untyped]
from pyannote.database.util import load_rttm
from typer.testing import CliRunner

from voicecoach.commands.app import app
from voicecoach.testing import make_cue, make_utterance, make_word
from voicecoach.types.events import (
    CueClosed,
    CueHeldBack,
    DialogueAct,
    Ended,
    Event,
    Overlap,
    SpeechEnded,
    Utterance,
    Word,
)
from voicecoach.types.stream import SAMPLE_RATE, Speaker
from voicecoach.views import event_log, exports

A, C = Speaker.AGENT, Speaker.CUSTOMER
SECOND = SAMPLE_RATE
TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "a --> b",
            "00:00:01.000 --> 00:00:02.000",
            "<b>bold</b> & <v other>",
            'say "no", ""twice""',
            "first\n\nsecond\r\n3",
            "{\\an8}",
            "WEBVTT\n\nNOTE x",
            "שלום \u202eabc\u202c عالم",
            "\u2028\u2029\x00\x85",
            "&lt;b&gt; &amp;amp;",
            "long " * 2000,
        ]
    ),
)
SPEAKERS = st.sampled_from([A, C])
TIMES = st.integers(0, 20 * SECOND)
SPANS = st.lists(st.tuples(SPEAKERS, TIMES, st.integers(0, 5 * SECOND), TEXTS), max_size=8)


def call(spans: list[tuple[Speaker, int, int, str]], end: int = 25 * SECOND) -> list[Event]:
    """Return a call whose utterances are spans of one word for each word of their text."""
    events: list[Event] = []
    for number, (speaker, start, length, text) in enumerate(spans, 1):
        texts = text.split()[:20]
        for i, word in enumerate(texts):
            first, last = (start + length * k // len(texts) for k in (i, i + 1))
            events.append(
                Word(
                    at=end, speaker=speaker, utterance=number, index=i, text=word, start=first,
                    end=last, probability=0.5, committed=True, final=True,
                )
            )  # fmt: skip
        events.append(
            make_utterance(
                text, at=end, speaker=speaker, utterance=number, start=start, end=start + length
            )
        )
        events.append(SpeechEnded(at=end, speaker=speaker, start=start, end=start + length))
    return [*events, Ended(at=end, end=end)]


def plain(text: str) -> str:
    """Return a text as one line that a screen can show, found another way than the writers do."""
    steering = {"Cc", "Zl", "Zp"}
    out = "".join(" " if unicodedata.category(c) in steering else c for c in text)
    seen = "".join(c for c in out if unicodedata.category(c) not in ("Cf", "Cs"))
    return " ".join(seen.split())


def spoken(spans: list[tuple[Speaker, int, int, str]]) -> list[tuple[str, int, str]]:
    """Return what transcripts hold: speaker, start in milliseconds, text."""
    ordered = sorted(spans, key=lambda s: (s[1], s[0].row))
    return [(who, start // 16, plain(text)) for who, start, _, text in ordered if plain(text)]


HOSTILE = '<b>x</b> --> {y} & "z"\n\nNOTE \u202e'


@given(SPANS, st.text(max_size=10))
@example([(A, 0, 0, HOSTILE), (C, 0, SECOND, HOSTILE)], "--> \n\n1")
def test_webvtt_is_read_back(spans: list[tuple[Speaker, int, int, str]], name: str) -> None:
    text = exports.vtt(call(spans), name)
    read = webvtt.from_buffer(io.StringIO(text))
    found = []
    for i, caption in enumerate(read.captions, 1):
        assert caption.identifier == str(i)
        assert caption.end_in_seconds >= caption.start_in_seconds
        assert caption.end != caption.start
        assert len(caption.start) == len("00:00:00.000")
        start = caption.start_time
        ms = ((start.hours * 60 + start.minutes) * 60 + start.seconds) * 1000 + start.milliseconds
        found.append((caption.voice, ms, html.unescape(caption.text)))
    assert found == spoken(spans)
    assert text.startswith("WEBVTT\n\n")
    assert "\n\n\n" not in text


@given(SPANS)
@example([(A, 0, 0, HOSTILE), (C, 0, SECOND, HOSTILE)])
def test_subrip_is_read_back_and_holds_no_markup(
    spans: list[tuple[Speaker, int, int, str]],
) -> None:
    text = exports.srt(call(spans), "x")
    read = list(srt.parse(text))
    assert [s.index for s in read] == list(range(1, len(read) + 1))
    turned = str.maketrans("<>{}", "\u2039\u203a()")
    assert [(s.content, round(s.start.total_seconds() * 1000)) for s in read] == [
        (f"{who}: {said.translate(turned)}", ms) for who, ms, said in spoken(spans)
    ]
    assert all(s.end > s.start for s in read)
    assert not set("<{}") & set(text)


@given(SPANS, st.lists(st.tuples(TIMES, TEXTS), max_size=4))
@example([(A, 0, 0, HOSTILE), (A, 0, 0, "b"), (A, 20 * SECOND, 9 * SECOND, "c")], [(5, '"')])
def test_a_textgrid_is_read_back_whole(
    spans: list[tuple[Speaker, int, int, str]], held: list[tuple[int, str]]
) -> None:
    # praatio itself looks for this wherever it stands.
    assume("item[" not in repr((spans, held)).replace(" ", ""))
    events = [CueHeldBack(at=at, id="x", reason=why) for at, why in held] + call(spans)
    end = max([25 * SECOND, *(start + length for _, start, length, _ in spans)]) / SAMPLE_RATE
    grid = opened(exports.textgrid(events, "x"))
    assert grid.maxTimestamp == end
    assert grid.tierNames == (
        "agent utterances", "customer utterances", "agent words", "customer words",
        "agent speech", "customer speech", "overlaps", "cues", "cues held back",
    )  # fmt: skip
    for name in grid.tierNames[:-1]:
        entries = grid.getTier(name).entries
        assert (entries[0].start, entries[-1].end) == (0, end)
        for one, other in pairwise(entries):
            assert one.end == other.start
        assert all(e.start < e.end for e in entries)
    for speaker in (A, C):
        own = [plain(text) for who, _, text in spoken(spans) if who == speaker]
        labels = [e.label for e in grid.getTier(f"{speaker} utterances").entries if e.label]
        # What finds no room is said with what is there, so no word is lost.
        assert sorted(" ".join(labels).split()) == sorted(" ".join(own).split())
    points = grid.getTier("cues held back").entries
    times = [at / SAMPLE_RATE for at, _ in held]
    assert [p.time for p in points] == sorted(set(times))
    assert len(";".join(p.label for p in points)) >= sum(len(plain(why)) for _, why in held)


def opened(text: str) -> textgrid.Textgrid:
    """Return a TextGrid as praatio reads it, which wants a file."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.TextGrid"
        path.write_text(text, "utf-8", newline="\n")
        return textgrid.openTextgrid(str(path), includeEmptyIntervals=True)


def test_praat_itself_reads_a_textgrid(tmp_path: Path) -> None:
    praat = pytest.importorskip("parselmouth")
    path = tmp_path / "x.TextGrid"
    path.write_text(exports.textgrid(staged(), 'a "call"'), "utf-8")
    grid = praat.Data.read(str(path))
    assert grid.class_name == "TextGrid"
    assert praat.praat.call(grid, "Get number of tiers") == 9
    assert praat.praat.call(grid, "Get number of intervals", 1) == 3
    assert praat.praat.call(grid, "Get label of interval", 1, 2) == 'I can\'t "help"'
    assert praat.praat.call(grid, "Get label of interval", 8, 2) == "soften: A door closed."
    assert praat.praat.call(grid, "Get number of points", 9) == 1


@given(SPANS, st.text(max_size=12))
def test_rttm_has_ten_fields_whatever_the_call_is_called(
    spans: list[tuple[Speaker, int, int, str]], name: str
) -> None:
    lines = exports.rttm(call(spans), name).split("\n")[:-1]
    rows = [line.split() for line in lines]
    assert all(len(row) == 10 for row in rows)
    assert len({row[1] for row in rows}) <= 1
    found = [(row[7], float(row[3]), float(row[4]), row[2]) for row in rows]
    truth = sorted((s for s in spans if s[2]), key=lambda s: (s[1], s[0].row))
    assert [row[::3] for row in found] == [(who, str(who.row + 1)) for who, _, _, _ in truth]
    for (_, start_s, length_s, _), (_, start, length, _) in zip(found, truth, strict=True):
        assert abs(start_s - start / SAMPLE_RATE) <= 6e-4
        assert abs(length_s - length / SAMPLE_RATE) <= 6e-4


def test_pyannote_reads_rttm(tmp_path: Path) -> None:
    path = tmp_path / "x.rttm"
    path.write_text(exports.rttm(staged(), "A call: 1"), "utf-8")
    found = load_rttm(path)["A_call:_1"]
    assert [(who, part.start, part.duration) for part, _, who in found.itertracks(True)] == [
        ("agent", 1.0, 2.0),
        ("customer", 2.5, 1.5),
    ]


@given(SPANS, st.text(max_size=12))
def test_json_lines_are_an_utterance_each(
    spans: list[tuple[Speaker, int, int, str]], name: str
) -> None:
    rows: list[dict[str, Any]] = list(
        map(json.loads, exports.jsonl(call(spans), name).split("\n")[:-1])
    )
    truth = sorted(spans, key=lambda s: (s[1], s[0].row))
    assert [(r["speaker"], r["start_s"], r["text"], r["call"]) for r in rows] == [
        (who, start / SAMPLE_RATE, text, name) for who, start, _, text in truth
    ]
    for row, (_, _, _, text) in zip(rows, truth, strict=True):
        assert [w["text"] for w in row["words"]] == text.split()[:20]


def staged() -> list[Event]:
    """Return a call with a bit of everything."""
    spans = [(A, SECOND, 2 * SECOND, 'I can\'t "help"'), (C, 5 * SECOND // 2, 24000, "Что?")]
    move = DialogueAct(
        at=4 * SECOND, speaker=A, start=SECOND, end=2 * SECOND, kind="hard", text="i can't",
        instead="I can",
    )  # fmt: skip
    card = make_cue(4 * SECOND, "soften", title="Soften", message="A door closed.", priority=3)
    return [
        *call(spans)[:-1],
        move,
        Overlap(at=4 * SECOND, by=C, start=5 * SECOND // 2, end=3 * SECOND, backchannel=False),
        CueHeldBack(at=3 * SECOND, id="acknowledge", reason="min_gap"),
        card,
        CueClosed(at=6 * SECOND, id="soften", reason="behaviour stopped"),
        Ended(at=10 * SECOND, end=10 * SECOND),
    ]


def test_moves_are_with_the_utterance_they_were_made_in() -> None:
    rows = list(map(json.loads, exports.jsonl(staged(), "x").splitlines()))
    assert [[move["kind"] for move in row["moves"]] for row in rows] == [["hard"], []]


def test_withdrawn_words_and_earlier_hypotheses_are_not_there() -> None:
    events = call([(A, 0, SECOND, "one two")])
    early = Word(
        at=0, speaker=A, utterance=1, index=5, text="six", start=0, end=9, probability=0.1,
        committed=False, final=False,
    )  # fmt: skip
    rows = json.loads(exports.jsonl([early, *events], "x"))
    assert [word["text"] for word in rows["words"]] == ["one", "two"]


def test_a_long_call_has_hours_and_times_never_turn_back() -> None:
    spans = [(A, 3 * 3600 * SECOND + n * 8, 8, "a") for n in range(5)]
    events = call(spans, 4 * 3600 * SECOND)
    assert "03:00:00.000 --> 03:00:00.001" in exports.vtt(events, "x")
    read = webvtt.from_buffer(io.StringIO(exports.vtt(events, "x")))
    assert all(c.end_in_seconds >= c.start_in_seconds and c.start < c.end for c in read.captions)


# --- the command ----------------------------------------------------------------------------


def kept(folder: Path, events: list[Event]) -> Path:
    """Return the results folder of a call."""
    folder.mkdir(parents=True)
    lines = [event_log.encode_header(call="A call"), *map(event_log.encode_event, events)]
    (folder / "events.jsonl").write_bytes(b"".join(lines))
    return folder


def invoke(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["export", *map(str, arguments)])
    return done.exit_code, done.output


def test_all_formats_of_all_calls_are_written(tmp_path: Path) -> None:
    one, two = kept(tmp_path / "one" / "call.1", staged()), kept(tmp_path / "two" / "call.1", [])
    code, text = invoke(one, two / "events.jsonl", "--out", tmp_path / "out")
    assert code == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    suffixes = ["vtt", "srt", "TextGrid", "rttm", "jsonl"]
    assert names == {f"{call}.{s}" for call in ("call.1", "call.1-2") for s in suffixes}
    assert text.count("the call has no words") == 1
    assert (tmp_path / "out" / "call.1-2.vtt").read_text() == "WEBVTT\n\nNOTE A call\n"
    assert (tmp_path / "out" / "call.1-2.srt").read_text() == ""
    assert opened((tmp_path / "out" / "call.1-2.TextGrid").read_text()).maxTimestamp > 0


def test_without_words_speech_is_still_there(tmp_path: Path) -> None:
    quiet = [event for event in staged() if not isinstance(event, Word | Utterance)]
    folder = kept(tmp_path / "call", quiet)
    assert invoke(folder, "--format", "rttm")[1].count("no words") == 0
    assert len((folder / "call.rttm").read_text().splitlines()) == 2
    grid = opened(exports.textgrid(quiet, "x"))
    assert [e.label for e in grid.getTier("agent speech").entries] == ["", "agent", ""]


def test_a_bad_log_is_said_and_the_others_are_written(tmp_path: Path) -> None:
    good = kept(tmp_path / "good", staged())
    code, text = invoke(tmp_path / "none", good, "--format", "vtt", "--out", tmp_path / "out")
    assert code == 2
    assert "cannot read an event log there" in text
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.vtt"]
    code, text = invoke(good, "--out", good / "events.jsonl")
    assert code
    assert invoke(good, "--format", "docx")[0] == 2


def test_each_format_shows_doubtful_words_in_its_own_way() -> None:
    words = [make_word(text, i, doubtful=i == 1) for i, text in enumerate(["the", "ship.", "is"])]
    told: list[Event] = [
        *words,
        make_utterance("the ship. is", end=SECOND, doubtful=[1]),
        Ended(at=SECOND, end=SECOND),
    ]
    captions, subtitles, grid, rows = (
        exports.EXPORT_FORMATS[name](told, "call") for name in ("vtt", "srt", "textgrid", "jsonl")
    )
    assert "<v customer>the (ship?). is</v>" in captions
    assert captions.count("NOTE (word?): may be misheard\n\n") == 1
    assert "customer: the (ship?). is" in subtitles
    assert '"the (ship?). is"' in grid
    assert '"ship."' in grid, "labels of words are the words, which programs align"
    row = json.loads(rows)
    assert row["text"] == "the ship. is"
    assert [word["doubtful"] for word in row["words"]] == [False, True, False]
    assert "NOTE (word?)" not in exports.vtt([make_utterance("a", end=1)], "call")
