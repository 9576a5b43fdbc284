"""Detects channels that cannot be trusted: lost, dead, copied, swapped, drifting and so on.

| state    | set on      | evidence                            | must not be mistaken for       |
|----------|-------------|-------------------------------------|--------------------------------|
| lost     | the channel | the capturing code reports it       | a silent line                  |
| dead     | the channel | nothing above -75 dBFS for 5 s from | a line that is silent while    |
|          |             | the start; later 2 minutes of       | the other speaker talks (40 s  |
|          |             | digital silence                     | have been seen)                |
| copied   | both        | the same signal but for a gain: a   | a loudspeaker in a room, which |
|          |             | correlation of 0.97 in 4 of 6       | changes the signal; hum, which |
|          |             | windows, and nobody is on one       | is below the band              |
|          |             | channel alone                       |                                |
| swapped  | both        | an agent's greeting opens the call  | an echo or a copy, which are   |
|          |             | on the customer's channel only      | on the agent's channel too     |
| drifting | both        | the delay of the crosstalk moves by | a jump of a line's buffer or   |
|          |             | 20 ms along a straight line, over   | another path, where the delay  |
|          |             | 45 s or more                        | does not follow a line         |
| bleeding | the channel | one sharp peak of GCC-PHAT at the   | chance: the delays differ;     |
|          | that        | same delay in 4 of 6 windows in     | tones and hum: several peaks,  |
|          | receives    | which the source speaks             | a period apart; the same words |
|          | the voice   |                                     | from both: no peak; what is so |
|          |             |                                     | weak that nothing hears it     |
| clipped  | the channel | amplitudes pile up near the top of  | loud, peak-normalised or coded |
|          |             | loud speech, wherever that top is   | speech: its density falls off  |

A channel has the first of these states that applies.  A state begins when several windows agree,
and ends when hardly any of twice as many windows does.  Nothing changes between words, or
while the agent has paused listening: then there is no update.

The speech detector also fires on crosstalk, so the monitor cannot require that only the source
speaks.  A window counts for each speaker detected near the level of their loudest one.  The source
of crosstalk is the speaker whose channel is nearer to its own loudness.  If neither clearly is,
it is the one whose channel is earlier.  Within 5 ms, where capture may be misaligned, it is the
louder one, or both if neither is louder.  `dsp.delay`, `audio.crosstalk` and `dsp.clipping` hold
the signal processing.

No input or output; audio comes hop by hop, and all lasting arrays are allocated once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from voicecoach.audio.crosstalk import ALIGNED_S, CopyDetector, LeakDetector
from voicecoach.dsp.clipping import ClippingDetector
from voicecoach.dsp.delay import CORRELATION_WINDOW, Correlator
from voicecoach.types.events import ChannelState
from voicecoach.types.stream import F32, HOP, SAMPLE_RATE, SPEAKERS, TICK, TICK_SAMPLES, Speaker

DEAD_DBFS = -75.0
"""A channel that never exceeds this level is dead."""
DEAD_AFTER = 5 * SAMPLE_RATE
"""Samples before a channel can be dead: devices and lines take seconds to deliver audio."""
SILENT_DBFS = -90.0
"""Digital silence: less than one step of 16-bit audio."""
SILENT_AFTER = 120 * SAMPLE_RATE
"""Digital silence after which a channel that was alive is dead.

In samples.  Telephone recordings have up to a third of this while the other speaker talks.  It need
not be fast, since nothing is estimated from a silent channel."""
_DEAD_POWER, _SILENT_POWER = 10 ** (DEAD_DBFS / 10), 10 ** (SILENT_DBFS / 10)

CORRELATE_EVERY_TICKS = 4
"""Updates between correlations: 0.512 s."""
_WINDOW_TICKS = CORRELATION_WINDOW // TICK_SAMPLES
QUIET_DBFS = -65.0
"""A speaker whose level in the band is below this is not speaking."""
PRESENT_DB, PRESENT_FADES_DB = 18.0, 0.05
"""A speaker this far below their loudest window is not speaking either; that maximum falls by the
second value with each window.  The speech detector also accepts some noise and echo."""
NEARER_DB = 6.0
"""How much nearer to its own loudness a channel must be to count as the source of crosstalk."""
INAUDIBLE_DB = 35.0
"""Crosstalk so far below its source changes nothing, dB: what lossy stereo codecs leave."""
WEAK_DB = 25.0
"""Nor does one that is so far below its source, dB, and `PRESENT_DB` below the loudest that is on
the channel anyway: that is a voice behind the speaker, which does not count (`near_voice`)."""
SWAP_GRACE = 4 * SAMPLE_RATE
"""Samples to wait for the greeting on the agent's channel before calling it swapped."""

RECOVERED_TEXTS = {
    "lost": "it is back",
    "dead": "audio has arrived",
    "copied": "the channels differ",
    "swapped": "the greeting was heard on the agent's channel, too",
    "drifting": "the delay no longer moves",
    "bleeding": "the other voice is no longer heard on it",
    "clipped": "the peaks are no longer clipped",
}


class ChannelMonitor:
    """Monitors both channels of one call.

    Parameters
    ----------
    speakers
        Speakers whose channels carry audio.  Any other channel is ignored and never compared.
    """

    def __init__(self, speakers: tuple[Speaker, ...] = SPEAKERS) -> None:
        self._speakers = speakers
        self._ring = np.zeros((2, CORRELATION_WINDOW), np.float32)
        self._hops = 0
        self._listened = 0
        """Samples for which the states were updated: all but pauses in listening."""
        self._speech = np.zeros((2, _WINDOW_TICKS), np.bool_)
        self._spoke = [False, False]
        self._loudest = [0.0, 0.0]
        self._silent = [0, 0]
        self._dead = [False, False]
        self._correlator = Correlator()
        self._loudest_db = [-100.0, -100.0]
        self._leaks = {s: LeakDetector() for s in SPEAKERS}
        self._copy = CopyDetector()
        self._clipping = {s: ClippingDetector() for s in SPEAKERS}
        self._opened: dict[Speaker, int] = {}
        self._swapped = False
        self._lost: dict[Speaker, str] = {}
        self._states: dict[Speaker, str] = {}

    @property
    def distrusted(self) -> Mapping[Speaker, str]:
        """The state of each channel that cannot be trusted now."""
        return self._states

    def push(self, samples: F32) -> None:
        """Add hops of both channels, [2, n * HOP], not past the next update."""
        first = self._hops * HOP % CORRELATION_WINDOW
        self._ring[:, first : first + samples.shape[1]] = samples
        self._hops += samples.shape[1] // HOP

    def on_greeting(self, at: int, speaker: Speaker) -> None:
        """Record the stream index of an agent's greeting on a speaker's channel."""
        self._opened.setdefault(speaker, at)

    def on_capture_state(self, at: int, state: ChannelState) -> list[ChannelState]:
        """Set the capture state of a channel, "lost" or "ok", and return the changes."""
        self._lost.pop(state.speaker, None)
        if state.state != "ok":
            self._lost[state.speaker] = state.reason
        return self._changes(at)

    def update_states(self, at: int, speaking: Sequence[bool]) -> list[ChannelState]:
        """Update the states and return the changes; call it every `TICK` hops.

        Parameters
        ----------
        at
            Stream index of now.
        speaking
            Whether each channel is in a speech segment now, by row.

        Raises
        ------
        ValueError
            If the number of hops pushed so far is not a multiple of `TICK`.
        """
        if self._hops % TICK:
            raise ValueError(f"an update comes every {TICK} hops, not after {self._hops}")
        tick = self._hops // TICK
        self._listened += TICK_SAMPLES
        self._speech[:, tick % _WINDOW_TICKS] = speaking
        powers = self._track_levels(TICK)
        first = (self._hops - TICK) * HOP % CORRELATION_WINDOW
        for s in self._speakers:
            if speaking[s.row]:
                self._spoke[s.row] = True
                block = self._ring[s.row, first : first + TICK_SAMPLES]
                self._clipping[s].add_block(block, powers[s.row])
        if tick % CORRELATE_EVERY_TICKS == 0:
            if len(self._speakers) == 2 and tick >= _WINDOW_TICKS:
                self._correlate(at)
        elif tick % CORRELATE_EVERY_TICKS == CORRELATE_EVERY_TICKS // 2:
            # Not in the same update as the correlation, to spread the work.
            for s in self._speakers:
                if self._spoke[s.row]:
                    self._clipping[s].judge_clipping()
                    self._spoke[s.row] = False
        self._check_silence_and_swap()
        return self._changes(at)

    def finish(self, at: int) -> list[ChannelState]:
        """Return the changes at the end of the stream: a channel that never had audio is dead."""
        self._track_levels(self._hops % TICK)
        for s in self._speakers:
            self._dead[s.row] |= self._loudest[s.row] < _DEAD_POWER
        return self._changes(at)

    def _track_levels(self, hops: int) -> F32:
        """Update the levels with the newest hops, and return their powers, [2, hops]."""
        first = (self._hops - hops) * HOP % CORRELATION_WINDOW
        newest = self._ring[:, first : first + hops * HOP].reshape(2, hops, HOP)
        if not hops:
            return np.zeros((2, 0), np.float32)
        means = np.add.reduce(newest, axis=2) / np.float32(HOP)
        powers = np.asarray(np.einsum("chi,chi->ch", newest, newest) / HOP - means * means)
        for row, loudest in enumerate(np.maximum.reduce(powers, axis=1).tolist()):
            self._loudest[row] = max(self._loudest[row], loudest)
            self._silent[row] = 0 if loudest > _SILENT_POWER else self._silent[row] + hops * HOP
            if self._dead[row] and loudest >= _DEAD_POWER:
                self._dead[row] = False
        return powers

    def _check_silence_and_swap(self) -> None:
        """Update the dead and swapped states, which need no correlation."""
        now = self._hops * HOP
        for row in range(2):
            never = self._loudest[row] < _DEAD_POWER and self._listened >= DEAD_AFTER
            self._dead[row] |= never or self._silent[row] >= SILENT_AFTER
        heard = self._opened.get(Speaker.CUSTOMER)
        both = self._copy.is_copy or self._leaks[Speaker.AGENT].is_leaking
        if heard is None or Speaker.AGENT in self._opened:
            self._swapped = False
        elif not both and now - heard >= SWAP_GRACE:
            self._swapped = len(self._speakers) == 2

    def _correlate(self, at: int) -> None:
        spoken = self._speech.sum(axis=1) * 2 >= _WINDOW_TICKS
        if not spoken.any():
            return
        peak = self._correlator.measure_delay(self._ring, self._hops * HOP % CORRELATION_WINDOW)
        there = [False, False]
        for row, level in enumerate(peak.power_db):
            if spoken[row] and level >= QUIET_DBFS:
                loudest = max(level, self._loudest_db[row] - PRESENT_FADES_DB)
                self._loudest_db[row] = loudest
                there[row] = level >= loudest - PRESENT_DB
        near_db = [x - most for x, most in zip(peak.power_db, self._loudest_db, strict=True)]
        if any(there):
            self._copy.add_peak(peak)
        for source in SPEAKERS:
            if not there[source.row]:
                continue
            later = peak.delay_s if source is Speaker.CUSTOMER else -peak.delay_s
            # The source is the speaker whose channel is nearer to its own loudness, so that gain
            # does not matter; if neither is clearly nearer, the one whose channel is earlier.
            nearer = near_db[source.row] - near_db[source.other.row]
            if nearer < -NEARER_DB or (later < -ALIGNED_S and nearer < NEARER_DB):
                later = float("nan")
            levels = peak.power_db
            over = levels[source.other.row] - levels[source.row]
            weak = over < -WEAK_DB and near_db[source.other.row] < -PRESENT_DB
            if weak or over < -INAUDIBLE_DB:
                later = float("nan")
            self._leaks[source].add_window(at, later, over)

    def _state_of(self, speaker: Speaker) -> tuple[str, str]:
        """Return the state of a channel and the reason for it."""
        heard, hears = self._leaks[speaker], self._leaks[speaker.other]
        if speaker in self._lost:
            return "lost", self._lost[speaker]
        if self._dead[speaker.row]:
            if self._loudest[speaker.row] < _DEAD_POWER:
                return "dead", "no audio so far: is it muted, or is recording not permitted?"
            return "dead", f"digital silence for {SILENT_AFTER // SAMPLE_RATE} s: muted or lost"
        if self._copy.is_copy:
            gain = self._copy.level_db
            by = "" if abs(gain) < 1 else f", the customer's {abs(gain):.0f} dB "
            by += "" if abs(gain) < 1 else "louder" if gain > 0 else "softer"
            return "copied", f"both channels carry the same signal{by}: a mono recording?"
        if self._swapped:
            return "swapped", "the call was opened in an agent's words on the customer's channel"
        for leak in (hears, heard):
            if leak.is_leaking and leak.drifts:
                moved = 1000 * leak.moved_s
                return "drifting", f"the delay of an echo moved by {moved:+.0f} ms: two clocks"
        if hears.is_leaking:
            late = f"{max(0.0, 1000 * hears.delay_s):.0f} ms late"
            level = "as loud" if hears.level_db > -1 else f"{-hears.level_db:.0f} dB down"
            whose = f"the {speaker.other}'s voice is heard on the {speaker}'s side"
            return "bleeding", f"{whose}, about {level} and {late}"
        if self._clipping[speaker].is_clipped:
            top = self._clipping[speaker].top_dbfs
            return "clipped", f"loud speech is clipped at {top:.0f} dBFS"
        return "ok", ""

    def _changes(self, at: int) -> list[ChannelState]:
        changes = []
        for speaker in self._speakers:
            state, reason = self._state_of(speaker)
            before = self._states.get(speaker, "ok")
            if state == before:
                continue
            if state == "ok":
                del self._states[speaker]
                reason = RECOVERED_TEXTS[before]
            else:
                self._states[speaker] = state
            changes.append(ChannelState(at=at, speaker=speaker, state=state, reason=reason))
        return changes
