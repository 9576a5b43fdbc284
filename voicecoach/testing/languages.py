"""Checks that a language's phrases match the examples in their tables."""

from __future__ import annotations

from voicecoach.language.act_matcher import ActPhrases
from voicecoach.language.dialogue_acts import DialogueActTracker
from voicecoach.language.pack import Language
from voicecoach.testing.doubles import make_word
from voicecoach.types.events import Utterance
from voicecoach.types.stream import SAMPLE_RATE, Speaker

ANSWER_AFTER = 20 * SAMPLE_RATE
"""Time from a customer's statement to the agent's reply in an example, in samples."""


def failed_examples(language: Language) -> list[str]:
    """Return a description of each example that is not matched and each counter-example that is.

    Examples
    --------
    >>> from voicecoach.shell.runtime.languages import find_language
    >>> failed_examples(find_language("en"))
    []
    """
    phrases = language.dialogue_acts
    failed = []
    for speaker, acts in phrases.acts.items() if phrases else ():
        for kind, table in acts.items():
            for examples, expected in ((table.examples, True), (table.counter_examples, False)):
                failed += [
                    f"{speaker}.{kind}: {'not found' if expected else 'found'} in {example!r}"
                    for example in examples
                    if phrases and (kind in _kinds_in(phrases, speaker, example)) != expected
                ]
    return failed


def _kinds_in(phrases: ActPhrases, speaker: Speaker, example: str | tuple[str, str]) -> set[str]:
    """Return the dialogue acts in a text, or in an agent's reply to a customer's statement."""
    if isinstance(example, str):
        tokens = phrases.tokenize(example.split())
        return {act.kind for act in phrases.matchers[speaker].match_acts(tokens)}
    tracker = DialogueActTracker(phrases)
    found: set[str] = set()
    for who, text, start in zip(
        (Speaker.CUSTOMER, Speaker.AGENT), example, (0, ANSWER_AFTER), strict=True
    ):
        words = [make_word(t, i, start=start, speaker=who) for i, t in enumerate(text.split())]
        for word in words:
            tracker.add_event(word)
        end = words[-1].end if words else start
        over = Utterance(
            at=end, speaker=who, utterance=1, start=start, end=end, text=text, words=len(words)
        )
        found = {act.kind for act in tracker.add_event(over)}
    return found
