"""A delta-encoded trace of the signals that cues were decided on, for the event log.

A cue is a function of the signals, the quotes and the distrusted channels.  All of them at every
tick would make up most of a log, so a `signals` event has only what could not be predicted: a
signal stays constant, or it grows by a second each second, as every "time since" does.

The cues are decided on the rounded values, so replaying the rules from the log is exact: no
threshold falls between a value and its rounded form.

Writer and reader use the same function to predict.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from voicecoach.types.events import Event, SignalChanges
from voicecoach.types.stream import SAMPLE_RATE, SPEAKERS, TICK_SAMPLES, Speaker, nan_if_none

SIGNAL_DECIMALS = 3
"""Decimals of a signal: a millisecond, a thousandth of agitation, of a decibel or a semitone."""


class CueInputs(NamedTuple):
    """The inputs of the cues at one tick."""

    at: int
    """Stream index of the tick's end."""
    signals: Mapping[str, float]
    """Signals by name; NaN: not known."""
    quotes: Mapping[str, str]
    distrusted: Mapping[Speaker, str]


class SignalTraceEncoder:
    """Rounds the signals of one call and encodes their changes as events."""

    def __init__(self) -> None:
        self._heard: Mapping[str, float] = {}
        self._signals: dict[str, float] = {}
        self._growing: dict[str, tuple[int, float]] = {}
        """Since when each signal is predictable, and its value then."""
        self._quotes: Mapping[str, str] = {}
        self._distrusted: dict[str, str] = {}

    def encode_tick(
        self,
        at: int,
        signals: Mapping[str, float],
        quotes: Mapping[str, str],
        distrusted: Mapping[Speaker, str],
    ) -> tuple[dict[str, float], list[Event]]:
        """Return the rounded signals, and the changes at a tick: one event, or none.

        Parameters
        ----------
        at
            Stream index of its end, `TICK_SAMPLES` after the one before.
        signals
            A new table at each tick.
        quotes, distrusted
            The same values that the cues get.
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


def select_signals(event: SignalChanges, names: Container[str]) -> SignalChanges:
    """Return an event with only those of its signals; a log may have any number of others."""
    growing = tuple(name for name in event.growing or () if name in names)
    return msgspec.structs.replace(
        event,
        values={name: x for name, x in event.values.items() if name in names},
        growing=growing or msgspec.UNSET,
    )


def decode_ticks(events: Iterable[Event], end: int) -> Iterator[CueInputs]:
    """Yield the inputs of the cues at every tick of a call, from the events of its log.

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
    """Return the predicted value at `at` of a signal that was `x` at `since`."""
    return round(x + (at - since) / SAMPLE_RATE, SIGNAL_DECIMALS)


def _equal_or_nan(x: float, y: float | None) -> bool:
    return x == y or (x != x and y is not None and y != y)


def _grows(before: float, x: float, *, growing_before: bool) -> bool:
    """Return whether a changed signal is expected to grow from here.

    It is if it has just grown by a tick.  If it jumped, it is expected to go on as before, as the
    time since the newest act does, unless it stopped or starts again from zero.
    """
    jumped = x == x and x not in (before, 0.0)
    return x == _extrapolate(0, before, TICK_SAMPLES) or (growing_before and jumped)
