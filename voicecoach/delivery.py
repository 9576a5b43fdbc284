"""The agent's delivery: measurement against the agent's own usual, no inference of a state.

Calmness is a formula over three signals that anyone can recompute from the log:

    fast     = rate_syl_s / usual_rate_syl_s - 1        kept within -0.15 .. 0.60
    loud     = level_db / 12                            kept within -0.25 .. 1.00
    high     = f0_semitones / 8                         kept within -0.25 .. 1.00
    calmness = 0.75 - 0.6 * fast - 0.4 * loud - 0.4 * high         kept within 0 .. 1

As usual is 0.75.  It falls as any of the three rises.  The lower limits say that speaking more
slowly, softly or deeply than usual helps only so far: over-articulated slow speech is heard as
angrier, not calmer.  Before there is a usual there is no calmness; a single signal that is not
known counts as usual.  With the privacy profile "eu" the formula is not computed at all.
"""

from __future__ import annotations

from voicecoach import config
from voicecoach.dsp.functionals import Baseline, Functionals, Prior
from voicecoach.types import Delivery, Speaker

AS_USUAL = 0.75
PRIORS = {
    "rate_syl_s": Prior(within=0.7),
    "level_dbfs": Prior(within=3.0),
    "f0_semitones": Prior(within=2.0),
}
"""Of a window of speech, by functional, in its own unit; no speaker is expected to be as others."""


def calmness(faster: float, level_db: float, f0_semitones: float) -> float:
    """Return the composite of the formula above.

    Parameters
    ----------
    faster
        Articulation rate over the usual one, less 1.
    level_db
        Level against the usual, dB.
    f0_semitones
        Pitch against the usual, semitones.

    Returns
    -------
    calmness
        0..1, 0.75 as usual; NaN inputs count as usual.
    """
    fast = _kept(faster, -0.15, 0.60)
    loud = _kept(level_db / 12.0, -0.25, 1.0)
    high = _kept(f0_semitones / 8.0, -0.25, 1.0)
    return _kept(AS_USUAL - 0.6 * fast - 0.4 * loud - 0.4 * high, 0.0, 1.0)


def pace(rate_syl_s: float, usual_rate_syl_s: float) -> float:
    """Return an articulation rate over the usual one, NaN where there is no usual."""
    return rate_syl_s / usual_rate_syl_s if usual_rate_syl_s > 0.0 else float("nan")


def _kept(x: float, low: float, high: float) -> float:
    return min(high, max(low, x)) if x == x else 0.0


class DeliveryMeter:
    """One agent, one stream."""

    def __init__(self, settings: config.Delivery, privacy: config.Privacy) -> None:
        self._warmup = settings.warmup_s
        self._composite = privacy.profile != "eu"
        self._baseline = Baseline(PRIORS)
        self.newest: Delivery | None = None
        """The last measurement, held in pauses."""

    def update(self, at: int, window: Functionals) -> Delivery:
        """Take the newest window of speech and return the measurement."""
        self._baseline.hear(window)
        settled = self._baseline.seconds >= self._warmup
        nan = float("nan")
        usual = self._baseline.usual("rate_syl_s") if settled else nan
        level = self._baseline.against(window, "level_dbfs") if settled else nan
        pitch = self._baseline.against(window, "f0_semitones") if settled else nan
        composite = None
        if settled and self._composite:
            composite = calmness(pace(window.rate_syl_s, usual) - 1.0, level, pitch)
        self.newest = Delivery(
            at=at,
            speaker=Speaker.AGENT,
            start=window.start,
            end=window.end,
            rate_syl_s=_known(window.rate_syl_s),
            usual_rate_syl_s=_known(usual),
            level_db=_known(level),
            f0_semitones=_known(pitch),
            calmness=composite,
        )
        return self.newest


def _known(x: float) -> float | None:
    return x if x == x else None
