"""When to ask for words, and which words to believe.

A segment becomes an utterance: a partial hypothesis is asked for every `step_s` while it goes
on, a final one when it ends.  A segment that grows past `max_utterance_s` is cut where speech
was least likely in its second half.  Words that two successive hypotheses agree on are committed
(LocalAgreement-2: Liu et al. 2020, "Low-latency sequence-to-sequence speech recognition and
translation by partial hypothesis selection", Interspeech); a final hypothesis replaces them all
and never changes.
One partial is under way at a time, so that a slow recogniser is asked less often, not later.
"""

from __future__ import annotations

from voicecoach import config
from voicecoach.lexical import plain
from voicecoach.types import (
    HOP,
    SAMPLE_RATE,
    Degraded,
    Event,
    HeardWord,
    Speaker,
    TranscribeRequest,
    Transcript,
    Utterance,
    Word,
)

PRE_ROLL = int(0.3 * SAMPLE_RATE)
"""Audio before the segment that the recogniser is given: onsets are soft."""
POST_ROLL = int(0.2 * SAMPLE_RATE)
"""Audio after the segment."""


class Agreement:
    """Commits the words that two successive hypotheses of an utterance agree on."""

    def __init__(self) -> None:
        self.committed: list[HeardWord] = []
        self._previous: list[HeardWord] = []

    def update(self, words: tuple[HeardWord, ...]) -> tuple[list[HeardWord], list[HeardWord]]:
        """Take a hypothesis of what follows the committed words.

        Returns
        -------
        newly_committed, tentative
            Words that follow, in this order, those committed before.
        """
        agreed = 0
        for mine, theirs in zip(words, self._previous, strict=False):
            if plain(mine.text) != plain(theirs.text):
                break
            agreed += 1
        newly = list(words[:agreed])
        self.committed += newly
        self._previous = list(words[agreed:])
        return newly, self._previous


class Scribe:
    """The words of one speaker."""

    def __init__(self, speaker: Speaker, settings: config.Transcription) -> None:
        self._speaker = speaker
        self._first = round(settings.first_s * SAMPLE_RATE)
        self._step = round(settings.step_s * SAMPLE_RATE)
        self._longest = round(settings.max_utterance_s * SAMPLE_RATE)
        self._number = 0
        self._start = self._end = 0
        self._quietest, self._pause = 1.0, 0
        self._next = 0
        self._partial_out = False
        self._agreement = Agreement()
        self._shown: list[tuple[str, bool]] = []
        self._ended: dict[int, tuple[int, int, bool]] = {}
        """Start, end, and whether words were shown, of utterances whose final is still to come."""
        self._trouble = ""

    @property
    def waiting(self) -> bool:
        """Whether a final hypothesis is still to come."""
        return bool(self._ended)

    def begin(self, start: int) -> None:
        """Begin an utterance with a segment that started at `start`."""
        self._open(max(self._end, start - PRE_ROLL, 0))
        self._next = start + self._first

    def step(self, at: int, speech: float, speaking: bool) -> list[Event]:
        """Take a hop within the segment; ask for a partial hypothesis where one is due.

        Parameters
        ----------
        at
            Where the hop ends.
        speech
            Its speech probability.
        speaking
            Whether the segment goes on, or may be ending.
        """
        if self._start + self._longest // 2 < at and speech <= self._quietest:
            self._quietest, self._pause = speech, at - HOP
        if not speaking:
            return []
        if at - self._start >= self._longest:
            return self._cut(at)
        if self._partial_out or at < self._next:
            return []
        self._partial_out, self._next = True, at + self._step
        return [self._request(at, at, final=False)]

    def end(self, at: int, segment_end: int) -> list[Event]:
        """End the utterance with its segment and ask for the final hypothesis."""
        return [self._close(at, min(at, segment_end + POST_ROLL))]

    def hear(self, at: int, transcript: Transcript) -> list[Event]:
        """Take the recogniser's answer."""
        events: list[Event] = []
        if transcript.error != self._trouble:
            self._trouble = transcript.error
            reason = f"{self._speaker}: {transcript.error or 'words come again'}"
            events.append(Degraded(at=at, stage="transcription", reason=reason))
        if transcript.final:
            return events + self._finish(at, transcript)
        if transcript.utterance != self._number:
            return events
        self._partial_out = False
        if transcript.error or self._number in self._ended:
            return events
        return events + self._show(at, transcript.words)

    def _show(self, at: int, words: tuple[HeardWord, ...]) -> list[Event]:
        """Say what a partial hypothesis changes of what is shown."""
        before = len(self._agreement.committed)
        newly, tentative = self._agreement.update(words)
        now = [(word, True) for word in newly] + [(word, False) for word in tentative]
        gone = self._shown[before + len(now) :]
        events: list[Event] = []
        for index, (word, committed) in enumerate(now, before):
            shown = self._shown[index] if index < len(self._shown) else None
            if not shown or shown != (word.text, committed):
                events.append(self._word(at, self._number, index, word, committed, final=False))
        for index in range(before + len(now), before + len(now) + len(gone)):
            withdrawn = HeardWord("", at, at, 0.0)
            events.append(self._word(at, self._number, index, withdrawn, False, final=False))
        self._shown[before:] = [(word.text, committed) for word, committed in now]
        return events

    def _open(self, start: int) -> None:
        self._number += 1
        self._start = start
        self._quietest, self._pause = 1.0, start
        self._partial_out = False
        self._agreement = Agreement()
        self._shown = []

    def _close(self, at: int, end: int) -> TranscribeRequest:
        self._end = end
        self._ended[self._number] = (self._start, end, bool(self._shown))
        return self._request(at, end, final=True)

    def _cut(self, at: int) -> list[Event]:
        request = self._close(at, self._pause)
        self._open(self._pause)
        self._next = at
        return [request]

    def _request(self, at: int, end: int, *, final: bool) -> TranscribeRequest:
        return TranscribeRequest(
            at=at,
            speaker=self._speaker,
            utterance=self._number,
            start=self._start,
            end=end,
            final=final,
            prefix="" if final else " ".join(w.text for w in self._agreement.committed),
        )

    def _finish(self, at: int, transcript: Transcript) -> list[Event]:
        number = transcript.utterance
        start, end, shown = self._ended.pop(number)
        events: list[Event] = [
            self._word(at, number, index, word, committed=True, final=True)
            for index, word in enumerate(transcript.words)
        ]
        text = " ".join(word.text for word in transcript.words)
        if text or shown:
            events.append(
                Utterance(
                    at=at,
                    speaker=self._speaker,
                    utterance=number,
                    start=transcript.words[0].start if text else start,
                    end=transcript.words[-1].end if text else end,
                    text=text,
                    words=len(transcript.words),
                )
            )
        return events

    def _word(
        self, at: int, utterance: int, index: int, word: HeardWord, committed: bool, final: bool
    ) -> Word:
        return Word(
            at=at,
            speaker=self._speaker,
            utterance=utterance,
            index=index,
            text=word.text,
            start=word.start,
            end=word.end,
            probability=word.probability,
            committed=committed,
            final=final,
        )
