"""What the cues go on, tick by tick, as the event log keeps it: written small, read back whole.

A cue is a function of the signals, the quotes and the channels that are not trusted.  All of them
at every tick would be most of a log, so a `signals` event tells only what could not be foretold: a
signal stays as it is, or it grows by a second each second, as whatever is "since" something does.

The cues themselves go on the rounded values: what is told again from the log is then exact by
construction, and no threshold falls between a value and the one that was written down.

Sans-I/O; the same function foretells for the writer and the reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from voicecoach.types import HOP, SAMPLE_RATE, TICK, Event, Readings, Speaker

DIGITS = 3
"""Decimals of a signal: a millisecond, a thousandth of agitation, of a decibel or a semitone."""
TICK_SAMPLES = TICK * HOP
NAN = float("nan")


class Reading(NamedTuple):
    """What the cues go on at one tick."""

    at: int
    """Stream index of its end."""
    signals: Mapping[str, float]
    """NaN is not known."""
    quotes: Mapping[str, str]
    distrusted: Mapping[Speaker, str]


class _Course(NamedTuple):
    """Where a signal was told last, and whether it grows from there."""

    at: int
    value: float
    grows: bool

    def foretold(self, at: int) -> float:
        """Return what it is at `at` if nothing happens."""
        if not self.grows:
            return self.value
        return round(self.value + (at - self.at) / SAMPLE_RATE, DIGITS)


def rounded(signals: Mapping[str, float]) -> dict[str, float]:
    """Return signals as the log tells them."""
    return {name: round(x, DIGITS) for name, x in signals.items()}


class Recorder:
    """Tells what changed, for the log of one call."""

    def __init__(self) -> None:
        self._courses: dict[str, _Course] = {}
        self._quotes: dict[str, str] = {}
        self._distrusted: dict[str, str] = {}

    def take(
        self,
        at: int,
        signals: Mapping[str, float],
        quotes: Mapping[str, str],
        distrusted: Mapping[Speaker, str],
    ) -> list[Event]:
        """Return what there is to tell at a tick: one event, or none.

        Parameters
        ----------
        at
            Stream index of its end.
        signals
            `rounded`.
        quotes, distrusted
            As the cues are given them.
        """
        values: dict[str, float | None] = {}
        growing = []
        for name, x in signals.items():
            course = self._courses.get(name)
            if course and _same(course.foretold(at), x):
                continue
            values[name] = x if x == x else None
            grows = course is not None and _grows(course, at, x)
            if grows:
                growing.append(name)
            self._courses[name] = _Course(at, x, grows)
        said = {} if quotes == self._quotes else dict(quotes)
        wrong = {str(speaker): state for speaker, state in distrusted.items()}
        told = wrong != self._distrusted
        if not (values or said or told):
            return []
        self._quotes, self._distrusted = said or self._quotes, wrong
        return [
            Readings(
                at=at,
                values=values,
                growing=tuple(growing) or msgspec.UNSET,
                quotes=said or msgspec.UNSET,
                distrusted=wrong if told else msgspec.UNSET,
            )
        ]


def ticks(events: Iterable[Event], end: int) -> Iterator[Reading]:
    """Yield what the cues went on at every tick of a call, from the events of its log.

    Parameters
    ----------
    events
        In their order.
    end
        Stream index after the last sample.
    """
    told = (event for event in events if isinstance(event, Readings))
    due = next(told, None)
    courses: dict[str, _Course] = {}
    quotes: Mapping[str, str] = {}
    distrusted: dict[Speaker, str] = {}
    for at in range(TICK_SAMPLES, end + 1, TICK_SAMPLES):
        if due and due.at <= at:
            growing = due.growing or ()
            for name, x in due.values.items():
                courses[name] = _Course(due.at, NAN if x is None else x, name in growing)
            quotes = due.quotes or quotes
            if due.distrusted is not msgspec.UNSET:
                distrusted = {Speaker(who): state for who, state in due.distrusted.items()}
            due = next(told, None)
        signals = {name: course.foretold(at) for name, course in courses.items()}
        yield Reading(at, signals, quotes, distrusted)


def _same(x: float, y: float) -> bool:
    return x == y or (x != x and y != y)


def _grows(course: _Course, at: int, x: float) -> bool:
    """Return whether a signal that is told anew seems to grow from here.

    It does where it has just grown by a tick; and where it jumped it goes on as it did, as what is
    "since" the newest of something does, unless it starts over from nothing.
    """
    before = course.foretold(at - TICK_SAMPLES)
    if x == before:
        return False
    return x == round(before + TICK_SAMPLES / SAMPLE_RATE, DIGITS) or (course.grows and x > 0.0)
