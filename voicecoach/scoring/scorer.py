"""From the events of a call to its score card."""

from __future__ import annotations

from voicecoach.coaching.thresholds import CueThresholds
from voicecoach.language.pack import Language
from voicecoach.scoring.call import ScoredCall
from voicecoach.scoring.journey import journey, root_cause
from voicecoach.scoring.record import CallRecord
from voicecoach.scoring.styles import conflict_styles
from voicecoach.scoring.techniques import TECHNIQUES, score_technique
from voicecoach.types import SPEAKERS, Event, Speaker
from voicecoach.views.scorecard import ScoreCard

MIN_WORDED_SHARE = 0.6
"""Share of a speaker's speech with words from which they are believed to be all there."""


class Scorer:
    """Builds a `ScoreCard` from events as they come.

    Parameters
    ----------
    name
        Of the call.
    thresholds
        Of the rules that were loaded for it.
    language
        That was spoken.
    composite
        Whether there is the composite of the agent's delivery; else nothing is named after it.
    words
        Whether the card may quote.
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
        """Take an event."""
        self._record.add_event(event)

    def finish(self) -> ScoreCard:
        """Return the score card of all events taken."""
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
    """Return what cannot be said for want of phrases, where there were words."""
    if call.language.dialogue_acts or not any(map(call.has_words, SPEAKERS)):
        return []
    return [f"there are no phrases for {call.language.code!r}: what needs them is not scored"]


def _limit_notes(call: ScoredCall, speaker: Speaker) -> list[str]:
    """Return what cannot be said of a speaker, and why."""
    if not call.segments[speaker]:
        return [f"the {speaker} was not heard"]
    if state := call.distrusted.get(speaker):
        return [f"the {speaker}'s channel is {state}: what rests on it is not scored"]
    if not call.has_words(speaker):
        return [f"no words of the {speaker} were heard: what needs them is not scored"]
    share = call.worded_share(speaker)
    if share < MIN_WORDED_SHARE:
        return [f"words were heard in {share:.0%} of the {speaker}'s speech: some will be missing"]
    return []
