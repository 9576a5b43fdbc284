"""Measures the agent's delivery against their own baseline; it infers no state of mind.

The interaction (overlaps, reply gap, share of talk) is measured over the newest 3 minutes of the
call.  It is unknown until the customer has spoken: a recording may hold one speaker only.  The
baseline starts from the stored one; without one it needs a warm-up.  In learning the baseline, a
reply, or a minute of talk, counts as much as an independent window of speech.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from voicecoach import config
from voicecoach.dsp.functionals import Functionals, SpeechWindow
from voicecoach.estimates.baseline import (
    BASELINE_SIGNALS,
    COUNTED_SPEECH,
    EMPTY_BASELINE,
    AgentBaseline,
    SignalBaseline,
)
from voicecoach.estimates.calmness import calmness
from voicecoach.estimates.posterior import PosteriorMean
from voicecoach.estimates.talk_history import TALK_WINDOW, TalkHistory
from voicecoach.types.events import FIRST_PERSON, Delivery, Event
from voicecoach.types.stream import NAN, SAMPLE_RATE, Speaker, none_if_nan

WITHIN_SPEAKER_SD = {
    "rate_syl_s": 0.7,
    "level_dbfs": 3.0,
    "f0_semitones": 2.0,
    "f0_range_semitones": 1.5,
    "overlaps_per_min": 1.0,
    "reply_gap_s": 0.5,
    "talk_share": 0.2,
}
"""Standard deviation between windows of speech, replies or minutes of one speaker, by signal."""

_ROWS = {name: row for row, name in enumerate(BASELINE_SIGNALS)}
INDEPENDENT_AFTER_S = 3.0
"""Seconds of speech after which a window is about independent of an earlier one."""
MEMORY_S = 90.0
"""Seconds of speech after which old speech is forgotten."""

MAX_MEASURE_STEP = int(0.25 * SAMPLE_RATE)
"""Most samples of a window that count as new speech: a longer distance includes a pause."""


def delivery_window(settings: config.DeliveryConfig) -> SpeechWindow:
    """Return the window of speech that delivery is measured over."""
    described = ("level_dbfs", "f0_semitones")
    return SpeechWindow(settings.window_s, settings.stale_s, described=described, stretches=False)


class DeliveryMeter:
    """Measures the delivery of one agent in one call.

    Parameters
    ----------
    settings
        Windows and the warm-up.
    privacy
        Whether to compute calmness.
    baseline
        The baseline from earlier calls; None if none is stored.
    """

    def __init__(
        self,
        settings: config.DeliveryConfig,
        privacy: config.PrivacyConfig,
        baseline: AgentBaseline | None = None,
    ) -> None:
        self._warmup = settings.warmup_s
        self._composite = privacy.composite
        self._stored_baseline = baseline or EMPTY_BASELINE
        self._person = _Learnt(self._stored_baseline)
        self._people = {FIRST_PERSON: self._person}
        self._talk = TalkHistory()
        self._heard_to = 0
        self.newest: Delivery | None = None
        """The last measurement, held in pauses."""

    def add_speech_event(self, event: Event) -> None:
        """Add an event of endpointing, in order."""
        self._learn_talk(event.at)
        self._talk.add_event(event)

    def change_person(self, person: int) -> None:
        """Continue with another person, `PersonChanged.person`.

        The stored baseline is the first one's; others begin with a warm-up.
        """
        if person not in self._people:
            self._people[person] = _Learnt(EMPTY_BASELINE)
        self._person = self._people[person]

    def resume(self, at: int) -> None:
        """Continue at `at` after a pause in listening."""
        self._talk.resume(at)

    def measure_delivery(self, at: int, window: Functionals) -> Delivery:
        """Return the measurements at `at`, from the newest window of the agent's speech.

        To be called only while the agent speaks.
        """
        self._learn_talk(at)
        if self._talk.detect_reply(at):
            # Learn the median, not the gap: the mean of gaps is well above their median.
            self._learn({"reply_gap_s": self._talk.reply_gap_s()}, 1.0, INDEPENDENT_AFTER_S)
        new = (
            max(0, min(MAX_MEASURE_STEP, window.end - max(self._heard_to, window.start)))
            / SAMPLE_RATE
        )
        self._heard_to = max(self._heard_to, window.end)
        self._person.speech_s += new
        voice = {
            "rate_syl_s": window.rate_syl_s,
            "level_dbfs": window.value("level_dbfs"),
            "f0_semitones": window.value("f0_semitones"),
            "f0_range_semitones": window.value("f0_semitones", "range"),
        }
        self._learn(voice, new, new)
        baseline = {name: self._baseline_value(name) for name in BASELINE_SIGNALS}
        measured = Delivery(
            at=at,
            speaker=Speaker.AGENT,
            start=window.start,
            end=window.end,
            rate_syl_s=none_if_nan(window.rate_syl_s),
            baseline_rate_syl_s=none_if_nan(baseline["rate_syl_s"]),
            level_db=none_if_nan(voice["level_dbfs"] - baseline["level_dbfs"]),
            f0_semitones=none_if_nan(voice["f0_semitones"] - baseline["f0_semitones"]),
            f0_range_semitones=none_if_nan(
                voice["f0_range_semitones"] - baseline["f0_range_semitones"]
            ),
            overlaps_per_min=none_if_nan(self._talk.overlaps_per_min(at)),
            baseline_overlaps_per_min=none_if_nan(baseline["overlaps_per_min"]),
            reply_gap_s=none_if_nan(self._talk.reply_gap_s()),
            baseline_reply_gap_s=none_if_nan(baseline["reply_gap_s"]),
            talk_share=none_if_nan(self._talk.talk_share(at - TALK_WINDOW, at)),
            baseline_talk_share=none_if_nan(baseline["talk_share"]),
        )
        if self._composite:
            measured = msgspec.structs.replace(measured, calmness=calmness(measured))
        self.newest = measured
        return measured

    def baseline(self) -> AgentBaseline:
        """Return the baseline including this call so far, to be stored for the next call.

        The agent is who has spoken most on their channel.
        """
        agent = max(self._people.values(), key=lambda person: person.speech_s)
        learnt = {
            name: tally.to_signal_baseline() for name, tally in agent.tallies.items() if tally.count
        }
        return self._stored_baseline.with_call(learnt)

    def _learn_talk(self, now: int) -> None:
        """Learn from the completed minutes of talk."""
        for observed in self._talk.completed_minutes(now):
            self._learn(observed, 1.0, INDEPENDENT_AFTER_S)

    def _learn(self, observed: Mapping[str, float], count: float, seconds: float) -> None:
        """Learn from `count` observations, which count as much as `seconds` of speech."""
        values = np.array([observed.get(name, NAN) for name in BASELINE_SIGNALS])
        self._person.posterior.learn(values, seconds)
        for name, x in observed.items():
            if x == x and count > 0.0:
                self._person.tallies[name].add(x, count)

    def _baseline_value(self, name: str) -> float:
        row = _ROWS[name]
        person = self._person
        mean = float(person.posterior.mean[row])
        # The microphone may have changed, so a level needs the warm-up even with a stored baseline.
        if name in person.stored.signals and name != "level_dbfs":
            return mean
        of_voice = BASELINE_SIGNALS[name].counted == COUNTED_SPEECH
        heard_s = person.speech_s if of_voice else person.posterior.learnt_s[row]
        return mean if heard_s >= self._warmup else NAN


class _Learnt:
    """What is learnt of one person on the agent's channel.

    Parameters
    ----------
    stored
        Their baseline from earlier calls.
    """

    def __init__(self, stored: AgentBaseline) -> None:
        self.stored = stored
        self.posterior = _make_posterior(stored)
        self.tallies = {name: _RunningStats() for name in BASELINE_SIGNALS}
        self.speech_s = 0.0


class _RunningStats:
    """Mean and spread of one signal over a call."""

    def __init__(self) -> None:
        self.count = self._mean = self._square = 0.0

    def add(self, x: float, count: float) -> None:
        self.count += count
        off = x - self._mean
        self._mean += off * count / self.count
        self._square += count * off * (x - self._mean)

    def to_signal_baseline(self) -> SignalBaseline:
        spread = (max(0.0, self._square) / self.count) ** 0.5
        return SignalBaseline(mean=self._mean, spread=spread, count=self.count)


def _make_posterior(stored: AgentBaseline) -> PosteriorMean:
    """Return the posterior that starts from a stored baseline; it has no population mean."""
    within = np.array([WITHIN_SPEAKER_SD[name] for name in BASELINE_SIGNALS])
    mean, worth_s = np.full(len(within), NAN), np.zeros(len(within))
    for name, learnt in stored.signals.items():
        row, signal = _ROWS[name], BASELINE_SIGNALS[name]
        mean[row] = learnt.mean
        worth_s[row] = min(learnt.count, signal.stands_for) * (
            1.0 if signal.counted == COUNTED_SPEECH else INDEPENDENT_AFTER_S
        )
    return PosteriorMean(
        mean, within, worth_s, independent_after_s=INDEPENDENT_AFTER_S, memory_s=MEMORY_S
    )
