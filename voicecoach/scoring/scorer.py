"""Builds the score card of a call from its events."""

from __future__ import annotations

from voicecoach.coaching.thresholds import CueThresholds
from voicecoach.language.pack import Language
from voicecoach.scoring.call import ScoredCall
from voicecoach.scoring.journey import journey, root_cause
from voicecoach.scoring.record import CallRecord
from voicecoach.scoring.styles import conflict_styles
from voicecoach.scoring.techniques import TECHNIQUES, score_technique
from voicecoach.types.events import Event
from voicecoach.types.stream import SAMPLE_RATE, SPEAKERS, Speaker
from voicecoach.views.channel_text import short_state
from voicecoach.views.scorecard import ScoreCard

MIN_WORDED_SHARE = 0.6
"""Share of a speaker's speech that has words, from which the transcript counts as complete."""


class Scorer:
    """Builds a `ScoreCard` from events as they come.

    Parameters
    ----------
    name
        Name of the call.
    thresholds
        Thresholds of the rules that were loaded for the call.
    language
        Language of the call.
    composite
        Whether the agent's composite (calmness) is computed; if not, nothing is named after it.
    words
        Whether the card may quote words.
    """

    def __init__(
        self,
        name: str,
        thresholds: CueThresholds,
        language: Language,
        *,
        composite: bool = True,
        words: bool = True,
    ) -> None:
        self._name, self._thresholds, self._language = name, thresholds, language
        self._record = CallRecord()
        self._composite, self._words = composite, words

    def add_event(self, event: Event) -> None:
        """Add an event."""
        self._record.add_event(event)

    def finish(self) -> ScoreCard:
        """Return the score card of all events added."""
        call = ScoredCall(self._record, self._thresholds, self._language, quoting=self._words)
        return ScoreCard(
            call=self._name,
            techniques=[score_technique(p, call, composite=self._composite) for p in TECHNIQUES],
            styles=conflict_styles(call),
            journey=journey(call),
            root_cause=root_cause(call) if self._words else [],
            notes=_language_notes(call)
            + [note for speaker in SPEAKERS for note in _limit_notes(call, speaker)],
        )


def _language_notes(call: ScoredCall) -> list[str]:
    """Return a warning if there were words but no phrases for the language."""
    if call.language.dialogue_acts or not any(map(call.has_words, SPEAKERS)):
        return []
    return [f"no phrases for {call.language.code!r}: techniques that need them are not scored"]


def _limit_notes(call: ScoredCall, speaker: Speaker) -> list[str]:
    """Return what limits the scores of a speaker, and why."""
    if not call.segments[speaker]:
        return [f"the {speaker} was not heard"]
    if state := call.distrusted.get(speaker):
        what = short_state(state)
        return [f"{what} on the {speaker}'s side: techniques that need it are not scored"]
    if lost := call.not_understood[speaker]:
        seconds = sum(span.end - span.start for span in lost) / SAMPLE_RATE
        return [
            f"{seconds:.0f} s of the {speaker}'s speech were not understood (another language?): "
            "they are not scored"
        ]
    if not call.has_words(speaker):
        return [
            f"no words of the {speaker} were transcribed: techniques that need them are not scored"
        ]
    share = call.worded_share(speaker)
    if share < MIN_WORDED_SHARE:
        return [
            f"only {share:.0%} of the {speaker}'s speech has words: some moments may be missing"
        ]
    return []
