"""What the two do with words: an apology, a promise, a demand; each with the words it is in.

The kinds are data (`moves.toml`): phrases, longer ones that only look like it, examples of both.
Three need a rule beside their phrases.  A *question* ends in the recogniser's question mark, or
opens a clause as questions do.  A promise that a time goes with is an *expectation*, one without
is a *promise*.  A *paraphrase* shares its content words with what the customer has told lately; and
a customer *repeats* who tells the same trouble again, as in `wording`.

Like `wording` it reads committed words, an utterance with the end of the one before, since people
pause in phrases, and what it finds is a function of what the words are now.  A `Move` is told once,
when its utterance is final.  What one speaker says is read without the other's words, but for a
paraphrase, which is held against the customer's final ones.

It errs to silence: a phrase that is as often innocent is left out, for a cue that is wrong costs
more than one that is missed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from voicecoach.lexical import (
    AGAIN_AFTER,
    FILLERS,
    LEAD_GAP,
    Phrases,
    Utterances,
    content,
    negated,
    plain,
    retold,
    table,
    take,
)
from voicecoach.types import SAMPLE_RATE, SPEAKERS, Move, Speaker, Utterance, Word

LEAD = 12
"""Words of the utterance before that are read again."""
REMEMBERED = 8
"""Utterances of a speaker whose words may still change."""
TOGETHER = 4
"""Words between two finds of a kind that make them one: "sorry, so sorry" is one apology."""
QUOTED = 8
"""Most words in a quotation."""
TIME_AFTER, TIME_BEFORE, TIME_NEXT = 25, 8, 12
"""Words from a promise to its time: after or before it in the sentence, and in the next one."""
ACCOUNT = 60 * SAMPLE_RATE
"""How long what the customer told is still what a paraphrase takes up."""
PARAPHRASED, PARAPHRASED_WEAKLY, PARAPHRASED_LED = 4, 2, 1
"""Content words that a paraphrase shares: by itself, after a weak lead ("so"), and beside a strong
one ("what you're saying", "have I got that right")."""
PARAPHRASE = 30
"""Most words of a paraphrase."""

_PAUSE = re.compile(r"[,.;:!?\u2026-]+[\"')]*$")
_STOP = re.compile(r"[.!?]+[\"')]*$")
_ASKED = re.compile(r"\?+[\"')]*$")


class Found(NamedTuple):
    """A move in running words."""

    kind: str
    first: int
    last: int
    """It is the words [first, last)."""
    instead: str = ""
    """What could be said in its place, where it had better not be said."""


class Said(NamedTuple):
    """A move that was made."""

    kind: str
    start: int
    end: int
    """Samples."""
    text: str
    """A few of its words, plain."""
    instead: str = ""


class Token(NamedTuple):
    """A word as it is read."""

    text: str
    place: int
    """Of the word as it was given."""
    pause: bool
    stop: bool
    asked: bool
    """Whether a clause, a sentence, a question ends with it."""


def tokens(words: Sequence[str]) -> list[Token]:
    """Return words as they are read here: plain, spelled one way, without fillers."""
    spelling: dict[str, str] = table("moves")["spelling"]
    read: list[Token] = []
    for place, word in enumerate(words):
        spoken = [w for w in plain(word).split() if w not in FILLERS]
        spoken = " ".join(spelling.get(w, w) for w in spoken).split()
        pause, stop, asked = (bool(p.search(word)) for p in (_PAUSE, _STOP, _ASKED))
        read += [Token(text, place, False, False, False) for text in spoken[:-1]]
        if spoken:
            read.append(Token(spoken[-1], place, pause, stop, asked))
        elif read:
            last = read[-1]
            read[-1] = last._replace(
                pause=last.pause or pause, stop=last.stop or stop, asked=last.asked or asked
            )
    return read


class Kind:
    """A kind of move, as data says it."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._groups = [
            (_phrases(group["phrases"]), group.get("instead", ""))
            for group in data.get("groups", [data])
        ]
        self._but, self._across = (
            _phrases(data[key]) if data.get(key) else None for key in ("but", "across")
        )
        self._negation: bool = data.get("negation", False)

    def find(self, words: Sequence[Token]) -> list[tuple[int, int, str]]:
        """Return where it is among tokens, [first, last), and what to say instead."""
        texts = tuple(token.text for token in words)
        hits = [
            (first, last, instead)
            for phrases, instead in self._groups
            for first, last in phrases.among(texts)
        ]
        if not hits:
            return hits
        taken = [False] * len(texts)
        for first, last in self._but.among(texts) if self._but else ():
            # One sentence does not take the sense from the next.
            if not any(token.stop for token in words[first : last - 1]):
                take(taken, [(first, last)])
        if self._across:
            take(taken, self._across.among(texts))
        hits = [hit for hit in hits if not any(taken[hit[0] : hit[1]])]
        if self._negation and hits:
            take(taken, [(first, last) for first, last, _ in hits])
            turned, start = [], 0
            for i, token in enumerate(words):
                if token.stop or i == len(words) - 1:
                    # A negation ends with its sentence.
                    turned += negated(texts[start : i + 1], taken[start : i + 1])
                    start = i + 1
            hits = [hit for hit in hits if not turned[hit[0]]]
        return hits


class Reader:
    """Finds the moves of a speaker by their words alone."""

    def __init__(self, speaker: Speaker) -> None:
        data = table("moves")[speaker]
        by_rule = {"question", "promise", "expectation", "paraphrase"}
        self._kinds = {kind: Kind(data[kind]) for kind in data if kind not in by_rule}
        self._rules: list[Callable[[Sequence[Token], tuple[str, ...]], list[Found]]] = []
        if "question" in data:
            question = data["question"]
            self._asks, self._opens = Kind(question), _phrases(question["openings"])
            self._tags, self._before = _phrases(question["tags"]), _phrases(question["before"])
            self._promises, self._tells = Kind(data["promise"]), Kind(data["expectation"])
            self._times = Kind(data["expectation"]["time"])
            self._rules = [self._questions, self._promised]

    def find(self, words: Sequence[Token]) -> list[Found]:
        """Return the moves in tokens, by their first word; their places are those of tokens."""
        texts = tuple(token.text for token in words)
        found = [
            Found(kind, *hit)
            for kind, phrases in self._kinds.items()
            for hit in phrases.find(words)
        ]
        for rule in self._rules:
            found += rule(words, texts)
        return _together(found)

    def _questions(self, words: Sequence[Token], texts: tuple[str, ...]) -> list[Found]:
        found = [Found("question", first, last) for first, last, _ in self._asks.find(words)]
        clause = sentence = 0
        starts, tags = {0}, set()
        for i, token in enumerate(words):
            if token.pause or i == len(words) - 1:
                if self._tags.cover(texts[clause : i + 1]):
                    tags.add(clause)
                elif token.asked:
                    found.append(Found("question", sentence, i + 1))
                clause = i + 1
                starts.add(clause)
            if token.stop:
                sentence = i + 1
        for first, last in self._before.among(texts):
            if first in starts:
                starts.add(last)
        opened = self._opens.among(texts)
        found += [Found("question", *place) for place in opened if place[0] in starts - tags]
        return found

    def _promised(self, words: Sequence[Token], texts: tuple[str, ...]) -> list[Found]:
        times = [(first, last) for first, last, _ in self._times.find(words)]
        stops = [i for i, token in enumerate(words) if token.stop]

        def timed(first: int, last: int, following: int) -> int | None:
            """Return where the time ends that goes with [first, last)."""
            for at, end in times:
                apart = sum(min(last, end) - 1 <= stop < max(first, at) for stop in stops)
                after, before = at - last, first - end
                near = -(end - at) <= after <= (TIME_AFTER if not apart else following)
                if near or (0 <= before <= TIME_BEFORE and not apart):
                    return max(end, last)
            return None

        found = []
        for first, last, _ in self._promises.find(words):
            end = timed(first, last, TIME_NEXT)
            found.append(Found("expectation" if end else "promise", first, end or last))
        for first, last, _ in self._tells.find(words):
            end = timed(first, last, 0)
            if end:
                found.append(Found("expectation", first, end))
        return found


def prepare() -> None:
    """Make the readers, which takes a while, before a call with words begins."""
    for speaker in SPEAKERS:
        _reader(speaker)


def find(speaker: Speaker, words: Sequence[str]) -> list[Found]:
    """Return the moves in words, by their first word; a paraphrase needs the call, see `Moves`.

    Parameters
    ----------
    speaker
        Who says it.
    words
        As the recogniser gives them, with their punctuation.
    """
    read = tokens(words)
    return [
        f._replace(first=read[f.first].place, last=read[f.last - 1].place + 1)
        for f in _reader(speaker).find(read)
    ]


class Read(NamedTuple):
    """An utterance that was read."""

    start: int
    end: int
    tokens: tuple[Token, ...]
    words: tuple[Word, ...]
    said: tuple[Said, ...]
    content: tuple[str, ...]
    """Of each token what is compared, "" where it is too common."""
    complaint: bool


class Moves:
    """What both do with words, as they come.

    A new object is a new call.
    """

    def __init__(self) -> None:
        self._words = {speaker: Utterances(REMEMBERED) for speaker in SPEAKERS}
        self._read: dict[Speaker, dict[int, Read]] = {speaker: {} for speaker in SPEAKERS}
        """Utterances as read, in order, until a word of theirs or of one before changes."""
        self._final = dict.fromkeys(SPEAKERS, 0)
        """The newest utterance that is final."""
        self._said: dict[Speaker, dict[str, list[Said]] | None] = dict.fromkeys(SPEAKERS)
        data = table("moves")["agent"]
        self._leads = _phrases(data["paraphrase"]["phrases"])
        weak = {"phrases": data["paraphrase"]["weak"], "but": data["paraphrase"]["not_weak"]}
        self._weak_leads = Kind(weak)
        self._supportive = Phrases(table("moves")["supportive"])
        self.changes = 0
        """How often what was said may have changed."""

    def hear(self, event: Word | Utterance) -> list[Move]:
        """Take a word or the end of an utterance, as it comes, and return the moves now sure."""
        speaker, number = event.speaker, event.utterance
        if number <= self._final[speaker]:
            return []
        self.changes += 1
        if self._words[speaker].hear(event):
            self._void(speaker, number)
        if not isinstance(event, Utterance):
            return []
        self._catch_up(speaker)
        self._final[speaker] = number
        if speaker is Speaker.CUSTOMER:
            # What the agent is saying may take it up.
            self._void(Speaker.AGENT, self._final[Speaker.AGENT] + 1)
        read = self._read[speaker].get(number)
        return [
            Move(
                at=event.at,
                speaker=speaker,
                start=said.start,
                end=said.end,
                kind=said.kind,
                text=said.text,
                instead=said.instead,
            )
            for said in (read.said if read else ())
        ]

    def said(self, speaker: Speaker, kind: str) -> Sequence[Said]:
        """Return the moves of a kind in the call so far, by the words as they are now."""
        self._catch_up(speaker)
        by_kind = self._said[speaker]
        if by_kind is None:
            by_kind = self._said[speaker] = {}
            for read in self._read[speaker].values():
                for said in read.said:
                    by_kind.setdefault(said.kind, []).append(said)
        return by_kind.get(kind, [])

    def only_supportive(self, speaker: Speaker, since: int) -> bool:
        """Return whether what a speaker says is meant to reassure and nothing else.

        Parameters
        ----------
        speaker
            Their newest words count, tentative ones too.
        since
            Words that end after this, samples.
        """
        newest = self._words[speaker].newest()
        return self._supportive.cover([w.text for w in newest if w.text and w.end > since])

    def _void(self, speaker: Speaker, number: int) -> None:
        """Forget what was read from an utterance on."""
        read = self._read[speaker]
        for n in [n for n in reversed(read) if n >= number]:
            del read[n]
        self._said[speaker] = None

    def _catch_up(self, speaker: Speaker) -> None:
        """Read what is not read yet."""
        if self._said[speaker] is not None:
            return  # Nothing has changed since.
        read = self._read[speaker]
        newest = next(reversed(read), 0)
        for number, words in self._words[speaker]:
            if number > newest and number > self._final[speaker] and words:
                read[number] = self._utterance(speaker, words)

    def _utterance(self, speaker: Speaker, words: list[Word]) -> Read:
        earlier = list(self._read[speaker].values())
        before = earlier[-1] if earlier else None
        lead: list[Word] = []
        if before and words[0].start - before.end <= LEAD_GAP:
            lead = list(before.words[-LEAD:])
        all_words = [*lead, *words]
        read = tokens([word.text for word in all_words])
        own = [token for token in read if token.place >= len(lead)]
        found = _reader(speaker).find(read)
        texts = tuple(token.text for token in own)
        start, end = words[0].start, words[-1].end
        compared = tuple(content(texts))
        offset = len(read) - len(own)
        if speaker is Speaker.AGENT:
            found += self._paraphrased(own, compared, offset, start)
        complaint = any(f.kind in ("trouble", "repeat") for f in found)
        if speaker is Speaker.CUSTOMER:
            again = self._again(earlier, compared, start, complaint)
            if again is not None and not any(f.kind == "repeat" for f in found):
                last = min(again + QUOTED, len(texts))
                found.append(Found("repeat", offset + again, offset + last))
        said = []
        for f in sorted(found, key=lambda f: (f.first, f.kind)):
            first, last = read[f.first].place, read[f.last - 1].place
            if last < len(lead):
                continue
            if f.last == len(read) and not words[-1].final:
                continue  # "Take care" may become "take care of it".
            begin = all_words[first].start
            if before and any(s.kind == f.kind and s.end > begin for s in before.said):
                continue  # It goes on, and was found before.
            text = " ".join(token.text for token in read[f.first : f.last][:QUOTED])
            said.append(Said(f.kind, begin, all_words[last].end, text, f.instead))
        return Read(start, end, tuple(own), tuple(words), tuple(said), compared, complaint)

    def _again(
        self, earlier: Sequence[Read], now: Sequence[str], start: int, complaint: bool
    ) -> int | None:
        """Return where the customer tells a trouble again that they told before."""
        for read in reversed(earlier):
            if start - read.end >= AGAIN_AFTER and (complaint or read.complaint):
                again = retold(read.content, now, QUOTED)
                if again is not None:
                    return again
        return None

    def _paraphrased(
        self, own: Sequence[Token], compared: Sequence[str], offset: int, start: int
    ) -> list[Found]:
        """Return where the agent says what the customer has told."""
        final = self._final[Speaker.CUSTOMER]
        told = {
            stem
            for number, read in self._read[Speaker.CUSTOMER].items()
            if number <= final and read.end >= start - ACCOUNT
            for stem in read.content
        } - {""}
        here = [i for i, stem in enumerate(compared) if stem in told]
        leads = [
            *(
                (place, PARAPHRASE, PARAPHRASED_LED)
                for place in self._leads.find([t.text for t in own])
            ),
            *(((i, j), 0, PARAPHRASED_WEAKLY) for i, j, _ in self._weak_leads.find(own)),
            *(((i, i), 0, PARAPHRASED) for i in here),
        ]
        for (first, last), back, least in leads:
            near = range(max(first - back, 0), min(last + PARAPHRASE, len(own)))
            shared: dict[str, int] = {}
            for i in here:
                if i in near and not first <= i < last:
                    shared.setdefault(compared[i], i)
            if len(shared) >= least:
                places = sorted(shared.values())[:least]
                begin, end = min(first, places[0]), max(last, places[-1] + 1)
                return [Found("paraphrase", offset + begin, offset + end)]
        return []


def _together(found: list[Found]) -> list[Found]:
    """Return finds by their first word, those of a kind that are close together as one."""
    joined: list[Found] = []
    newest: dict[tuple[str, str], int] = {}
    for f in sorted(found, key=lambda f: (f.first, f.last, f.kind)):
        at = newest.get((f.kind, f.instead))
        if at is not None and f.first - joined[at].last < TOGETHER:
            joined[at] = joined[at]._replace(last=max(joined[at].last, f.last))
        else:
            newest[f.kind, f.instead] = len(joined)
            joined.append(f)
    return joined


def _phrases(phrases: Sequence[str]) -> Phrases:
    return Phrases(phrases, table("moves")["sets"])


@cache
def _reader(speaker: Speaker) -> Reader:
    return Reader(speaker)


KINDS: Mapping[Speaker, Mapping[str, str]] = {
    speaker: {kind: data["doc"] for kind, data in table("moves")[speaker].items() if kind != "time"}
    for speaker in SPEAKERS
}
"""What each kind of move is, by speaker."""
