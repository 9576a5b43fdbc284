"""Measures the agent's delivery against their own baseline; it infers no state of mind.

Calmness is a formula over the fields of the `delivery` event, which anyone can recompute:

    fast        = rate_syl_s / baseline_rate_syl_s - 1              within -0.15 .. 0.60
    loud        = level_db / 12                                     within -0.25 .. 1.00
    high        = f0_semitones / 8                                  within -0.25 .. 1.00
    wide        = f0_range_semitones / 8                            within -0.25 .. 1.00
    overlapping = (overlaps_per_min - baseline_overlaps_per_min) / 4 within -0.25 .. 1.00
    early       = baseline_reply_gap_s - reply_gap_s                within -0.25 .. 1.00
    talking     = (talk_share - baseline_talk_share) / 0.4          within -0.25 .. 1.00
    calmness    = 0.75 - 0.6 * fast - 0.4 * loud - 0.4 * high - 0.2 * wide
                  - 0.4 * overlapping - 0.2 * early - 0.2 * talking within 0 .. 1

A term outside its limits counts as the nearer limit.  The baseline gives 0.75.  Calmness never
rises as any of the seven terms rises.  A term with a null in it counts as the baseline (0); if
every term has one, calmness is null.

* The lower limits say that speaking more slowly, softly, deeply or flatly than usual, or waiting
  longer, helps only so far.  Slow over-clear speech is heard as angrier, not calmer (41 talkers:
  osf.io/4kam9, osf.io/3zbvd), so pace gives no more than 0.09, and all else as usual no slowness
  gets past 0.84.
* Voice: anger is faster, louder, higher and wider in pitch (Scherer 2003, "Vocal communication of
  emotion: a review of research paradigms", Speech Communication 40, table 2).  Range weighs
  half as much, since a friendly lively voice has it, too.
* Overlaps cost a tenth for one a minute, as in MiiTel's score; the share of talk costs half of what
  it does there, as the customer's question has a say in it.  A turn follows another after 0.2 s in
  any talk (Levinson & Torreira 2015, PMC4464110): only against one's own usual is a reply early.

With the privacy profile "eu" the formula is not computed and the event has no such field.

Interaction is measured over the newest `RECENT` of the call.  Until the customer has been heard
nothing is known of it, as where a recording has one speaker alone.  What is usual starts from what
is kept (`usual`) where there is any, and needs a warm-up where there is none.  One reply, or one
minute of talk, is learnt from as is one window of speech.
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

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
from voicecoach.estimates.posterior import PosteriorMean
from voicecoach.types import (
    NAN,
    SAMPLE_RATE,
    SPEAKERS,
    Delivery,
    Event,
    Overlap,
    Speaker,
    SpeechEnded,
    SpeechStarted,
    nan_if_none,
    none_if_nan,
)

CALMNESS_AT_BASELINE = 0.75


class CalmnessTerm(NamedTuple):
    """One of the formula."""

    text: str
    least: float
    most: float
    weight: float


CALMNESS_TERMS: Mapping[str, CalmnessTerm] = {
    "fast": CalmnessTerm("rate_syl_s / baseline_rate_syl_s - 1", -0.15, 0.6, 0.6),
    "loud": CalmnessTerm("level_db / 12", -0.25, 1.0, 0.4),
    "high": CalmnessTerm("f0_semitones / 8", -0.25, 1.0, 0.4),
    "wide": CalmnessTerm("f0_range_semitones / 8", -0.25, 1.0, 0.2),
    "overlapping": CalmnessTerm(
        "(overlaps_per_min - baseline_overlaps_per_min) / 4", -0.25, 1.0, 0.4
    ),
    "early": CalmnessTerm("baseline_reply_gap_s - reply_gap_s", -0.25, 1.0, 0.2),
    "talking": CalmnessTerm("(talk_share - baseline_talk_share) / 0.4", -0.25, 1.0, 0.2),
}
NOTABLE_TERM = 0.25
"""Value from which a term is notable: a quarter faster, 3 dB louder, 2 semitones higher."""

WITHIN_SPEAKER_SD = {
    "rate_syl_s": 0.7,
    "level_dbfs": 3.0,
    "f0_semitones": 2.0,
    "f0_range_semitones": 1.5,
    "overlaps_per_min": 1.0,
    "reply_gap_s": 0.5,
    "talk_share": 0.2,
}
"""Standard deviation of a window of speech, a reply or a minute within a speaker, by signal."""

_ROWS = {name: row for row, name in enumerate(BASELINE_SIGNALS)}
INDEPENDENT_AFTER_S = 3.0
"""Seconds of speech after which a window is about independent of an earlier one."""
MEMORY_S = 90.0
"""Seconds of speech after which old speech is forgotten."""

TALK_WINDOW = 180 * SAMPLE_RATE
"""Of the call, for overlaps and the share of talk."""
TALK_MINUTE = 60 * SAMPLE_RATE
"""Of the call that there must be for a rate of overlaps; what is usual is learnt by the minute."""
TALK_SHARE_MIN_S = 20.0
"""Seconds of speech of both that have a share of talk."""
MIN_COUNTED_OVERLAP = int(0.5 * SAMPLE_RATE)
"""Shorter ones are the ends of turns, which overlap in any talk, and are not counted."""
MIN_REPLY = int(1.0 * SAMPLE_RATE)
"""An answer is at least this long: "mm-hm" in a pause is none."""
MAX_REPLY_GAP = int(5.0 * SAMPLE_RATE)
"""A longer silence is not the gap before a reply: somebody looks something up, or is on hold."""
REPLY_GAPS_KEPT = 5
"""The newest replies whose median gap is the measurement ..."""
MIN_REPLY_GAPS = 3
"""... and how many it takes."""
MAX_MEASURE_STEP = int(0.25 * SAMPLE_RATE)
"""Updates come more often than this while the agent speaks: what lies further apart is a pause."""


def calmness_terms(delivery: Delivery) -> dict[str, float]:
    """Return the terms of the formula by name, before they are kept within limits.

    NaN where a field is not known.
    """
    d = delivery
    return {
        "fast": pace_ratio(nan_if_none(d.rate_syl_s), nan_if_none(d.baseline_rate_syl_s)) - 1.0,
        "loud": nan_if_none(d.level_db) / 12.0,
        "high": nan_if_none(d.f0_semitones) / 8.0,
        "wide": nan_if_none(d.f0_range_semitones) / 8.0,
        "overlapping": (nan_if_none(d.overlaps_per_min) - nan_if_none(d.baseline_overlaps_per_min))
        / 4.0,
        "early": nan_if_none(d.baseline_reply_gap_s) - nan_if_none(d.reply_gap_s),
        "talking": (nan_if_none(d.talk_share) - nan_if_none(d.baseline_talk_share)) / 0.4,
    }


def calmness(delivery: Delivery) -> float | None:
    """Return the composite of the formula above, from the fields of an event.

    Returns
    -------
    calmness
        0..1, 0.75 as usual; None where no term is known.
    """
    known = {name: x for name, x in calmness_terms(delivery).items() if x == x}
    if not known:
        return None
    less = sum(
        CALMNESS_TERMS[name].weight
        * _clamp(x, CALMNESS_TERMS[name].least, CALMNESS_TERMS[name].most)
        for name, x in known.items()
    )
    return _clamp(CALMNESS_AT_BASELINE - less, 0.0, 1.0)


def notable_words(delivery: Delivery) -> list[str]:
    """Return the names of the terms that are notably above the baseline."""
    return [name for name, x in calmness_terms(delivery).items() if x >= NOTABLE_TERM]


def calmness_formula() -> str:
    """Return the formula as text, a line for each term."""
    lines = [
        f"{name:<11} = {t.text:<49} within {t.least:.2f} .. {t.most:.2f}"
        for name, t in CALMNESS_TERMS.items()
    ]
    parts = [f" - {t.weight:g} * {name}" for name, t in CALMNESS_TERMS.items()]
    lines += [f"calmness    = {CALMNESS_AT_BASELINE}{''.join(parts[:4])}"]
    lines += [f"{'':13}{''.join(parts[4:]):<50} within 0 .. 1"]
    return "\n".join(lines)


def pace_ratio(rate_syl_s: float, baseline_rate_syl_s: float) -> float:
    """Return an articulation rate divided by its baseline, NaN if there is no baseline."""
    return rate_syl_s / baseline_rate_syl_s if baseline_rate_syl_s > 0.0 else NAN


def delivery_window(settings: config.DeliveryConfig) -> SpeechWindow:
    """Return the window of speech that is measured."""
    described = ("level_dbfs", "f0_semitones")
    return SpeechWindow(
        settings.window_s,
        settings.stale_s,
        described=described,
        stretches=False,
    )


class DeliveryMeter:
    """One agent, one stream.

    Parameters
    ----------
    settings
        Windows and the warm-up.
    privacy
        Whether there is a composite.
    usual
        What is kept of earlier calls; None where nothing is.
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
        self._posterior = _make_posterior(self._stored_baseline)
        self._tallies = {name: _RunningStats() for name in BASELINE_SIGNALS}
        self._talk = _TalkHistory()
        self._heard_to = 0
        self._speech_s = 0.0
        self.newest: Delivery | None = None
        """The last measurement, held in pauses."""

    def add_speech_event(self, event: Event) -> None:
        """Take an event of endpointing, in order."""
        self._learn_talk(event.at)
        self._talk.add_event(event)

    def measure_delivery(self, at: int, window: Functionals) -> Delivery:
        """Take the newest window of the agent's speech, while they speak, and measure."""
        self._learn_talk(at)
        if self._talk.detect_reply(at):
            # The median is learnt from, not the gap: the mean of gaps is well above it.
            self._learn({"reply_gap_s": self._talk.reply_gap_s()}, 1.0, INDEPENDENT_AFTER_S)
        new = (
            max(0, min(MAX_MEASURE_STEP, window.end - max(self._heard_to, window.start)))
            / SAMPLE_RATE
        )
        self._heard_to = max(self._heard_to, window.end)
        self._speech_s += new
        voice = {
            "rate_syl_s": window.rate_syl_s,
            "level_dbfs": window.value("level_dbfs"),
            "f0_semitones": window.value("f0_semitones"),
            "f0_range_semitones": window.value("f0_semitones", "range"),
        }
        self._learn(voice, new, new)
        usual = {name: self._baseline_value(name) for name in BASELINE_SIGNALS}
        measured = Delivery(
            at=at,
            speaker=Speaker.AGENT,
            start=window.start,
            end=window.end,
            rate_syl_s=none_if_nan(window.rate_syl_s),
            baseline_rate_syl_s=none_if_nan(usual["rate_syl_s"]),
            level_db=none_if_nan(voice["level_dbfs"] - usual["level_dbfs"]),
            f0_semitones=none_if_nan(voice["f0_semitones"] - usual["f0_semitones"]),
            f0_range_semitones=none_if_nan(
                voice["f0_range_semitones"] - usual["f0_range_semitones"]
            ),
            overlaps_per_min=none_if_nan(self._talk.overlaps_per_min(at)),
            baseline_overlaps_per_min=none_if_nan(usual["overlaps_per_min"]),
            reply_gap_s=none_if_nan(self._talk.reply_gap_s()),
            baseline_reply_gap_s=none_if_nan(usual["reply_gap_s"]),
            talk_share=none_if_nan(self._talk.talk_share(at - TALK_WINDOW, at)),
            baseline_talk_share=none_if_nan(usual["talk_share"]),
        )
        if self._composite:
            measured = msgspec.structs.replace(measured, calmness=calmness(measured))
        self.newest = measured
        return measured

    def baseline(self) -> AgentBaseline:
        """Return what is usual with this call so far in it, to be kept for the next."""
        learnt = {
            name: tally.to_signal_baseline() for name, tally in self._tallies.items() if tally.count
        }
        return self._stored_baseline.with_call(learnt)

    def _learn_talk(self, now: int) -> None:
        """Learn from the minutes of talk that are complete."""
        for observed in self._talk.completed_minutes(now):
            self._learn(observed, 1.0, INDEPENDENT_AFTER_S)

    def _learn(self, observed: Mapping[str, float], count: float, seconds: float) -> None:
        """Learn from `count` of an observation, which are as good as `seconds` of speech."""
        values = np.array([observed.get(name, NAN) for name in BASELINE_SIGNALS])
        self._posterior.learn(values, seconds)
        for name, x in observed.items():
            if x == x and count > 0.0:
                self._tallies[name].add(x, count)

    def _baseline_value(self, name: str) -> float:
        row = _ROWS[name]
        mean = float(self._posterior.mean[row])
        # The microphone may be another one: a level needs the warm-up whatever is kept.
        if name in self._stored_baseline.signals and name != "level_dbfs":
            return mean
        of_voice = BASELINE_SIGNALS[name].counted == COUNTED_SPEECH
        heard_s = self._speech_s if of_voice else self._posterior.learnt_s[row]
        return mean if heard_s >= self._warmup else NAN


class _TalkHistory:
    """Who spoke when in the recent minutes, and what came of it."""

    def __init__(self) -> None:
        self._spans: dict[Speaker, deque[tuple[int, int]]] = {s: deque() for s in SPEAKERS}
        self._spoken = dict.fromkeys(SPEAKERS, 0)
        """How long those are together, samples."""
        self._since: dict[Speaker, int | None] = dict.fromkeys(SPEAKERS)
        self._overlaps: deque[int] = deque()
        self._gaps: deque[float] = deque(maxlen=REPLY_GAPS_KEPT)
        self._reply: int | None = None
        self._minute = 0
        self._customer_heard = False

    def add_event(self, event: Event) -> None:
        """Take an event of endpointing."""
        match event:
            case SpeechStarted():
                self._since[event.speaker] = event.start
                self._customer_heard |= event.speaker is Speaker.CUSTOMER
                if event.speaker is Speaker.AGENT and not self._reply_continues():
                    self._reply = event.start
            case SpeechEnded():
                self._since[event.speaker] = None
                self._spans[event.speaker].append((event.start, event.end))
                self._spoken[event.speaker] += event.end - event.start
            case Overlap(by=Speaker.AGENT, backchannel=False):
                if event.end - event.start >= MIN_COUNTED_OVERLAP:
                    self._overlaps.append(event.at)
            case _:
                pass

    def completed_minutes(self, now: int) -> list[dict[str, float]]:
        """Return what was observed in the minutes that are complete since it was last asked."""
        observed = []
        while now - self._minute >= TALK_MINUTE:
            start, self._minute = self._minute, self._minute + TALK_MINUTE
            share = self.talk_share(start, self._minute)
            if share == share:  # otherwise they hardly spoke: on hold
                count = sum(start <= at < self._minute for at in self._overlaps)
                observed.append({"talk_share": share, "overlaps_per_min": float(count)})
        # The last span is kept however old it is: a reply follows it.
        for speaker, spans in self._spans.items():
            while len(spans) > 1 and spans[0][1] <= now - TALK_WINDOW:
                first, last = spans.popleft()
                self._spoken[speaker] -= last - first
        while self._overlaps and self._overlaps[0] <= now - TALK_WINDOW:
            self._overlaps.popleft()
        return observed

    def detect_reply(self, now: int) -> bool:
        """Note the gap before what the agent says now; return whether that is a new reply."""
        start, customer_since = self._reply, self._since[Speaker.CUSTOMER]
        if start is None or now - start < MIN_REPLY:
            return False
        if customer_since is not None and customer_since < start:
            return False  # not known yet whether they have stopped
        self._reply = None
        theirs, own = (self._end_before(s, start) for s in (Speaker.CUSTOMER, Speaker.AGENT))
        if theirs is None or (own is not None and own >= theirs):
            return False
        if not 0 <= start - theirs <= MAX_REPLY_GAP:
            return False
        self._gaps.append((start - theirs) / SAMPLE_RATE)
        return True

    def _reply_continues(self) -> bool:
        """Return whether the customer has not spoken since what may become a reply began."""
        spans = self._spans[Speaker.CUSTOMER]
        silent = self._since[Speaker.CUSTOMER] is None
        return self._reply is not None and silent and (not spans or spans[-1][1] <= self._reply)

    def reply_gap_s(self) -> float:
        """Return the median gap of the newest replies."""
        return statistics.median(self._gaps) if len(self._gaps) >= MIN_REPLY_GAPS else NAN

    def overlaps_per_min(self, now: int) -> float:
        """Return how often the agent came in over the customer, of late."""
        if not self._customer_heard or now < TALK_MINUTE:
            return NAN
        count = sum(at > now - TALK_WINDOW for at in self._overlaps)
        return count / (min(now, TALK_WINDOW) / TALK_MINUTE)

    def talk_share(self, start: int, end: int) -> float:
        """Return the agent's share of both's speech in a stretch, 0..1."""
        agent, customer = (self._spoken_s(s, start, end) for s in SPEAKERS)
        if not self._customer_heard or agent + customer < TALK_SHARE_MIN_S:
            return NAN
        return agent / (agent + customer)

    def _spoken_s(self, speaker: Speaker, start: int, end: int) -> float:
        spans, since = self._spans[speaker], self._since[speaker]
        spoken = self._spoken[speaker]
        # Most lie within; what does not is at either end.
        for first, last in spans:
            if first >= start:
                break
            spoken -= min(last, start) - first
        for first, last in reversed(spans):
            if last <= end:
                break
            spoken -= last - max(first, end)
        if since is not None:
            spoken += max(0, end - max(since, start))
        return spoken / SAMPLE_RATE

    def _end_before(self, speaker: Speaker, at: int) -> int | None:
        """Return the end of the last of a speaker's spans that began before `at`."""
        return max((end for start, end in self._spans[speaker] if start < at), default=None)


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
    """Return what baselines start from; no speaker is expected to be as others."""
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


def _clamp(x: float, low: float, high: float) -> float:
    return min(high, max(low, x))
