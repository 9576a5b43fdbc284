"""What is on the screen in a live call, and the feed between it and the session."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from voicecoach.config import Config, override_config
from voicecoach.shell.runtime.feed import (
    MAX_QUEUED_ACTIONS,
    Feed,
    MarkCue,
    QuitProgram,
    ToggleListening,
)
from voicecoach.testing import (
    make_cue,
    make_tone,
    make_utterance,
    make_word,
    process_all,
    silence,
    stereo,
    syllables,
)
from voicecoach.types.events import (
    ChannelState,
    CueFeedback,
    Degraded,
    Event,
    Listening,
    SpeechStarted,
)
from voicecoach.types.stream import HOP, Block, Speaker
from voicecoach.views.display import Display, make_display
from voicecoach.views.snapshot import Snapshot

A, C = Speaker.AGENT, Speaker.CUSTOMER
CUE = make_cue(
    100,
    "soften",
    title="Soften",
    message="You said <b>must</b>.\x1b[31m",
    say="What I can do is",
    priority=2,
)
TONE = make_tone(1, 0.7449, 0.78, evidence=("sharper",))


def shown(*events: Event) -> Display:
    snapshot = Snapshot()
    for event in events:
        snapshot.add_event(event)
    return make_display(snapshot, "listening")


def test_it_is_empty_before_anything_is_known() -> None:
    assert shown() == Display(state="listening")


def test_the_cue_is_text_whatever_is_in_it() -> None:
    card = shown(CUE).card
    assert card
    assert (card.id, card.start, card.title, card.say) == ("soften", 100, *("Soften", CUE.say))
    assert "<b>must</b>" in card.evidence
    assert "\x1b" not in card.evidence


def test_a_mark_is_of_the_cue_it_was_meant_for() -> None:
    for start, helpful in ((100, True), (99, None)):
        card = shown(CUE, CueFeedback(at=110, id="soften", start=start, helpful=True)).card
        assert card
        assert card.helpful is helpful


def test_the_estimate_has_its_confidence_and_what_speaks_for_it() -> None:
    bar = shown(TONE).agitation
    assert (bar.value, bar.text, bar.note) == (0.74, "0.74, 80% sure", "sharper")


def test_what_the_eye_cannot_tell_apart_is_not_drawn_again() -> None:
    near = make_tone(9, 0.7401, 0.8, evidence=("sharper",))
    assert shown(TONE) == shown(TONE, near)


@pytest.mark.parametrize(
    ("level_dbfs", "meter"), [(6.0, 20), (0.0, 20), (-30.0, 10), (-60.0, 0), (-99.0, 0)]
)
def test_a_meter_has_steps_of_3_db(level_dbfs: float, meter: int) -> None:
    snapshot = Snapshot()
    samples = np.full((2, HOP), 10 ** (level_dbfs / 20), np.float32)
    snapshot.set_levels(Block(0, samples))
    assert [c.level for c in make_display(snapshot, "listening").channels] == [meter, meter]


def test_both_speak_where_both_do() -> None:
    assert not shown(SpeechStarted(at=1, speaker=A, start=0)).overlap
    both = shown(*(SpeechStarted(at=1, speaker=s, start=0) for s in (A, C)))
    assert both.overlap
    assert all(channel.speaking for channel in both.channels)


def test_trouble_is_in_words() -> None:
    seen = shown(
        ChannelState(at=1, speaker=C, state="lost", reason="the headset went away"),
        Degraded(at=2, stage="transcription", reason="slow"),
        Degraded(at=3, stage="log", reason="the disk is full"),
        Degraded(at=4, stage="transcription", reason="in time", over=True),
    )
    assert (seen.channels[1].state, seen.channels[1].problem) == (
        "no audio",
        "No audio from the customer: the headset went away",
    )
    assert seen.notice == "log: the disk is full"


def test_the_last_words_are_of_who_speaks() -> None:
    said = make_utterance(" ".join(str(i) for i in range(20)), speaker=A, end=9)
    line = shown(said).line
    assert line
    assert line.text.split() == [str(i) for i in range(20)][8:]
    line = shown(
        said, make_word("hello", 0, final=False), make_word("the", 1, committed=False, final=False)
    ).line
    assert line
    assert (line.speaker, line.text, line.tentative) == (C, "hello", "the")


def test_the_agents_bar_is_calmness_and_with_the_eu_profile_pace() -> None:
    sound = stereo(syllables(140, 4, 14), silence(14))
    for profile, label in (("standard", "Your calmness"), ("eu", "Your pace")):
        events = process_all(sound, config=override_config(Config(), "privacy.profile", profile))
        bar = shown(*events).delivery
        assert bar.label == label
        assert bar.value is not None
        if profile == "eu":
            assert "syl/s (usual" in bar.text
            assert 0.3 < bar.value < 0.7


def test_the_feed_keeps_the_newest_and_wakes_once_for_each() -> None:
    feed, woken = Feed(), list[int]()
    feed.on_change = lambda: woken.append(1)
    first = shown(TONE)
    feed.publish(first, 1.0)
    feed.publish(shown(TONE), 2.0)
    assert feed.newest.display is first
    assert feed.newest.sound_time == 1.0
    assert len(woken) == 1


def test_wishes_come_in_their_order_and_do_not_pile_up() -> None:
    feed = Feed()
    threads = [
        threading.Thread(target=feed.post_action, args=(ToggleListening(),)) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    feed.post_action(MarkCue("soften", 1, helpful=True))
    assert feed.drain_actions() == [*[ToggleListening()] * 5, MarkCue("soften", 1, helpful=True)]
    assert feed.drain_actions() == []
    for _ in range(2 * MAX_QUEUED_ACTIONS):
        feed.post_action(QuitProgram())
    assert len(feed.drain_actions()) == MAX_QUEUED_ACTIONS


def test_a_pause_is_a_state_of_the_snapshot() -> None:
    snapshot = Snapshot()
    snapshot.add_event(Listening(at=1, on=False))
    assert not snapshot.listening


def test_the_newest_line_marks_doubtful_words_and_says_what_the_mark_means() -> None:
    words = ["my", "ship", "is", *["so"] * 9, "late"]
    final = make_utterance(" ".join(words), end=2, doubtful=[0, 1, 12])
    for heard in (
        [final],
        [make_word(text, i, final=False, doubtful=i in (0, 1, 12)) for i, text in enumerate(words)],
    ):
        line = shown(*heard).line
        assert line
        assert line.text == f"(ship?) is {'so ' * 9}(late?)"
        assert line.note == "(word?): may be misheard"
    partial = make_word("ship", 0, committed=False, final=False, doubtful=True)
    line = shown(partial).line
    assert line
    assert (line.text, line.tentative, line.note) == ("", "(ship?)", "(word?): may be misheard")
    line = shown(make_utterance("all is well", end=2)).line
    assert line
    assert (line.text, line.note) == ("all is well", "")
