"""What the engine takes beside blocks: a lost device, a marked cue, a pause."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecoach.config import Config
from voicecoach.engine import Engine
from voicecoach.shell.asr.answering import LiveAsr, ReplayAsr
from voicecoach.shell.asr.loop import run_engine
from voicecoach.shell.asr.transcriber import TranscribedWord
from voicecoach.testing import (
    ENGLISH,
    cut_blocks,
    make_engine,
    silence,
    stereo,
    syllables,
    whole_hops,
)
from voicecoach.types.events import (
    ChannelState,
    CueClosed,
    CueFeedback,
    CueHeldBack,
    CueOpened,
    CueOutcome,
    Event,
    InputItem,
    Listening,
    SignalChanges,
    TranscribeRequest,
    Utterance,
    Word,
)
from voicecoach.types.stream import F32, HOP, Block, Speaker

A, C = Speaker.AGENT, Speaker.CUSTOMER


def rushing() -> F32:
    """Return an agent who speaks a third faster after a while."""
    slow, fast = syllables(140, 3, 14), syllables(140, 5.5, 12)
    both = np.concatenate([slow, silence(1), fast])
    return stereo(both, silence(len(both) / 16000))


def play(e: Engine, samples: F32, items: Sequence[InputItem], size: int = 4) -> list[Event]:
    """Return the events of blocks with items between them, each before the first at its time."""
    events: list[Event] = []
    waiting = sorted(items, key=lambda item: item.at)  # type: ignore[union-attr]
    for block in cut_blocks(samples, (size,)):
        while waiting and waiting[0].at < block.end:  # type: ignore[union-attr]
            events += e.process(waiting.pop(0))
        events += e.process(block)
    return events + e.finish()


def opened(events: list[Event]) -> list[CueOpened]:
    return [event for event in events if isinstance(event, CueOpened)]


def test_a_cue_that_is_marked_wrong_leaves_and_one_that_helped_stays() -> None:
    cue = opened(play(make_engine(), rushing(), []))[0]
    for helpful in (True, False):
        mark = CueFeedback(at=cue.at + HOP, id=cue.id, start=cue.at, helpful=helpful)
        events = play(make_engine(), rushing(), [mark])
        assert CueFeedback(at=mark.at, id=cue.id, start=cue.at, helpful=helpful) in events
        closed = next(event for event in events if isinstance(event, CueClosed))
        assert (closed.reason == "marked wrong") is not helpful
        assert (closed.at == mark.at) is not helpful


@pytest.mark.parametrize(("id", "start"), [("", -HOP), ("", 10**27), ("x", 0)])
def test_a_mark_of_a_cue_that_was_not_shown_is_no_event(id: str, start: int) -> None:
    cue = opened(play(make_engine(), rushing(), []))[0]
    mark = CueFeedback(at=cue.at + HOP, id=id or cue.id, start=cue.at + start, helpful=False)
    assert play(make_engine(), rushing(), [mark]) == play(make_engine(), rushing(), [])


def test_a_cue_that_has_left_may_be_marked() -> None:
    cue = opened(play(make_engine(), rushing(), []))[0]
    marks: list[InputItem] = [
        CueFeedback(at=cue.at + hops * HOP, id=cue.id, start=cue.at, helpful=hops > 1)
        for hops in (1, 3)
    ]
    events = play(make_engine(), rushing(), marks)
    assert [e for e in events if isinstance(e, CueFeedback)] == marks


def test_a_lost_device_holds_back_what_needs_it_until_it_is_there_again() -> None:
    lost = ChannelState(at=whole_hops(2), speaker=A, state="lost", reason="unplugged")
    events = play(make_engine(), rushing(), [lost])
    assert lost in events
    assert not opened(events)
    held = [event for event in events if isinstance(event, CueHeldBack)]
    assert "agent channel lost" in {event.reason for event in held}
    again = ChannelState(at=whole_hops(4), speaker=A, state="ok", reason="")
    events = play(make_engine(), rushing(), [lost, again])
    assert [e.reason for e in events if isinstance(e, ChannelState)][:2] == [
        "unplugged",
        "it is back",
    ]
    assert opened(events)


def test_a_lost_device_takes_its_cue_off_the_screen() -> None:
    cue = opened(play(make_engine(), rushing(), []))[0]
    lost = ChannelState(at=cue.at + HOP, speaker=A, state="lost", reason="unplugged")
    closed = [e for e in play(make_engine(), rushing(), [lost]) if isinstance(e, CueClosed)]
    assert closed[0].reason == "agent channel lost"


@given(st.lists(st.integers(0, 26 * 62), max_size=6), st.sampled_from([1, 3, 16, 64]))
@settings(max_examples=10)
def test_items_take_effect_at_their_time_however_blocks_are_cut(
    times: list[int], size: int
) -> None:
    kinds: list[type[InputItem]] = [Listening, ChannelState, CueFeedback]
    items: list[InputItem] = []
    for i, hop in enumerate(sorted(times)):
        match kinds[i % 3].__name__:
            case "Listening":
                items.append(Listening(at=hop * HOP, on=bool(i % 2)))
            case "ChannelState":
                state = "lost" if i % 2 else "ok"
                items.append(ChannelState(at=hop * HOP, speaker=A, state=state, reason="r"))
            case _:
                items.append(CueFeedback(at=hop * HOP, id="slow-down", start=0, helpful=False))
    assert play(make_engine(), rushing(), items, 1) == play(make_engine(), rushing(), items, size)


class Slow:
    """Hears a word in everything, when it is let."""

    def transcribe(
        self, audio: F32, *, prefix: str = "", context: str = "", careful: bool = False
    ) -> list[TranscribedWord]:
        """Return the word."""
        return [TranscribedWord("secret", 0.1, 0.4, 0.9)]

    def restart(self) -> None:
        """Go on."""


def test_a_pause_takes_the_card_off_and_lets_go_of_words_in_flight() -> None:
    cue = opened(play(make_engine(), rushing(), []))[0]
    pause = Listening(at=cue.at + HOP, on=False)
    e = make_engine(transcribe=True)
    events = play(e, rushing()[:, : pause.at + whole_hops(2)], [pause])
    assert next(event for event in events if isinstance(event, CueClosed)).reason == "paused"
    # What was asked before the pause is no longer awaited, so its words can never come.
    asked = [e for e in events if isinstance(e, TranscribeRequest) and e.at < pause.at]
    assert asked
    for request in asked:
        heard = e.process(request.make_transcript(pause.at + HOP, ()))
        assert not [event for event in heard if isinstance(event, Word | Utterance)]


def test_a_pause_stops_all_clocks() -> None:
    # Nobody speaks for 49 s; without words, silence is dead air after 45.
    faint = np.random.default_rng(5).normal(0.0, 3e-4, (2, whole_hops(64))).astype(np.float32)
    faint[0, : whole_hops(3)] += syllables(140, 4, 3)[: whole_hops(3)]
    sound = faint[:, : whole_hops(52)]
    (check_in,) = opened(play(make_engine(), sound, []))
    assert check_in.id == "check-in"
    pause = [Listening(at=whole_hops(6), on=False), Listening(at=whole_hops(16), on=True)]
    events = play(make_engine(), sound, pause)
    assert not opened(events)
    (blank,) = (e for e in events if isinstance(e, SignalChanges) and "dead_air_s" in e.values
                and e.values["dead_air_s"] is None and e.at > whole_hops(4))  # fmt: skip
    assert 0 <= blank.at - pause[0].at <= whole_hops(0.2)
    # The silence starts anew after the pause: nobody knows who spoke in it.
    (card,) = opened(play(make_engine(), faint, pause))
    assert abs(card.at - pause[1].at - (check_in.at - whole_hops(3))) <= whole_hops(0.3)


def test_a_channel_is_not_called_dead_for_the_silence_of_a_pause() -> None:
    nothing = stereo(silence(9), silence(9))
    alone = [e for e in play(make_engine(), nothing, []) if isinstance(e, ChannelState)]
    assert [state.at // 16000 for state in alone] == [5, 5]
    pause = [Listening(at=whole_hops(1), on=False), Listening(at=whole_hops(6), on=True)]
    states = [e for e in play(make_engine(), nothing, pause) if isinstance(e, ChannelState)]
    assert all(state.at == nothing.shape[1] for state in states), "only when the call ends"


def test_a_pause_voids_the_outcome_of_the_cue_on_screen() -> None:
    cue = opened(play(make_engine(), rushing(), []))[0]
    pause = [Listening(at=cue.at + whole_hops(2), on=False)]
    events = play(make_engine(), rushing(), pause)
    outcomes = [event for event in events if isinstance(event, CueOutcome) and event.shown]
    assert [(e.at, e.heeded, e.agitation_after) for e in outcomes] == [(pause[0].at, None, None)]


def test_after_a_pause_no_word_comes_that_was_asked_for_before() -> None:
    sound = stereo(syllables(140, 4, 12), silence(12))
    heard, missed = cut_blocks(sound[:, : whole_hops(6)], (3,)), sound[:, whole_hops(6) :]
    quiet = [
        Block(whole_hops(6) + block.start, np.zeros_like(block.samples), missing=True)
        for block in cut_blocks(missed, (3,))
    ]
    items: list[InputItem] = [*heard, Listening(at=whole_hops(6), on=False), *quiet]
    for live in (True, False):
        wanted = Config().transcription
        asr = (
            LiveAsr(Slow(), wanted, ENGLISH.numbers)
            if live
            else ReplayAsr([Slow()], wanted, ENGLISH.numbers)
        )
        events = list(run_engine(items, make_engine(transcribe=True), asr))
        asr.close()
        assert Listening(at=whole_hops(6), on=False) in events
        words = [event for event in events if isinstance(event, Word) and event.text]
        assert all(word.start >= whole_hops(6) or word.at <= whole_hops(6) for word in words)
