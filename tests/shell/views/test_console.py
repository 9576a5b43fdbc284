"""The terminal view and the state it draws."""

import io
import os

import pytest
from msgspec.structs import replace
from rich.console import Console

from voicecoach.shell.runtime.stderr import print_to_stderr, stderr_silenced
from voicecoach.shell.views.console import TerminalView
from voicecoach.testing import (
    make_cue,
    make_tone,
    make_utterance,
    make_word,
    process_all,
    silence,
    stereo,
    syllables,
    vowel,
)
from voicecoach.types.events import (
    ChannelState,
    CueClosed,
    Degraded,
    Event,
    SpeechEnded,
    SpeechStarted,
    Utterance,
    Word,
)
from voicecoach.types.stream import SAMPLE_RATE, Speaker
from voicecoach.views.snapshot import Snapshot

A, C = Speaker.AGENT, Speaker.CUSTOMER


def word(index: int, text: str, committed: bool, utterance: int = 1) -> Word:
    return Word(
        at=SAMPLE_RATE,
        speaker=C,
        utterance=utterance,
        index=index,
        text=text,
        start=0,
        end=100,
        probability=0.9,
        committed=committed,
        final=False,
    )


def utterance(text: str, number: int = 1) -> Utterance:
    return make_utterance(text, utterance=number, start=SAMPLE_RATE, end=2 * SAMPLE_RATE)


def partial_texts(s: Snapshot, speaker: Speaker) -> tuple[str, str]:
    committed, tentative = (" ".join(w.text for w in some) for some in s.partial_words(speaker))
    return committed, tentative


CUE = make_cue(
    3 * SAMPLE_RATE,
    "slow-down",
    title="Slow down",
    message="6.1 syllables a second.",
    priority=2,
    held_s=2.0,
)
TONE = make_tone(SAMPLE_RATE, 0.42, 0.8, end=1)


def test_a_snapshot_holds_what_is_so_now() -> None:
    s = Snapshot()
    first: list[Event] = [
        SpeechStarted(at=1, speaker=C, start=0),
        word(0, "The", True),
        word(1, "lite", False),
        word(2, "is", False),
        word(1, "light", True),
        word(2, "", False),
        TONE,
        CUE,
    ]
    for event in first:
        s.add_event(event)
    assert s.speaking == {A: False, C: True}
    assert partial_texts(s, C) == ("The light", "")
    assert partial_texts(s, A) == ("", "")
    assert (s.tone, s.cue, s.cues_shown) == (TONE, CUE, 1)
    then: list[Event] = [
        utterance("The light is on"),
        SpeechEnded(at=2, speaker=C, start=0, end=2),
        CueClosed(at=4, id="slow-down", reason="behaviour stopped"),
    ]
    for event in then:
        s.add_event(event)
    assert partial_texts(s, C) == ("", "")
    assert [line.text for line in s.lines] == ["The light is on"]
    assert s.cue is None
    assert s.tone is TONE, "held in pauses"
    assert not s.speaking[C]


def test_a_snapshot_does_not_grow() -> None:
    s = Snapshot()
    for number in range(1, 200):
        s.add_event(word(0, "a", False, number))
        s.add_event(utterance("a" if number % 3 else "", number))
    assert len(s.lines) == 8
    assert partial_texts(s, C) == ("", "")


def drawn(events: list[Event], terminal: bool, width: int = 100) -> str:
    """Return what is on the screen after these events."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=width, height=30, color_system=None)
    with TerminalView(console, "call [bold]x[/]", 10.0) as view:
        for event in events:
            view.on_event(event)
            view.on_progress(event.at)
    text = file.getvalue()
    return text[text.rfind("call [bold]x[/]") :] if terminal else text


def test_the_terminal_shows_who_speaks_the_estimates_the_words_and_the_cue() -> None:
    events = process_all(stereo(syllables(140, 4, 10), silence(10)))[:-2]
    screen = drawn([*events, TONE, word(0, "tentative", False), utterance("Hello", 0), CUE], True)
    for text in ("agent", "customer", "calmness", "0.42", "80%", "pace", "usual", "tentative"):
        assert text in screen
    for text in ("Hello", "Slow down", "6.1 syllables a second.", "/ 0:10", "1 cue"):
        assert text in screen


def test_trouble_is_on_the_screen() -> None:
    screen = drawn(
        [
            Degraded(at=1, stage="transcription", reason="no model"),
            ChannelState(at=2, speaker=C, state="dead", reason="nothing on it so far"),
        ],
        True,
    )
    assert "transcription: no model" in screen
    assert "nothing heard" in screen


def test_without_a_terminal_each_utterance_and_cue_is_a_line() -> None:
    closed = CueClosed(at=5 * SAMPLE_RATE, id="slow-down", reason="behaviour stopped")
    text = drawn([TONE, utterance("Hello [red]there"), CUE, closed], False)
    assert text.splitlines() == [
        " 0:01 customer Hello [red]there",
        " 0:03 cue      Slow down. 6.1 syllables a second.",
        " 0:05 cue off  slow-down: behaviour stopped",
    ]


def test_doubtful_words_are_marked_and_the_mark_is_explained_once() -> None:
    lines = [("all is well", ()), ("a ship.", [1]), ("well, no.", [0])]
    said = [
        make_utterance(text, utterance=n, start=n * SAMPLE_RATE, end=n + 1, doubtful=doubtful)
        for n, (text, doubtful) in enumerate(lines)
    ]
    assert drawn([*said], False).splitlines() == [
        " 0:00 customer all is well",
        "(word?): may be misheard",
        " 0:01 customer a (ship?).",
        " 0:02 customer (well?), no.",
    ]
    partial = [make_word("my", 0, final=False), make_word("ship", 1, final=False, doubtful=True)]
    screen = drawn([*said, *(replace(word, utterance=9) for word in partial)], True)
    assert screen.count("(word?): may be misheard") == 1
    for text in ("a (ship?).", "(well?), no.", "my (ship?)"):
        assert text in screen


def test_what_is_said_stays_text() -> None:
    nasty = utterance("\x1b[31mred\x07 [link=x]y[/link] \u202e<b>")
    for terminal in (True, False):
        screen = drawn([nasty], terminal)
        assert "\x1b[31m" not in screen
        assert "\x07" not in screen
        assert "[link=x]y[/link]" in screen


def test_a_narrow_terminal_is_no_error() -> None:
    events = process_all(stereo(vowel(140, 3), silence(3)))
    assert drawn([*events, TONE, CUE, utterance("long " * 50)], True, width=30)


def test_a_line_of_ours_is_printed_while_libraries_are_silenced(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with stderr_silenced():
        with stderr_silenced():
            os.write(2, b"ALSA lib confmisc.c: cannot find card 0\n")
        print_to_stderr("Listening is paused")
        os.write(2, b"ALSA lib confmisc.c: cannot find card 0\n")
    os.write(2, b"and so on\n")
    assert capfd.readouterr().err == "Listening is paused\nand so on\n"
