"""Decides when to ask the transcriber for words, and what its answers are.

An utterance is what one speaker says between silences of `pause_s`, or until the other speaker
begins.  While it continues, a partial hypothesis is requested every `step_s`.  At every pause a
careful hypothesis of the whole utterance is requested, before it is known whether the utterance is
over.  If it is over, the careful words (usually ready by then) are its final words and never
change; if it continues, they are one more hypothesis.  An utterance longer than `max_utterance_s`
is split where speech was least likely in its second half, but after the words that are committed.
`agreement` decides which words of a hypothesis to commit.
"""

from __future__ import annotations

from collections.abc import Sequence

from voicecoach import config
from voicecoach.audio.endpointing import Segmenter
from voicecoach.audio.vad import VAD_WINDOW
from voicecoach.language.agreement import HypothesisPrompt, LocalAgreement
from voicecoach.types.doubt import doubtful_places
from voicecoach.types.events import (
    Degraded,
    Event,
    NotUnderstood,
    TranscribeRequest,
    Utterance,
    Word,
)
from voicecoach.types.stream import HOP, SAMPLE_RATE, HeardWord, Speaker, Transcript

PRE_ROLL = int(0.3 * SAMPLE_RATE)
"""Audio before the speech that is sent too, samples, since onsets are soft."""
POST_ROLL = int(0.2 * SAMPLE_RATE)
"""Audio after the speech that is sent too, samples; a pause this long gets a careful hypothesis."""
LONG_UTTERANCE = 8 * SAMPLE_RATE
"""An utterance this long (samples) ends at its next pause, to avoid a split in mid-speech."""
NOTICE_AFTER = 2
"""Utterances in a row that are not understood before the agent is told."""
NOT_UNDERSTOOD_NOTICE = "not understood: another language?"
WORDS_OVERDUE_AFTER = 2 * SAMPLE_RATE
"""Final words are overdue this long after the end of their audio, samples."""


class OpenUtterance:
    """An utterance whose final words are still to come."""

    def __init__(self, number: int, start: int, next_partial: int) -> None:
        self.number, self.start = number, start
        self.end = 0
        """Its end, samples; 0 while it continues."""
        self.next_partial = next_partial
        self.last_spoken = start
        """End of the latest speech, samples."""
        self.quietest, self.quietest_at = 1.0, start
        """Lowest speech probability in its second half, and its stream index."""
        self.careful_asked_to = 0
        """End of the audio of the newest careful request, samples."""
        self.careful: Transcript | None = None
        self.agreement = LocalAgreement(start)
        self.shown: list[tuple[str, bool, bool]] = []
        """The text of each word, whether it is committed, and whether it is doubtful."""


class IncrementalTranscriber:
    """Turns one speaker's speech into utterances, transcription requests and words."""

    def __init__(self, speaker: Speaker, settings: config.TranscriptionConfig) -> None:
        self._speaker = speaker
        self._first = round(settings.first_s * SAMPLE_RATE)
        self._step = round(settings.step_s * SAMPLE_RATE)
        self._pause = round(settings.pause_s * SAMPLE_RATE)
        self._longest = round(settings.max_utterance_s * SAMPLE_RATE)
        self._number = 0
        self._end = 0
        self._current: OpenUtterance | None = None
        self._awaiting_final: dict[int, OpenUtterance] = {}
        self._last_error = ""
        self._not_understood = 0
        """How many utterances in a row were not understood."""

    @property
    def awaits_final_words(self) -> bool:
        """Whether final words are still to come."""
        return bool(self._awaiting_final)

    def words_overdue(self, at: int) -> bool:
        """Return whether final words are overdue."""
        return any(at - draft.end > WORDS_OVERDUE_AFTER for draft in self._awaiting_final.values())

    def process_hop(self, at: int, speech: float, segment: Segmenter) -> list[Event]:
        """Add the hop that ends at `at`; request a hypothesis if one is due.

        Parameters
        ----------
        at
            Stream index of the end of the hop.
        speech
            Its speech probability, 0..1.
        segment
            The segmenter of the speaker's channel.
        """
        draft = self._current
        if not draft:
            if not segment.speaking:
                return []
            start = segment.start if segment.start >= self._end else at - VAD_WINDOW
            draft = self._open_utterance(max(self._end, start - PRE_ROLL, 0), start + self._first)
        if segment.active:
            draft.last_spoken = at if segment.speaking else segment.last_speech
        if draft.start + self._longest // 2 < at and speech <= draft.quietest:
            draft.quietest, draft.quietest_at = speech, at - HOP
        silence = at - draft.last_spoken
        long = draft.last_spoken - draft.start >= LONG_UTTERANCE
        if silence >= (POST_ROLL if long else self._pause):
            return self._close_utterance(at)
        if silence >= POST_ROLL:
            end = draft.last_spoken + POST_ROLL
            if draft.careful_asked_to == end:
                return []
            draft.next_partial = at + self._step
            return [self._request_careful(at, draft, end)]
        if not segment.speaking:
            return []
        if at - draft.start >= self._longest:
            return self._split_at_pause(at, draft)
        if at < draft.next_partial:
            return []
        draft.next_partial = at + self._step
        return [self._request(at, draft, draft.agreement.next_prompt(), at)]

    def end_utterance(self, at: int) -> list[Event]:
        """End the open utterance, if any, and request its final words if needed."""
        return self._close_utterance(at) if self._current else []

    def discard_utterances(self, at: int) -> list[Event]:
        """End all open utterances: committed words become final, all others are dropped."""
        drafts = [*self._awaiting_final.values(), *([self._current] if self._current else [])]
        self._awaiting_final, self._current, self._end = {}, None, at
        events: list[Event] = []
        for draft in drafts:
            draft.end = draft.end or at
            events += self._finish_utterance(at, draft, draft.agreement.committed)
        return events

    def add_transcript(self, at: int, transcript: Transcript) -> list[Event]:
        """Add a transcript from the transcriber."""
        events: list[Event] = []
        if transcript.error != self._last_error:
            self._last_error = transcript.error
            reason = f"{self._speaker}: {transcript.error or 'transcription resumed'}"
            over = not transcript.error
            events.append(Degraded(at=at, stage="transcription", reason=reason, over=over))
        draft = self._awaiting_final.get(transcript.utterance)
        if draft:
            if transcript.careful and transcript.end == draft.end:
                del self._awaiting_final[draft.number]
                if transcript.error:
                    # The committed words become final.
                    events += self._finish_utterance(at, draft, draft.agreement.committed)
                else:
                    events += self._finish_with(at, draft, transcript)
            return events
        draft = self._current
        if not draft or transcript.utterance != draft.number:
            return events
        if transcript.error:
            draft.careful_asked_to = 0
            return events
        if transcript.careful:
            draft.careful = transcript
        if not transcript.understood:
            draft.agreement = LocalAgreement(draft.start)
            return events + self._word_changes(at, draft)
        words = draft.agreement.words_after_committed(transcript)
        if words is not None:
            before = len(draft.agreement.committed)
            draft.agreement.add_hypothesis(
                words, transcript.end, complete=transcript.careful, streamed=transcript.streamed
            )
            if len(draft.agreement.committed) > before:
                # A split before these words would move them to the next utterance.
                draft.quietest = 1.0
                draft.quietest_at = max(transcript.end - POST_ROLL, draft.start)
            events += self._word_changes(at, draft)
        return events

    def _word_changes(self, at: int, draft: OpenUtterance) -> list[Event]:
        """Return events for the shown words that a hypothesis changed."""
        words = draft.agreement.committed + draft.agreement.tentative
        committed = len(draft.agreement.committed)
        now = [(word.text, i < committed, word.doubtful) for i, word in enumerate(words)]
        events: list[Event] = []
        for index, word in enumerate(words):
            if index >= len(draft.shown) or draft.shown[index] != now[index]:
                events.append(self._word(at, draft, index, word, index < committed, final=False))
        for index in range(len(words), len(draft.shown)):
            withdrawn = HeardWord("", at, at, 0.0)
            events.append(self._word(at, draft, index, withdrawn, False, final=False))
        draft.shown = now
        return events

    def _open_utterance(self, start: int, next_partial: int) -> OpenUtterance:
        self._number += 1
        self._current = OpenUtterance(self._number, start, next_partial)
        return self._current

    def _close_utterance(self, at: int, end: int | None = None) -> list[Event]:
        draft, self._current = self._current, None
        assert draft, "nothing is open"
        draft.end = self._end = min(at, draft.last_spoken + POST_ROLL) if end is None else end
        if draft.careful and draft.careful.end == draft.end:
            return self._finish_with(at, draft, draft.careful)
        self._awaiting_final[draft.number] = draft
        return (
            []
            if draft.careful_asked_to == draft.end
            else [self._request_careful(at, draft, draft.end)]
        )

    def _split_at_pause(self, at: int, draft: OpenUtterance) -> list[Event]:
        events = self._close_utterance(at, draft.quietest_at)
        self._open_utterance(draft.quietest_at, at)
        return events

    def _request_careful(self, at: int, draft: OpenUtterance, end: int) -> TranscribeRequest:
        """Ask for a careful hypothesis of the utterance up to `end`."""
        draft.careful_asked_to = end
        known = draft.agreement.committed_text()
        given = HypothesisPrompt(draft.start)
        return self._request(at, draft, given, end, careful=True, committed=known)

    def _request(
        self,
        at: int,
        draft: OpenUtterance,
        given: HypothesisPrompt,
        end: int,
        *,
        careful: bool = False,
        committed: str = "",
    ) -> TranscribeRequest:
        return TranscribeRequest(
            at=at,
            speaker=self._speaker,
            utterance=draft.number,
            start=given.start,
            end=end,
            careful=careful,
            skipped=given.start - draft.start,
            first=given.first,
            prefix=given.prefix,
            context=given.context,
            committed=committed,
        )

    def _finish_with(self, at: int, draft: OpenUtterance, transcript: Transcript) -> list[Event]:
        """Finish an utterance with its careful transcript, or say that it was not understood."""
        events = self._finish_utterance(at, draft, transcript.words)
        if not transcript.understood:
            self._not_understood += 1
            events.append(
                NotUnderstood(
                    at=at,
                    speaker=self._speaker,
                    utterance=draft.number,
                    start=draft.start,
                    end=draft.end,
                )
            )
            if self._not_understood == NOTICE_AFTER:
                events.append(self._language_notice(at, over=False))
        elif transcript.words:
            if self._not_understood >= NOTICE_AFTER:
                events.append(self._language_notice(at, over=True))
            self._not_understood = 0
        return events

    def _language_notice(self, at: int, *, over: bool) -> Degraded:
        stage = f"{self._speaker}'s words"
        reason = "understood again" if over else NOT_UNDERSTOOD_NOTICE
        return Degraded(at=at, stage=stage, reason=reason, over=over)

    def _finish_utterance(
        self, at: int, draft: OpenUtterance, words: Sequence[HeardWord]
    ) -> list[Event]:
        events: list[Event] = [
            self._word(at, draft, index, word, committed=True, final=True)
            for index, word in enumerate(words)
        ]
        if words or draft.shown:
            events.append(
                Utterance(
                    at=at,
                    speaker=self._speaker,
                    utterance=draft.number,
                    start=words[0].start if words else draft.start,
                    end=words[-1].end if words else draft.end,
                    text=" ".join(word.text for word in words),
                    words=len(words),
                    doubtful=doubtful_places(words),
                )
            )
        return events

    def _word(
        self,
        at: int,
        draft: OpenUtterance,
        index: int,
        word: HeardWord,
        committed: bool,
        final: bool,
    ) -> Word:
        return Word(
            at=at,
            speaker=self._speaker,
            utterance=draft.number,
            index=index,
            text=word.text,
            start=word.start,
            end=word.end,
            probability=word.probability,
            committed=committed,
            final=final,
            doubtful=word.doubtful,
        )
