"""Finds dialogue acts in one speaker's words, by the phrases of a language.

A language's `dialogue_acts.toml` has for each kind its phrases, longer phrases that are not the
act, and examples of both.  Two kinds need a rule as well.  A *question* ends in the transcriber's
question mark, or has a clause that opens like a question.  A promise with a time is an
*expectation*, one without is a *promise*.  Acts that depend on both speakers' words are in
`dialogue_acts`.

Precision matters more than recall, because a wrong cue costs more than a missed one.  Phrases that
are as often innocent are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from voicecoach.language.phrases import Phrases, SharedPhrases, mark_places, normalize_text
from voicecoach.language.tables import ActTable
from voicecoach.types.stream import SPEAKERS, Immutable, Speaker

MERGE_WITHIN_WORDS = 4
"""Matches of a kind fewer words apart are merged: "sorry, so sorry" is one apology."""
TIME_AFTER, TIME_BEFORE, TIME_NEXT = 25, 8, 12
"""Most words between a promise and its time: after it and before it in the same sentence, and after
it in the next sentence."""

ACT_KINDS: Mapping[Speaker, Mapping[str, str]] = {
    Speaker.AGENT: {
        "acknowledgement": "Validates or empathises: acknowledges the problem.",
        "apology": "Says sorry for what happened.",
        "question": "Asks the customer something.",
        "paraphrase": "Repeats what the customer said in other words.",
        "softener": "Hedges a request or a refusal politely.",
        "hard": "Negative or absolute to the customer, where a kinder wording does as well.",
        "defence": "Blames the customer or others, takes it personally, defends oneself or the "
        "company.",
        "solution": "Offers a way forward, or says what will be done about the trouble.",
        "compromise": "Meets the customer half way.",
        "promise": "Promises an action or a result, with no time.",
        "expectation": "Says what will happen, and when: a promise with a time, or one of these "
        "with a time.",
        "limit": "Sets a limit, calmly, on behaviour or on what can be done.",
        "escalation": "Offers to hand over or to take it higher.",
        "follow_up": "Agrees a next step or a follow-up.",
        "recap": "Sums up what was agreed.",
        "thanks": "Thanks the customer.",
        "greeting": "Opens the call.",
        "closing": "Ends the call.",
        "wait": "Announces a pause, or gives the customer time.",
    },
    Speaker.CUSTOMER: {
        "trouble": "Describes a fault, a failure, a wrong done.",
        "demand": "Asks for a supervisor, a manager, or somebody else.",
        "repeat": "Complains of having said it, called, or been told before.",
        "abuse": "Insults or swears at the agent.",
        "thanks": "Thanks the agent.",
        "closing": "Ends the call.",
        "wait": "Asks for time.",
        "greeting": "Opens the call as an agent does: the channels may be the wrong way round.",
    },
}
"""Kinds of dialogue acts with a description of each, by speaker."""

STRICT_KINDS = frozenset({"abuse"})
"""Kinds of which no word may be doubtful; of the other kinds at most half of the words, the shorter
ones where it is half."""

_CLAUSE_STOP = re.compile(r"[,.;:!?\u2026-]+[\"')]*$")
_SENTENCE_STOP = re.compile(r"[.!?]+[\"')]*$")
_QUESTION_STOP = re.compile(r"\?+[\"')]*$")
_SET_NAME = re.compile(r"<([^>]*)>")


class ActMatch(NamedTuple):
    """A dialogue act found in a list of tokens."""

    kind: str
    first: int
    last: int
    """Its tokens are [first, last)."""
    instead: str = ""
    """A better wording, for acts to avoid; otherwise ""."""


class ActToken(NamedTuple):
    """A normalized word."""

    text: str
    place: int
    """Index of the word in the input."""
    pause: bool
    stop: bool
    asked: bool
    """Whether a clause (`pause`), a sentence (`stop`) or a question (`asked`) ends with it."""
    doubtful: bool = False
    """Whether the word is doubtful."""


class ActKind(Immutable):
    """Finds one kind of dialogue act by a language's table.

    Parameters
    ----------
    table
        The kind's table.
    language
        The language's phrases.
    strict
        Whether no word of a match may be doubtful.
    """

    def __init__(self, table: ActTable, language: ActPhrases, *, strict: bool = False) -> None:
        make = language.make_phrases
        groups = [(group.phrases, group.instead) for group in table.groups]
        groups = groups or [(table.phrases, "")]
        self._groups = [(make(phrases), instead) for phrases, instead in groups]
        self._but = make(table.but) if table.but else None
        self._across = make(table.across) if table.across else None
        self._negation, self._shared, self._strict = table.negation, language.shared, strict

    def find_places(self, words: Sequence[ActToken]) -> list[tuple[int, int, str]]:
        """Return the matches: index range [first, last) in `words`, and what to say instead."""
        texts = tuple(token.text for token in words)
        # Doubtful words exclude and negate as any other.
        sure = tuple("" if t.doubtful else t.text for t in words) if self._strict else texts
        hits = self._find_phrases(sure)
        if not hits:
            return hits
        taken = [False] * len(texts)
        for first, last in self._but.find_normalized(texts) if self._but else ():
            # A phrase across two sentences excludes nothing.
            if not any(token.stop for token in words[first : last - 1]):
                mark_places(taken, [(first, last)])
        if self._across:
            mark_places(taken, self._across.find_normalized(texts))
        if any(any(taken[first:last]) for first, last, _ in hits):
            hits = self._find_phrases(sure, taken)
        if self._negation and hits:
            mark_places(taken, [(first, last) for first, last, _ in hits])
            turned, start = [], 0
            for i, token in enumerate(words):
                if token.stop or i == len(words) - 1:
                    # A negation ends with its sentence.
                    turned += self._shared.find_negated(texts[start : i + 1], taken[start : i + 1])
                    start = i + 1
            hits = [hit for hit in hits if not turned[hit[0]]]
        return hits

    def _find_phrases(
        self, texts: tuple[str, ...], barred: Sequence[bool] = ()
    ) -> list[tuple[int, int, str]]:
        return [
            (first, last, instead)
            for phrases, instead in self._groups
            for first, last in phrases.find_normalized(texts, barred)
        ]


class ActMatcher(Immutable):
    """Finds one speaker's dialogue acts in their own words."""

    def __init__(self, acts: Mapping[str, ActTable], language: ActPhrases) -> None:
        by_rule = {"question", "promise", "expectation", "paraphrase"}
        make = language.make_phrases
        self._kinds = {
            k: ActKind(t, language, strict=k in STRICT_KINDS)
            for k, t in acts.items()
            if k not in by_rule
        }
        self._rules: list[Callable[[Sequence[ActToken], tuple[str, ...]], list[ActMatch]]] = []
        if "question" in acts:
            question, expectation = acts["question"], acts["expectation"]
            self._asks, self._opens = ActKind(question, language), make(question.openings)
            self._tags, self._before = make(question.tags), make(question.before)
            self._promises = ActKind(acts["promise"], language)
            self._tells = ActKind(expectation, language)
            self._times = ActKind(expectation.time or ActTable(), language)
            self._rules = [self._questions, self._promised]

    def match_acts(self, words: Sequence[ActToken], since: int = 0) -> list[ActMatch]:
        """Return the dialogue acts in order of their first token, as token index ranges.

        Those that end at or before the index `since` are left out.
        """
        texts = tuple(token.text for token in words)
        found = [
            ActMatch(kind, *hit)
            for kind, phrases in self._kinds.items()
            for hit in phrases.find_places(words)
        ]
        for rule in self._rules:
            found += rule(words, texts)
        return _merge_close([match for match in found if match.last > since])

    def _questions(self, words: Sequence[ActToken], texts: tuple[str, ...]) -> list[ActMatch]:
        found = [
            ActMatch("question", first, last) for first, last, _ in self._asks.find_places(words)
        ]
        clause = sentence = 0
        starts, tags = {0}, set()
        for i, token in enumerate(words):
            if token.pause or i == len(words) - 1:
                if self._tags.cover_all(texts[clause : i + 1]):
                    tags.add(clause)
                elif token.asked:
                    found.append(ActMatch("question", sentence, i + 1))
                clause = i + 1
                starts.add(clause)
            if token.stop:
                sentence = i + 1
        for first, last in self._before.find_normalized(texts):
            if first in starts:
                starts.add(last)
        opened = self._opens.find_normalized(texts)
        found += [ActMatch("question", *place) for place in opened if place[0] in starts - tags]
        return found

    def _promised(self, words: Sequence[ActToken], texts: tuple[str, ...]) -> list[ActMatch]:
        times = [(first, last) for first, last, _ in self._times.find_places(words)]
        stops = [i for i, token in enumerate(words) if token.stop]

        def timed(first: int, last: int, following: int) -> int | None:
            """Return the end of the promise [first, last) with its time; None without a time."""
            for at, end in times:
                apart = sum(min(last, end) - 1 <= stop < max(first, at) for stop in stops)
                after, before = at - last, first - end
                near = 0 <= after <= (TIME_AFTER if not apart else following)
                if (
                    near
                    or (at < last and first < end)
                    or (0 <= before <= TIME_BEFORE and not apart)
                ):
                    return max(end, last)
            return None

        found = []
        for first, last, _ in self._promises.find_places(words):
            end = timed(first, last, TIME_NEXT)
            found.append(ActMatch("expectation" if end else "promise", first, end or last))
        for first, last, _ in self._tells.find_places(words):
            end = timed(first, last, 0)
            if end:
                found.append(ActMatch("expectation", first, end))
        return found


class ActPhrases(Immutable):
    """A language's phrases of dialogue acts.

    Parameters
    ----------
    acts
        For each speaker, a table for each kind in `ACT_KINDS`.
    supportive
        Backchannel phrases.
    spelling
        Spelling variants of a transcriber, each with the spelling that phrases use.
    sets
        The named sets of phrases.
    shared
        The language's shared word lists.

    Raises
    ------
    ValueError
        If an act has no phrases or uses an unknown set; it names the act.
    """

    def __init__(
        self,
        acts: Mapping[Speaker, Mapping[str, ActTable]],
        supportive: Sequence[str],
        spelling: Mapping[str, str],
        sets: Mapping[str, Sequence[str]],
        shared: SharedPhrases,
    ) -> None:
        self.shared = shared
        self.supportive = Phrases(supportive)
        self.acts = acts
        """Tables of the language's file, by speaker and kind."""
        self._spelling, self._sets = spelling, sets
        self._check_phrases()
        paraphrase = acts[Speaker.AGENT]["paraphrase"]
        self.paraphrase_leads = self.make_phrases(paraphrase.phrases)
        weak = ActTable(phrases=paraphrase.weak, but=paraphrase.not_weak)
        self.weak_leads = ActKind(weak, self)

    @cached_property
    def matchers(self) -> Mapping[Speaker, ActMatcher]:
        """The matcher of each speaker, built on first use."""
        return {speaker: ActMatcher(self.acts[speaker], self) for speaker in SPEAKERS}

    def load_matchers(self) -> None:
        """Build the matchers (0.2 s of CPU); call this before a call with words begins."""
        _ = self.matchers

    def make_phrases(self, texts: Sequence[str]) -> Phrases:
        """Return compiled phrases; they may use the language's named sets."""
        return Phrases(texts, self._sets)

    def tokenize(
        self, words: Sequence[str], doubtful: Collection[int] = frozenset()
    ) -> list[ActToken]:
        """Return words as tokens: normalized, in one spelling, without fillers.

        Parameters
        ----------
        words
            The words.
        doubtful
            Places of the doubtful ones.
        """
        read: list[ActToken] = []
        for place, word in enumerate(words):
            doubt = place in doubtful
            spoken = [w for w in normalize_text(word).split() if w not in self.shared.fillers]
            spoken = " ".join(self._spelling.get(w, w) for w in spoken).split()
            pause, stop, asked = (
                bool(p.search(word)) for p in (_CLAUSE_STOP, _SENTENCE_STOP, _QUESTION_STOP)
            )
            read += [ActToken(text, place, False, False, False, doubt) for text in spoken[:-1]]
            if spoken:
                read.append(ActToken(spoken[-1], place, pause, stop, asked, doubt))
            elif read:
                last = read[-1]
                read[-1] = last._replace(
                    pause=last.pause or pause, stop=last.stop or stop, asked=last.asked or asked
                )
        return read

    def content_stems(self, text: str) -> set[str]:
        """Return the stems of a text's content words, for comparing it with other texts."""
        return set(self.shared.content_stems([t.text for t in self.tokenize(text.split())])) - {""}

    def _check_phrases(self) -> None:
        for speaker, kinds in ACT_KINDS.items():
            for kind in kinds:
                # Without phrases an act is never found, and cues would report it as missing.
                if not (phrases := list(_phrases_in(self.acts[speaker].get(kind, ActTable())))):
                    raise ValueError(f"{speaker}.{kind}: it has no phrases")
                for phrase in phrases:
                    for name in _SET_NAME.findall(phrase):
                        if name not in self._sets:
                            raise ValueError(f"{speaker}.{kind}: {phrase!r}: no set <{name}>")


def _phrases_in(table: ActTable) -> Iterator[str]:
    """Yield the phrases of an act."""
    texts = (table.phrases, table.but, table.across, table.openings, table.before, table.tags)
    for phrases in (*texts, table.weak, table.not_weak, *(g.phrases for g in table.groups)):
        yield from phrases
    if table.time:
        yield from _phrases_in(table.time)


def _merge_close(found: list[ActMatch]) -> list[ActMatch]:
    """Return matches in order of their first token, merging close ones of the same kind."""
    joined: list[ActMatch] = []
    newest: dict[tuple[str, str], int] = {}
    for f in sorted(found, key=lambda f: (f.first, f.last, f.kind)):
        at = newest.get((f.kind, f.instead))
        if at is not None and f.first - joined[at].last < MERGE_WITHIN_WORDS:
            joined[at] = joined[at]._replace(last=max(joined[at].last, f.last))
        else:
            newest[f.kind, f.instead] = len(joined)
            joined.append(f)
    return joined
