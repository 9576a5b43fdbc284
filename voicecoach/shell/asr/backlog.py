"""Queue of a live call's transcription requests, which drops requests when the machine is slow.

On a machine that is too slow, the second opinion goes first; then partial words become rarer and
stop, and final words arrive late.  This is reported.  Nothing else in the call waits for words.
"""

from __future__ import annotations

from voicecoach.shell.asr.transcriber import TranscribeTask
from voicecoach.types.events import Degraded, TranscribeRequest
from voicecoach.types.stream import SAMPLE_RATE, Speaker

PARTIAL_REST_FACTOR = 2.0
"""A partial request starts no sooner than the previous one's start plus this factor times its
duration, so that partial words take at most half a core, however slow the machine is.
"""
SECOND_OPINION = "second recogniser"
"""The stage that a notice of its absence names."""
SPARING_AFTER = SAMPLE_RATE
"""The second opinion is given up when final words are more than this late twice in a row, in
samples: those of a single long turn take longer, although the machine keeps up."""
LATE_AFTER = 2 * SAMPLE_RATE
"""Final words that are more than this late (samples) cost the second opinion at once, and without
one the partial words."""
IN_TIME_WITHIN = SAMPLE_RATE
"""Partial words resume when final words are less than this late, in samples."""
FULL_WITHIN = SAMPLE_RATE // 2
"""Least delay of final words at which the second opinion stays away, in samples."""
FULL_AFTER = 4
"""Final words in a row that were in time before the second opinion is asked for again; twice as
many each time that it was given up again."""


class Backlog:
    """Queue of the requests that have not started.

    Times are stream indices.  A newer partial request of the same speaker replaces an older one, a
    newer careful request of the same utterance likewise, and both keep the older one's place in the
    queue.  The request that has waited longest is next.

    Parameters
    ----------
    joint
        Whether the transcriber has a second opinion, which is given up first.
    """

    def __init__(self, *, joint: bool = False) -> None:
        self._joint = joint
        self._careful: dict[tuple[Speaker, int], tuple[int, TranscribeTask]] = {}
        """For each utterance: since when a request waits, and the newest request."""
        self._partial: dict[Speaker, tuple[int, TranscribeTask]] = {}
        """The same for each speaker."""
        self._partials_not_before = 0
        self._partials_stopped = False
        self.sparing = False
        """Whether requests should do without a second opinion."""
        self._in_time = 0
        self._full_after = FULL_AFTER // 2
        self._late_before = False
        """Whether the last final words came more than `SPARING_AFTER` late."""

    @property
    def has_careful(self) -> bool:
        """Whether a careful request waits."""
        return bool(self._careful)

    def __len__(self) -> int:
        return len(self._careful) + len(self._partial)

    def add_task(self, task: TranscribeTask) -> None:
        """Add a request."""
        request = task.request
        if request.careful:
            key = request.speaker, request.utterance
            since, _ = self._careful.get(key, (request.at, None))
            self._careful[key] = since, task
            # The careful request covers the audio of a partial one that has not started.
            self._partial.pop(request.speaker, None)
        else:
            since, _ = self._partial.get(request.speaker, (request.at, None))
            self._partial[request.speaker] = since, task

    def clear(self) -> None:
        """Drop all waiting requests."""
        self._careful.clear()
        self._partial.clear()

    def drain(self) -> list[TranscribeTask]:
        """Return all waiting requests, and drop them."""
        tasks = [task for _, task in (*self._careful.values(), *self._partial.values())]
        self.clear()
        return tasks

    def next_task(self, now: int) -> TranscribeTask | None:
        """Return the request to start at `now`, if any."""
        first = min(self._careful, key=lambda k: self._careful[k][0], default=None)
        waiting = {} if self._partials_stopped or now < self._partials_not_before else self._partial
        partial = min(waiting, key=lambda k: waiting[k][0], default=None)
        if partial and (first is None or waiting[partial][0] < self._careful[first][0]):
            return self._partial.pop(partial)[1]
        return self._careful.pop(first)[1] if first else None

    def on_answered(self, request: TranscribeRequest, began: int, now: int) -> list[Degraded]:
        """Record an answered request; return what has changed in the backlog's state."""
        if not request.careful:
            self._partials_not_before = began + round(PARTIAL_REST_FACTOR * (now - began))
            return []
        lag = now - request.at
        alone = self.sparing or not self._joint
        changes = self._follow_second_opinion(now, lag)
        if alone and not self._partials_stopped and lag > LATE_AFTER:
            self._partials_stopped = True
            self._partial.clear()
            seconds = round(lag / SAMPLE_RATE)
            reason = f"the machine is busy: words arrive {seconds} s late, at turns' ends"
            changes.append(transcription_notice(now, reason))
        elif self._partials_stopped and lag < IN_TIME_WITHIN:
            self._partials_stopped = False
            changes.append(transcription_notice(now, "words arrive on time again", over=True))
        return changes

    def _follow_second_opinion(self, now: int, lag: int) -> list[Degraded]:
        """Give up the second opinion when the machine is behind, and take it up again."""
        self._in_time = self._in_time + 1 if lag < FULL_WITHIN else 0
        late, self._late_before = self._late_before, lag > SPARING_AFTER
        behind = lag > LATE_AFTER or (late and lag > SPARING_AFTER)
        if self._joint and not self.sparing and behind:
            self.sparing = True
            self._full_after *= 2
            reason = "the machine is busy: one recogniser hears alone"
            return [Degraded(at=now, stage=SECOND_OPINION, reason=reason)]
        if self.sparing and self._in_time >= self._full_after:
            self.sparing = False
            reason = "both recognisers hear again"
            return [Degraded(at=now, stage=SECOND_OPINION, reason=reason, over=True)]
        return []


def transcription_notice(at: int, reason: str, *, over: bool = False) -> Degraded:
    """Return the event that reports reduced transcription, or its recovery."""
    return Degraded(at=at, stage="transcription", reason=reason, over=over)
