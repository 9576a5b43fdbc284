"""Keeps one agent's baseline across calls, on the agent's own machine.

It is a small JSON file that the agent can see, reset and delete (`voicecoach baseline`).  For each
signal of the agent's delivery it holds a mean, a spread, and how much they were learnt from.  It
holds no audio, words or times, and nothing about a customer.

A call adds its own mean, weighted by how much was measured.  The stored baseline counts for at most
`memory`, about 20 calls, so old calls are gradually forgotten and one bad call is a twentieth of
the baseline.

A call starts from the stored baseline instead of a warm-up.  The stored baseline counts for at most
`stands_for`, so it gives way slowly to the call's own evidence.  A stored level counts for almost
nothing: it depends on the microphone, its place and its gain more than on the voice, and with
another headset the agent would be "20 dB too loud" all day.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from voicecoach.errors import ConfigError
from voicecoach.text_safety import bounded_input
from voicecoach.types.stream import Immutable

BASELINE_VERSION = 1
"""Version of the file format; raised when a field changes its meaning or is removed."""

COUNTED_SPEECH, COUNTED_REPLIES, COUNTED_MINUTES = "s of speech", "replies", "minutes"


class BaselineSpec(NamedTuple):
    """A signal that has a baseline."""

    unit: str
    doc: str
    counted: str
    """The observations that it is learnt from: the unit of `stands_for` and `memory`."""
    stands_for: float
    """Most that the stored baseline counts for at the start of a call."""
    memory: float
    """Most that the stored baseline counts for when a call is added to it."""


BASELINE_SIGNALS: Mapping[str, BaselineSpec] = {
    "rate_syl_s": BaselineSpec("syl/s", "pace: articulation rate", COUNTED_SPEECH, 600, 3600),
    "level_dbfs": BaselineSpec("dBFS", "level of the voice", COUNTED_SPEECH, 1, 3600),
    "f0_semitones": BaselineSpec("st", "pitch: median, over 27.5 Hz", COUNTED_SPEECH, 600, 3600),
    "f0_range_semitones": BaselineSpec(
        "st", "pitch range: 20th to 80th percentile", COUNTED_SPEECH, 600, 3600
    ),
    "overlaps_per_min": BaselineSpec(
        "1/min", "overlaps: you interrupted the customer", COUNTED_MINUTES, 20, 100
    ),
    "reply_gap_s": BaselineSpec(
        "s", "reply gap: silence before your reply", COUNTED_REPLIES, 20, 400
    ),
    "talk_share": BaselineSpec(
        "0..1", "talk share: your share of both speakers' speech", COUNTED_MINUTES, 20, 100
    ),
}

_Number = Annotated[float, Meta(ge=-1000.0, le=1000.0)]


class SignalBaseline(Immutable, msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The baseline of one signal."""

    mean: _Number
    """In the signal's unit."""
    spread: Annotated[float, Meta(ge=0.0, le=1000.0)]
    """Standard deviation within a call, in the signal's unit."""
    count: Annotated[float, Meta(gt=0.0, le=1e6)]
    """How much it was learnt from, in the signal's `counted`."""

    def combined_with(self, call: SignalBaseline, memory: float) -> SignalBaseline:
        """Return the weighted mean of both, in which this one counts for at most `memory`."""
        kept = min(self.count, memory)
        share = call.count / (kept + call.count)
        return SignalBaseline(
            mean=self.mean + share * (call.mean - self.mean),
            spread=((1.0 - share) * self.spread**2 + share * call.spread**2) ** 0.5,
            count=min(self.count + call.count, memory),
        )


class AgentBaseline(
    Immutable, msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """The baseline of one agent."""

    version: int
    calls: Annotated[int, Meta(ge=0)] = 0
    """Calls that it was learnt from."""
    signals: dict[str, SignalBaseline] = {}
    """By name in `BASELINE_SIGNALS`; unknown ones are left out."""

    def __post_init__(self) -> None:
        unknown = self.signals.keys() - BASELINE_SIGNALS.keys()
        if unknown:
            raise ValueError(f"no such signal: {min(unknown)!r}")

    def with_call(self, call: Mapping[str, SignalBaseline]) -> AgentBaseline:
        """Return the baseline with a call added; the same object if the call has no signals."""
        if not call:
            return self
        signals = dict(self.signals)
        for name, learnt in call.items():
            kept = signals.get(name)
            signals[name] = (
                kept.combined_with(learnt, BASELINE_SIGNALS[name].memory) if kept else learnt
            )
        return AgentBaseline(version=BASELINE_VERSION, calls=self.calls + 1, signals=signals)


EMPTY_BASELINE = AgentBaseline(version=BASELINE_VERSION)
"""A baseline before any call."""


def baseline_to_json(baseline: AgentBaseline) -> bytes:
    """Return indented JSON that `parse_baseline` accepts."""
    tree: dict[str, Any] = msgspec.to_builtins(baseline)
    for learnt in tree["signals"].values():
        learnt.update({key: round(value, 4) for key, value in learnt.items()})
    return msgspec.json.format(msgspec.json.encode(tree), indent=2) + b"\n"


def parse_baseline(data: bytes, where: str) -> AgentBaseline:
    """Return the baseline in a JSON file.

    Parameters
    ----------
    data
        Content of the file.
    where
        Its path, for messages.

    Raises
    ------
    ConfigError
        If it is damaged, not a baseline file, or of a newer version.
    """
    mend = f"start over with `voicecoach baseline reset --file {where}`, or delete it"
    try:
        version = bounded_input.decode_json(data, _Versioned).version
        if version > BASELINE_VERSION:
            raise ConfigError(f"{where}: made by a newer voicecoach: update this one, or {mend}")
        return bounded_input.decode_json(data, AgentBaseline)
    except ValueError as e:
        raise ConfigError(f"{where}: not a baseline file ({e}): {mend}") from e


class _Versioned(msgspec.Struct):
    version: Annotated[int, Meta(ge=1)]
