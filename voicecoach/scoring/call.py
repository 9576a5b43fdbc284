"""Arranges a finished call for scoring: exchanges of what the customer said and the agent replied.

The customer's *account* and the agent's *reply* to it are events of the log; together with what
both do until the next account they form an *exchange*.  Each technique asks of an exchange whether
it was due, and whether the agent did it.  An exchange that was not fully heard (a distrusted
channel, a pause in listening, speech without words) is skipped, so it never counts against anybody.

The order of the events does not matter.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from statistics import fmean
from typing import NamedTuple

from voicecoach.coaching.signals import TONE_RECENT
from voicecoach.coaching.thresholds import CueThresholds
from voicecoach.language.pack import Language
from voicecoach.scoring.record import CallRecord, DeliverySample, Span
from voicecoach.types.doubt import ELLIPSIS, quote_words
from voicecoach.types.events import ChannelState, DialogueAct, Word
from voicecoach.types.stream import AGENT, CUSTOMER, NAN, SAMPLE_RATE, SPEAKERS, TICK_S, Speaker
from voicecoach.views.conversation import OrderedSpans
from voicecoach.views.scorecard import Quote

WORD_NEAR = SAMPLE_RATE // 2
"""Tolerance for the inaccuracy of word times, samples."""
UNTRUSTED_SHARE = 0.2
"""Share of the call, 0..1, from which a distrusted channel is distrusted for the whole call."""
WHOLE_CALL_STATES = ("copied", "swapped")
"""Channel states that apply to the whole call, whenever they are detected."""
QUOTE_PAUSE = int(1.2 * SAMPLE_RATE)
"""Silence between words that ends a quotation, samples."""
UNQUOTED_TEXT = "words not stored"
UNCLEAR_TEXT = "words too unclear to quote"
"""Stands in for a quotation of which more than half is doubtful."""
QUOTE_MAX_WORDS = 28
"""Most words of a quotation."""
_SENTENCE_END = re.compile(r"(?<![\s.][A-Za-z])[.!?][\"')]*$")
"""Matches the end of a sentence, but not of "a.m."."""


class Exchange(NamedTuple):
    """What the customer said, and what the agent said until the customer's next account."""

    account: Span
    reply: Span | None
    """From its first word to its last."""
    until: int
    """Start of the next exchange, samples."""
    moves: Sequence[DialogueAct]
    """The customer's dialogue acts, by time."""
    replies: Sequence[DialogueAct]
    """The agent's dialogue acts from the start of the account, by time."""

    def customer_acts(self, *kinds: str) -> list[DialogueAct]:
        """Return the customer's dialogue acts of these kinds."""
        return [move for move in self.moves if move.kind in kinds]

    def reply_acts(self, *kinds: str, within_s: float = float("inf")) -> list[DialogueAct]:
        """Return the agent's acts of these kinds that begin at most `within_s` into the reply."""
        first = self.reply.start if self.reply else self.account.end
        last = first + within_s * SAMPLE_RATE
        return [move for move in self.replies if move.kind in kinds and move.start <= last]


class ScoredCall:
    """A finished call, with lookups for scoring.

    Parameters
    ----------
    record
        The call's events.
    thresholds
        Thresholds of the rules that were loaded for the call.
    language
        Language of the call.
    quoting
        Whether quotations contain words; if not, they give only the time.
    """

    def __init__(
        self,
        record: CallRecord,
        thresholds: CueThresholds,
        language: Language,
        *,
        quoting: bool = True,
    ) -> None:
        self.thresholds, self.language, self.quoting = thresholds, language, quoting
        self.end = record.end
        self.turns = {s: sorted(record.turns[s]) for s in SPEAKERS}
        self.segments = {s: sorted(record.segments[s]) for s in SPEAKERS}
        self._segment_places = {s: OrderedSpans(self.segments[s]) for s in SPEAKERS}
        self.backchannels = {s: sorted(record.backchannels[s]) for s in SPEAKERS}
        self.overlaps = sorted(record.overlaps, key=lambda e: (e.start, e.end))
        self.cues = sorted(record.cues, key=lambda e: e.at)
        self.delivery = sorted(record.delivery)
        said = record.conversation.utterances()
        self.words = {
            s: sorted(
                (word for u in said if u.speaker is s for word in u.words),
                key=lambda w: (w.start, w.utterance, w.index),
            )
            for s in SPEAKERS
        }
        self._word_starts = {s: [w.start for w in self.words[s]] for s in SPEAKERS}
        self.not_understood = {
            s: [Span(u.start, u.end) for u in said if u.speaker is s and not u.understood]
            for s in SPEAKERS
        }
        pauses = _spans_while_on([(e.at, not e.on) for e in record.pauses], self.end)
        self._unheard = {
            s: sorted(
                pauses
                + record.gaps
                + self.not_understood[s]
                + self._distrusted_spans(record.states, s)
            )
            for s in SPEAKERS
        }
        self._unheard_places = {s: OrderedSpans(self._unheard[s]) for s in SPEAKERS}
        self.moves = {
            s: self._deduplicate([m for m in acts if self.is_heard(Span(m.start, m.end), (s,))])
            for s, acts in record.conversation.acts.items()
        }
        self.distrusted = {
            s: state for s in SPEAKERS if (state := self._never_trusted(record.states, s))
        }
        """Speakers whose channel is distrusted for the whole call, and its state."""
        self.agitation = [
            (at, x)
            for at, x in sorted(record.agitation)
            if CUSTOMER not in self.distrusted and self.is_heard(Span(at - 1, at), (CUSTOMER,))
        ]
        """The customer's known agitation: (samples, 0..1)."""
        self._heard_at = [at for at, _ in self.agitation]
        self._heard_sum = [0.0, *accumulate(x for _, x in self.agitation)]
        self.exchanges = self._exchanges(record)

    # --- what was heard -------------------------------------------------------------------

    def is_heard(self, span: Span, speakers: Iterable[Speaker]) -> bool:
        """Return whether these speakers were heard on trusted channels throughout a span."""
        return not any(
            span.overlaps(self._unheard[s][i])
            for s in speakers
            for i in self._unheard_places[s].touching(span.start, span.end)
        )

    def has_words_in(self, speaker: Speaker, span: Span) -> bool:
        """Return whether a speaker's words in a span are known, or they spoke for less than 1 s."""
        return self.speech_s(speaker, span) < 1.0 or bool(self.words_in(speaker, span))

    def has_words(self, speaker: Speaker) -> bool:
        """Return whether any word of a speaker was transcribed."""
        return bool(self.words[speaker])

    def knows_acts(self, speaker: Speaker) -> bool:
        """Return whether a speaker's dialogue acts are known."""
        return self.language.dialogue_acts is not None and self.has_words(speaker)

    def worded_share(self, speaker: Speaker) -> float:
        """Return the share of a speaker's speech that has words, 0..1."""
        segments = self.segments[speaker]
        worded = [
            s
            for s in segments
            if self.has_words_in(speaker, Span(s.start - WORD_NEAR, s.end + WORD_NEAR))
        ]
        spoken, heard = (sum(s.end - s.start for s in some) for some in (segments, worded))
        return heard / spoken if spoken else 0.0

    # --- acts, speech and measurements ----------------------------------------------------

    def speaker_acts(
        self, speaker: Speaker, *kinds: str, span: Span | None = None
    ) -> list[DialogueAct]:
        """Return a speaker's dialogue acts of these kinds, by time."""
        within, moves = span or Span(0, self.end + 1), self.moves[speaker]
        first, last = (bisect_left(moves, at, key=lambda m: m.start) for at in within)
        return [m for m in moves[first:last] if m.kind in kinds]

    def speech_s(self, speaker: Speaker, span: Span) -> float:
        """Return how long a speaker spoke in a span, seconds."""
        segments = self.segments[speaker]
        near = (segments[i] for i in self._segment_places[speaker].touching(span.start, span.end))
        parts = (min(span.end, s.end) - max(span.start, s.start) for s in near)
        return sum(max(0, part) for part in parts) / SAMPLE_RATE

    def mean_agitation(self, span: Span) -> float:
        """Return the customer's mean agitation in a span, NaN if it is not known."""
        first, last = (bisect_left(self._heard_at, at) for at in span)
        n = last - first
        return (self._heard_sum[last] - self._heard_sum[first]) / n if n else NAN

    def upset_s(self, span: Span, level: float) -> float:
        """Return how long the customer spoke with at least this agitation, seconds."""
        first, last = (bisect_left(self._heard_at, at) for at in span)
        return TICK_S * sum(x >= level for _, x in self.agitation[first:last])

    def recent_agitation(self, at: int) -> float:
        """Return the customer's mean agitation in the 15 s before `at`, 0 if it is not known."""
        mood = self.mean_agitation(Span(at - TONE_RECENT, at + 1))
        return mood if mood == mood else 0.0

    def delivery_in(self, span: Span) -> list[DeliverySample]:
        """Return the agent's delivery samples in a span."""
        first, last = (bisect_left(self.delivery, (at,)) for at in span)
        return self.delivery[first:last]

    # --- quotations -----------------------------------------------------------------------

    def words_in(self, speaker: Speaker, span: Span) -> list[Word]:
        """Return the words that begin in a span."""
        starts = self._word_starts[speaker]
        return self.words[speaker][bisect_left(starts, span.start) : bisect_left(starts, span.end)]

    def quote_act(self, move: DialogueAct, why: str) -> Quote:
        """Return a quotation of a dialogue act with the sentence around it."""
        first, last = self._sentence_range(move)
        if first == last:  # A log may contain dialogue acts without words.
            text = move.text if self.quoting else UNQUOTED_TEXT
            span = Span(move.start, move.end)
            return make_quote(span, move.speaker, text, why, not self.quoting)
        return self._quote_range(move.speaker, first, last, why)

    def quote_sentences(self, move: DialogueAct, why: str) -> list[Quote]:
        """Return a quotation for each sentence of a dialogue act."""
        words = self.words[move.speaker]
        first, last = self._sentence_range(move)
        starts = [first, *(i for i in range(first + 1, last) if _ends_sentence(words, i)), last]
        cut = [self._quote_range(move.speaker, *ends, why) for ends in pairwise(starts)]
        return cut if first < last else [self.quote_act(move, why)]

    def quote_first_words(self, speaker: Speaker, span: Span, why: str) -> Quote | None:
        """Return the first words of a span with their sentence; None if there are none."""
        starts = self._word_starts[speaker]
        first = bisect_left(starts, span.start - WORD_NEAR)
        last = min(bisect_left(starts, span.end, first), first + QUOTE_MAX_WORDS)
        places = self._extend_to_sentences(speaker, first, last)
        return self._quote_range(speaker, *places, why) if first < last else None

    def quote_account(self, told: Span, around: int, most: int, why: str) -> Quote | None:
        """Return the customer's words of an account around a moment; None if there are none."""
        starts = self._word_starts[CUSTOMER]
        first, middle, last = (
            bisect_left(starts, at - WORD_NEAR) for at in (told.start, around, told.end + WORD_NEAR)
        )
        while first > 0 and not _ends_sentence(self.words[CUSTOMER], first):
            first -= 1
        first = max(first, min(middle - most // 2, last - most))
        return (
            self._quote_range(CUSTOMER, first, min(last, first + most), why)
            if first < last
            else None
        )

    def _sentence_range(self, move: DialogueAct) -> tuple[int, int]:
        """Return the range [first, last) of a dialogue act's words with the sentence around it."""
        starts = self._word_starts[move.speaker]
        first = bisect_left(starts, move.start - SAMPLE_RATE // 50)
        last = bisect_left(starts, max(move.end, move.start + 1), first)
        return (
            self._extend_to_sentences(move.speaker, first, last) if first < last else (first, last)
        )

    def _extend_to_sentences(self, speaker: Speaker, first: int, last: int) -> tuple[int, int]:
        """Return a range of words extended to whole sentences, up to the longest quotation."""
        words = self.words[speaker]
        while (
            last - first < QUOTE_MAX_WORDS and last < len(words) and not _ends_sentence(words, last)
        ):
            last += 1
        while last - first < QUOTE_MAX_WORDS and first > 0 and not _ends_sentence(words, first):
            first -= 1
        return first, last

    def _deduplicate(self, moves: Sequence[DialogueAct]) -> list[DialogueAct]:
        """Return dialogue acts with at most one of a kind in each sentence."""
        seen: dict[tuple[str, str, int], DialogueAct] = {}
        for move in sorted(moves, key=lambda m: (m.start, m.end, m.kind)):
            first, last = self._sentence_range(move)
            place = first if first < last else move.start
            seen.setdefault((move.kind, move.instead, place), move)
        return list(seen.values())

    def _quote_range(self, speaker: Speaker, first: int, last: int, why: str) -> Quote:
        words = self.words[speaker]
        text = quote_words(words[first:last])
        whole = _ends_sentence(words, first) or text.startswith(ELLIPSIS)
        before = "" if whole else f"{ELLIPSIS} "
        whole = _ends_sentence(words, last) or text.endswith(ELLIPSIS)
        after = "" if whole else f" {ELLIPSIS}"
        span = Span(words[first].start, max(word.end for word in words[first:last]))
        if not self.quoting or not text:
            missing = UNCLEAR_TEXT if self.quoting else UNQUOTED_TEXT
            return make_quote(span, speaker, missing, why, True)
        return make_quote(span, speaker, before + text + after, why)

    # --- construction -----------------------------------------------------------------------

    def _exchanges(self, record: CallRecord) -> list[Exchange]:
        accounts, replies = sorted(record.accounts), sorted(record.replies)
        starts = [*(account.start for account in accounts), self.end + 1]
        reply_starts = [reply.start for reply in replies]
        acts = [self._acts_by_span(s, starts) for s in (CUSTOMER, AGENT)]
        found = []
        for i, (account, until) in enumerate(zip(accounts, starts[1:], strict=True)):
            place = bisect_left(reply_starts, account.start)
            replied = place < len(replies) and reply_starts[place] < until
            reply = replies[place] if replied else None
            found.append(Exchange(account, reply, until, *(by_span[i] for by_span in acts)))
        return found

    def _acts_by_span(
        self, speaker: Speaker, starts: Sequence[int]
    ) -> defaultdict[int, list[DialogueAct]]:
        """Return a speaker's acts by the span, from one start to the next, of their middle."""
        found = defaultdict[int, list[DialogueAct]](list)
        for act in self.moves[speaker]:
            found[bisect_right(starts, (act.start + act.end) // 2) - 1].append(act)
        return found

    def _distrusted_spans(self, states: Sequence[ChannelState], speaker: Speaker) -> list[Span]:
        told = [(e.at, e.state != "ok") for e in states if e.speaker is speaker]
        return _spans_while_on(told, self.end)

    def _never_trusted(self, states: Sequence[ChannelState], speaker: Speaker) -> str:
        wrong = [e for e in states if e.speaker is speaker and e.state != "ok"]
        lasting = sum(span.end - span.start for span in self._distrusted_spans(states, speaker))
        whole = [e.state for e in wrong if e.state in WHOLE_CALL_STATES]
        if whole or (wrong and lasting >= UNTRUSTED_SHARE * self.end):
            return min(whole) if whole else max(wrong, key=lambda e: e.at).state
        return ""


def make_quote(span: Span, speaker: Speaker, text: str, why: str, measured: bool = False) -> Quote:
    """Return a quotation of a span."""
    return Quote(
        speaker,
        round(span.start / SAMPLE_RATE, 2),
        round(span.end / SAMPLE_RATE, 2),
        text,
        why,
        measured,
    )


def mean_of_known(values: Iterable[float]) -> float:
    """Return the mean of the known values, NaN if there are none."""
    known = [x for x in values if x == x]
    return fmean(known) if known else NAN


def _ends_sentence(words: Sequence[Word], place: int) -> bool:
    """Return whether a sentence or a run of words without a pause ends before a word."""
    if place in (0, len(words)):
        return True
    before, after = words[place - 1], words[place]
    return bool(_SENTENCE_END.search(before.text)) or after.start - before.end > QUOTE_PAUSE


def _spans_while_on(told: Sequence[tuple[int, bool]], end: int) -> list[Span]:
    """Return the spans in which a state was on, from its changes."""
    spans, since = [], None
    for at, so in sorted(told):
        if so and since is None:
            since = at
        elif not so and since is not None:
            spans.append(Span(since, at))
            since = None
    return spans if since is None else [*spans, Span(since, end + 1)]
