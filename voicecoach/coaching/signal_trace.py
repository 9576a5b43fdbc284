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

from voicecoach.types import (
    SAMPLE_RATE,
    SPEAKERS,
    TICK_SAMPLES,
    Event,
    SignalChanges,
    Speaker,
    nan_if_none,
)

SIGNAL_DECIMALS = 3
"""Decimals of a signal: a millisecond, a thousandth of agitation, of a decibel or a semitone."""


class CueInputs(NamedTuple):
    """What the cues go on at one tick."""

    at: int
    """Stream index of its end."""
    signals: Mapping[str, float]
    """NaN is not known."""
    quotes: Mapping[str, str]
    distrusted: Mapping[Speaker, str]


class SignalTraceEncoder:
    """Rounds what the cues are to go on and tells what changed, for the log of one call."""

    def __init__(self) -> None:
        self._heard: Mapping[str, float] = {}
        self._signals: dict[str, float] = {}
        self._growing: dict[str, tuple[int, float]] = {}
        """Since when, and from what."""
        self._quotes: Mapping[str, str] = {}
        self._distrusted: dict[str, str] = {}

    def encode_tick(
        self,
        at: int,
        signals: Mapping[str, float],
        quotes: Mapping[str, str],
        distrusted: Mapping[Speaker, str],
    ) -> tuple[dict[str, float], list[Event]]:
        """Return the signals, rounded, and what there is to tell of a tick: one event, or none.

        Parameters
        ----------
        at
            Stream index of its end, `TICK_SAMPLES` after the one before.
        signals
            A new table at each tick.
        quotes, distrusted
            As the cues are given them.
        """
        values: dict[str, float | None] = {}
        growing = []
        heard, self._heard = self._heard, signals
        now = dict(self._signals)
        for name, exact in signals.items():
            if exact is heard.get(name) and name not in self._growing:
                continue
            x = now[name] = round(exact, SIGNAL_DECIMALS) + 0.0  # never -0.0, which a log may lose
            before = self._signals.get(name)
            since = self._growing.get(name)
            if _equal_or_nan(x, _extrapolate(*since, at) if since else before):
                continue
            values[name] = x if x == x else None
            if before is not None and _grows(before, x, growing_before=since is not None):
                growing.append(name)
                self._growing[name] = at, x
            else:
                self._growing.pop(name, None)
        self._signals = now
        said = quotes != self._quotes
        wrong = {str(speaker): state for speaker, state in distrusted.items()}
        told = wrong != self._distrusted
        self._quotes, self._distrusted = quotes, wrong
        if not (values or said or told):
            return now, []
        event = SignalChanges(
            at=at,
            values=values,
            growing=tuple(growing) or msgspec.UNSET,
            quotes=dict(quotes) if said else msgspec.UNSET,
            distrusted=wrong if told else msgspec.UNSET,
        )
        return now, [event]


def decode_ticks(events: Iterable[Event], end: int) -> Iterator[CueInputs]:
    """Yield what the cues went on at every tick of a call, from the events of its log.

    Parameters
    ----------
    events
        In their order.
    end
        Stream index after the last sample.
    """
    told = (event for event in events if isinstance(event, SignalChanges))
    due = next(told, None)
    signals: dict[str, float] = {}
    growing: dict[str, tuple[int, float]] = {}
    quotes: Mapping[str, str] = {}
    distrusted: dict[Speaker, str] = {}
    for at in range(TICK_SAMPLES, end + 1, TICK_SAMPLES):
        if due and due.at <= at:
            for name, x in due.values.items():
                growing.pop(name, None)
                signals[name] = nan_if_none(x)
            growing |= {
                name: (due.at, signals[name]) for name in due.growing or () if name in signals
            }
            quotes = due.quotes or quotes
            if due.distrusted is not msgspec.UNSET:
                distrusted = {s: due.distrusted[s] for s in SPEAKERS if s in due.distrusted}
            due = next(told, None)
        signals = signals | {name: _extrapolate(*since, at) for name, since in growing.items()}
        yield CueInputs(at, signals, quotes, distrusted)


def _extrapolate(since: int, x: float, at: int) -> float:
    """Return what a signal that was `x` at `since` is at `at` if nothing happens."""
    return round(x + (at - since) / SAMPLE_RATE, SIGNAL_DECIMALS)


def _equal_or_nan(x: float, y: float | None) -> bool:
    return x == y or (x != x and y is not None and y != y)


def _grows(before: float, x: float, *, growing_before: bool) -> bool:
    """Return whether a signal that is told anew seems to grow from here.

    It does where it has just grown by a tick; and where it jumped it goes on as it did, as what is
    "since" the newest of something does, unless it stopped, or starts over from nothing.
    """
    jumped = x == x and x not in (before, 0.0)
    return x == _extrapolate(0, before, TICK_SAMPLES) or (growing_before and jumped)
