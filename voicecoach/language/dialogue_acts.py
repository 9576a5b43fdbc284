"""Tracks the dialogue acts of both speakers (apology, promise, demand), with the words of each.

Most acts are found in one speaker's words alone (`act_matcher`).  A *paraphrase* is agent speech
that shares content words with what the customer said recently; it is compared with the customer's
final words only.  A *repeat* is a customer who tells the same trouble again, as in `wording`.

As in `wording`, only committed words are read, each utterance together with the end of the one
before, since people pause inside phrases.  A doubtful word makes no act by itself, and is not
quoted.  The result depends only on the current words.  A `DialogueAct` event is sent once, when its
utterance is final.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

from voicecoach.language.act_matcher import ActMatch, ActPhrases, ActToken
from voicecoach.language.phrases import AGAIN_AFTER, LEAD_GAP, UtteranceWords, find_retelling
from voicecoach.types.doubt import quote_words
from voicecoach.types.events import DialogueAct, Utterance, Word
from voicecoach.types.stream import SAMPLE_RATE, SPEAKERS, Speaker

ACT_LEAD_WORDS = 12
"""Words of the previous utterance that are read again with the next."""
ACT_UTTERANCES = 8
"""Utterances of a speaker whose words may still change."""
ACT_QUOTE_WORDS = 8
"""Most words in a quotation."""
PARAPHRASE_WINDOW = 60 * SAMPLE_RATE
"""Samples for which the customer's words can be paraphrased."""
PARAPHRASE_SHARED, PARAPHRASE_SHARED_WEAK, PARAPHRASE_SHARED_LED = 4, 2, 1
"""Fewest shared content words of a paraphrase: without a lead, after a weak lead ("so"), and beside
a strong lead ("what you're saying", "have I got that right")."""
PARAPHRASE_MAX_WORDS = 30
"""Most words of a paraphrase."""


class SpokenAct(NamedTuple):
    """A dialogue act found in an utterance."""

    kind: str
    start: int
    end: int
    """Samples."""
    text: str
    """Its first words, normalized, without doubtful ones; at most `ACT_QUOTE_WORDS`."""
    instead: str = ""


class ReadUtterance(NamedTuple):
    """An utterance and the dialogue acts found in it."""

    start: int
    end: int
    tokens: tuple[ActToken, ...]
    words: tuple[Word, ...]
    acts: tuple[SpokenAct, ...]
    content: tuple[str, ...]
    """Stem of each token, "" if the token is too common to compare."""
    complaint: bool

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Self:
        return self  # immutable


class DialogueActTracker:
    """Finds the dialogue acts of both speakers in one call, word by word.

    Parameters
    ----------
    phrases
        Phrases of the call's language; with None no acts are found.
    """

    def __init__(self, phrases: ActPhrases | None) -> None:
        self._phrases = phrases
        self._words = {speaker: UtteranceWords(ACT_UTTERANCES) for speaker in SPEAKERS}
        self._read: dict[Speaker, dict[int, ReadUtterance]] = {speaker: {} for speaker in SPEAKERS}
        """Utterances read so far, in order; dropped when their words or earlier ones change."""
        self._final = dict.fromkeys(SPEAKERS, 0)
        """Number of the newest final utterance."""
        self._acts_by_kind: dict[Speaker, dict[str, list[SpokenAct]] | None] = dict.fromkeys(
            SPEAKERS
        )
        self.change_count = 0
        """Number of events that may have changed the acts."""

    @property
    def finds_acts(self) -> bool:
        """Whether the language has phrases for dialogue acts."""
        return self._phrases is not None

    def add_event(self, event: Word | Utterance) -> list[DialogueAct]:
        """Add a word or the end of an utterance; return the dialogue acts that are now final."""
        speaker, number = event.speaker, event.utterance
        if not self._phrases or number <= self._final[speaker]:
            return []
        self.change_count += 1
        if self._words[speaker].apply_event(event):
            self._forget_from(speaker, number)
        if not isinstance(event, Utterance):
            return []
        self._read_pending(speaker)
        self._final[speaker] = number
        if speaker is Speaker.CUSTOMER:
            # The agent's current utterance may paraphrase it.
            self._forget_from(Speaker.AGENT, self._final[Speaker.AGENT] + 1)
        read = self._read[speaker].get(number)
        return [
            DialogueAct(
                at=event.at,
                speaker=speaker,
                start=said.start,
                end=said.end,
                kind=said.kind,
                text=said.text,
                instead=said.instead,
            )
            for said in (read.acts if read else ())
        ]

    def acts_of(self, speaker: Speaker, kind: str) -> Sequence[SpokenAct]:
        """Return the acts of a kind so far in the call, according to the current words."""
        self._read_pending(speaker)
        by_kind = self._acts_by_kind[speaker]
        if by_kind is None:
            by_kind = self._acts_by_kind[speaker] = {}
            for read in self._read[speaker].values():
                for said in read.acts:
                    by_kind.setdefault(said.kind, []).append(said)
        return by_kind.get(kind, [])

    def only_supportive(self, speaker: Speaker, since: int) -> bool:
        """Return whether a speaker's newest words are only backchannels.

        Parameters
        ----------
        speaker
            The speaker; the words of their newest utterance are used, including partial ones.
        since
            Only words that end after this are used, samples.
        """
        newest = self._words[speaker].newest_words()
        return self._phrases is not None and self._phrases.supportive.cover_all(
            [w.text for w in newest if w.text and w.end > since]
        )

    def _forget_from(self, speaker: Speaker, number: int) -> None:
        """Drop the results for an utterance and all later ones."""
        read = self._read[speaker]
        for n in [n for n in reversed(read) if n >= number]:
            del read[n]
        self._acts_by_kind[speaker] = None

    def _read_pending(self, speaker: Speaker) -> None:
        """Read the utterances that have no results yet."""
        if self._acts_by_kind[speaker] is not None:
            return  # Nothing has changed since.
        if not self._phrases:
            return
        read = self._read[speaker]
        newest = next(reversed(read), 0)
        for number, words in self._words[speaker]:
            if number > newest and number > self._final[speaker] and words:
                read[number] = self._read_utterance(speaker, words, self._phrases)

    def _read_utterance(
        self, speaker: Speaker, words: list[Word], phrases: ActPhrases
    ) -> ReadUtterance:
        earlier = list(self._read[speaker].values())
        before = earlier[-1] if earlier else None
        lead: list[Word] = []
        if before and words[0].start - before.end <= LEAD_GAP:
            lead = list(before.words[-ACT_LEAD_WORDS:])
        all_words = [*lead, *words]
        doubtful = {i for i, word in enumerate(all_words) if word.doubtful}
        read = phrases.tokenize([word.text for word in all_words], doubtful)
        own = [token for token in read if token.place >= len(lead)]
        offset = len(read) - len(own)
        found = phrases.matchers[speaker].match_acts(read, offset)
        texts = tuple("" if token.doubtful else token.text for token in own)
        start, end = words[0].start, words[-1].end
        compared = tuple(phrases.shared.content_stems(texts))
        if speaker is Speaker.AGENT:
            found += self._find_paraphrase(own, compared, offset, start, phrases)
        complaint = any(f.kind in ("trouble", "repeat") for f in found)
        if speaker is Speaker.CUSTOMER:
            again = self._find_repeat(earlier, compared, start, complaint)
            if again is not None and not any(f.kind == "repeat" for f in found):
                last = min(again + ACT_QUOTE_WORDS, len(texts))
                found.append(ActMatch("repeat", offset + again, offset + last))
        said = []
        for f in sorted(found, key=lambda f: (f.first, f.kind)):
            first, last = read[f.first].place, read[f.last - 1].place
            if f.last == len(read) and not words[-1].final:
                continue  # "Take care" may become "take care of it".
            begin = all_words[first].start
            if before and any(s.kind == f.kind and s.end > begin for s in before.acts):
                continue  # It continues an act found in the previous utterance.
            act = read[f.first : f.last]
            text = quote_words(act[:ACT_QUOTE_WORDS])
            if not text or not _was_heard(act):
                continue  # Most of it is doubtful: it may not have been said at all.
            said.append(SpokenAct(f.kind, begin, all_words[last].end, text, f.instead))
        return ReadUtterance(start, end, tuple(own), tuple(words), tuple(said), compared, complaint)

    def _find_repeat(
        self, earlier: Sequence[ReadUtterance], now: Sequence[str], start: int, complaint: bool
    ) -> int | None:
        """Return the index in `now` where the customer retells an earlier trouble, or None."""
        for read in reversed(earlier):
            if start - read.end >= AGAIN_AFTER and (complaint or read.complaint):
                again = find_retelling(read.content, now, ACT_QUOTE_WORDS)
                if again is not None:
                    return again
        return None

    def _find_paraphrase(
        self,
        own: Sequence[ActToken],
        compared: Sequence[str],
        offset: int,
        start: int,
        phrases: ActPhrases,
    ) -> list[ActMatch]:
        """Return the agent's paraphrase of what the customer said: at most one match."""
        final = self._final[Speaker.CUSTOMER]
        told = {
            stem
            for number, read in self._read[Speaker.CUSTOMER].items()
            if number <= final and read.end >= start - PARAPHRASE_WINDOW
            for stem in read.content
        } - {""}
        here = [i for i, stem in enumerate(compared) if stem in told]
        leads = [
            *(
                (place, PARAPHRASE_MAX_WORDS, PARAPHRASE_SHARED_LED)
                for place in phrases.paraphrase_leads.find([t.text for t in own])
            ),
            *(
                ((i, j), 0, PARAPHRASE_SHARED_WEAK)
                for i, j, _ in phrases.weak_leads.find_places(own)
            ),
            *(((i, i), 0, PARAPHRASE_SHARED) for i in here),
        ]
        for (first, last), back, least in leads:
            near = range(max(first - back, 0), min(last + PARAPHRASE_MAX_WORDS, len(own)))
            shared: dict[str, int] = {}
            for i in here:
                if i in near and not first <= i < last:
                    shared.setdefault(compared[i], i)
            if len(shared) >= least:
                places = sorted(shared.values())[:least]
                begin, end = min(first, places[0]), max(last, places[-1] + 1)
                return [ActMatch("paraphrase", offset + begin, offset + end)]
        return []


def _was_heard(tokens: Sequence[ActToken]) -> bool:
    """Return whether less than half of the words are doubtful; of half, the longer ones decide.

    The long words of a phrase say more than the short ones: of "thank you" the first does.
    """
    doubtful = [token for token in tokens if token.doubtful]
    letters = sum(len(token.text) for token in tokens)
    few = 2 * len(doubtful) < len(tokens)
    return few or 2 * sum(len(token.text) for token in doubtful) <= letters
