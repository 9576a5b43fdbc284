"""Hears a recorded call again, with more care: whole turns, by both recognisers.

A live call needs words at once, so it hears pieces between short pauses.  Afterwards nobody waits:
the utterances of a turn are heard in one piece, so that each word is heard with all that the
speaker said around it, and both recognisers search more widely.  The words are given back to the
utterances that they belong to by time, as `CarefulUtterance` events.  Everything else in the call
stays as it was.

Digits are hidden as in the call.  What the call hid for good stays hidden here, whatever is heard.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import groupby
from typing import NamedTuple

from msgspec.structs import replace

from voicecoach.dsp.framing import History
from voicecoach.language.spelled_names import SpelledNames
from voicecoach.shell.asr.answering import place_word
from voicecoach.shell.asr.transcriber import (
    JointTranscriber,
    RestartingTranscriber,
    ThoroughTranscriber,
    Transcriber,
    TranscribeResult,
    TranscribeTask,
)
from voicecoach.text_safety.card_masking import DigitMasker, hide_digits, mentions_card
from voicecoach.text_safety.sanitize import MAX_WORD_CHARS, clean_text
from voicecoach.text_safety.spoken_numbers import HIDDEN_DIGIT, NumberWords
from voicecoach.types.events import CarefulUtterance, Degraded, Event, TranscribeRequest, Utterance
from voicecoach.types.stream import SAMPLE_RATE, SPEAKERS, Block, HeardWord, Speaker
from voicecoach.views.conversation import Conversation, SpokenUtterance

LONGEST_TURN = 28 * SAMPLE_RATE
"""Longest audio that is heard in one piece, samples: the models hear 30 s."""
LONGEST_PAUSE = 2 * SAMPLE_RATE
"""A longer pause ends what is heard in one piece, samples."""
PADDING = int(0.3 * SAMPLE_RATE)
"""Audio before and after the words that is heard too, samples."""
STAGE = "careful words"


class CarefulHearing:
    """Collects a call's utterances, and hears them again.

    Parameters
    ----------
    transcribers
        As many turns are heard at once as there are transcribers.
    numbers
        How numbers are spoken, to hide card numbers.
    vocabulary
        Names to expect, besides those that are spelled anywhere in the call.
    """

    def __init__(
        self,
        transcribers: Sequence[Transcriber],
        numbers: NumberWords,
        vocabulary: Sequence[str] = (),
    ) -> None:
        self._transcribers, self._numbers, self._vocabulary = transcribers, numbers, vocabulary
        self._spelled = SpelledNames(numbers)
        self._call = Conversation()

    def add_event(self, event: Event) -> None:
        """Add an event of the call."""
        self._call.add_event(event)
        if isinstance(event, Utterance):
            self._spelled.add_utterance(event)

    def hear_again(self, blocks: Iterable[Block], at: int) -> Iterator[Event]:
        """Yield what is heard in the call's audio, as known at stream index `at`.

        Where a transcriber fails, a `Degraded` says so, and the words stay as they were.
        """
        turns = find_turns(self._call.utterances(), at)
        answers = list(self._ask(blocks, turns))
        notices = [x for _, answer in answers for x in (answer.notice, answer.error) if x]
        if not any(isinstance(t, JointTranscriber) for t in self._transcribers):
            notices.append("heard again by one recogniser")
        for notice in dict.fromkeys(notices):
            yield Degraded(at=at, stage=STAGE, reason=notice)
        heard = [(turn, _placed(turn, answer)) for turn, answer in answers]
        found: list[CarefulUtterance] = []
        for (turn, words), texts in zip(heard, self._masked(heard), strict=True):
            words = [replace(w, text=text) for w, text in zip(words, texts, strict=True)]
            found += _share_words(turn, words, at) if words else []
        yield from sorted(found, key=lambda u: (u.start, u.speaker.row))

    def _ask(
        self, blocks: Iterable[Block], turns: Sequence[Turn]
    ) -> Iterator[tuple[Turn, TranscribeResult]]:
        """Yield the turns with what is heard in each, in the order of their ends."""
        free = deque(RestartingTranscriber(transcriber) for transcriber in self._transcribers)
        history = History(LONGEST_TURN / SAMPLE_RATE + 10)
        names = (*self._vocabulary, *self._spelled.names)
        waiting = deque(sorted(turns, key=lambda turn: turn.end))
        begun = deque[tuple[Turn, Future[TranscribeResult]]]()

        def run(task: TranscribeTask) -> TranscribeResult:
            attempts = free.popleft()  # there are as many transcribers as threads
            try:
                return attempts.run_task(task)
            finally:
                free.append(attempts)

        with ExitStack() as stack:
            for transcriber in self._transcribers:
                if isinstance(transcriber, ThoroughTranscriber):
                    transcriber.set_thorough(True)
                    stack.callback(transcriber.set_thorough, False)
            pool = stack.enter_context(ThreadPoolExecutor(len(free), "careful words"))
            for block in blocks:
                history.push(block)
                while waiting and waiting[0].end <= history.end:
                    turn = waiting.popleft()
                    audio = history.window(turn.speaker.row, turn.start, turn.end)
                    task = TranscribeTask(turn.request(names), audio)
                    begun.append((turn, pool.submit(run, task)))
                    if len(begun) > 2 * len(self._transcribers):
                        turn, answer = begun.popleft()
                        yield turn, answer.result()
            for turn, answer in begun:
                yield turn, answer.result()

    def _masked(self, heard: Sequence[tuple[Turn, Sequence[HeardWord]]]) -> list[list[str]]:
        """Return the texts of the words in each turn, with digits hidden that may be a card's.

        Where nothing was heard again, what was heard in the call tells what digits may be; and
        wherever a card was mentioned in the call, it was.
        """
        masker, found = DigitMasker(self._numbers), list[list[str]]()
        for turn, words in heard:
            speaker, number = turn.key
            for u in turn.utterances:
                told = u.text.split(" ")
                if not words or mentions_card(told, self._numbers):
                    masker.add(speaker, -u.number, told, u.start, u.end, complete=True)
            texts = [word.text for word in words]
            masker.add(speaker, number, texts, turn.start, turn.end, complete=True)
            found.append(masker.masked(speaker, number))
        places = {turn.key: texts for (turn, _), texts in zip(heard, found, strict=True)}
        for shown in masker.decide(None):
            places[shown.speaker, shown.utterance][shown.index] = shown.text
        return [
            hide_digits(texts, self._numbers) if turn.hides_digits else texts
            for (turn, _), texts in zip(heard, found, strict=True)
        ]


def _placed(turn: Turn, answer: TranscribeResult) -> list[HeardWord]:
    """Return the words of an answer, cleaned, with their times in the call."""
    cleaned = ((word, clean_text(word.text, MAX_WORD_CHARS)) for word in answer.words)
    return [place_word(word, text, turn.start, turn.end) for word, text in cleaned if text]


def _share_words(turn: Turn, words: Sequence[HeardWord], at: int) -> Iterator[CarefulUtterance]:
    """Yield the utterances of a turn with the words that lie in each, or nearest to it."""
    parts = turn.utterances
    shares: list[list[HeardWord]] = [[] for _ in parts]
    place = 0
    for word in words:
        middle = (word.start + word.end) // 2
        while place + 1 < len(parts) and middle >= (
            (parts[place].end + parts[place + 1].start) // 2
        ):
            place += 1
        shares[place].append(word)
    for part, share in zip(parts, shares, strict=True):
        yield CarefulUtterance(
            at=at,
            speaker=part.speaker,
            utterance=part.number,
            start=share[0].start if share else part.start,
            end=share[-1].end if share else part.end,
            words=tuple(share),
        )


class Turn(NamedTuple):
    """Utterances of one speaker that are heard in one piece, and the limits of their audio."""

    utterances: tuple[SpokenUtterance, ...]
    start: int
    """Samples."""
    end: int

    @property
    def speaker(self) -> Speaker:
        """Who says it."""
        return self.utterances[0].speaker

    @property
    def key(self) -> tuple[Speaker, int]:
        """Its speaker, and the number of its first utterance."""
        return self.speaker, self.utterances[0].number

    @property
    def hides_digits(self) -> bool:
        """Whether the call hid digits in it for good."""
        return any(HIDDEN_DIGIT in u.text for u in self.utterances)

    def request(self, vocabulary: tuple[str, ...]) -> TranscribeRequest:
        """Return the request for its words, with names to expect."""
        return TranscribeRequest(
            at=self.end,
            speaker=self.speaker,
            utterance=self.utterances[0].number,
            start=self.start,
            end=self.end,
            careful=True,
            vocabulary=vocabulary,
        )


def find_turns(utterances: Sequence[SpokenUtterance], call_end: int) -> list[Turn]:
    """Return what to hear in one piece: utterances of one speaker with short pauses between them.

    What is too long is split at its longest pauses.  Utterances that were not understood are left
    out, and stay so.
    """
    found = []
    for speaker in SPEAKERS:
        own = [u for u in utterances if u.speaker is speaker and u.text]
        groups = [
            part
            for understood, run in groupby(own, key=lambda u: u.understood)
            if understood
            for group in _split_at_pauses([*run])
            for part in _split_long(group)
        ]
        for before, group, after in zip([None, *groups], groups, [*groups[1:], None], strict=False):
            start, end = group[0].start - PADDING, group[-1].end + PADDING
            start = max(start, (before[-1].end + group[0].start) // 2 if before else 0)
            end = min(end, (group[-1].end + after[0].start) // 2 if after else call_end)
            found.append(Turn(tuple(group), start, end))
    return found


def _split_at_pauses(utterances: Sequence[SpokenUtterance]) -> Iterator[list[SpokenUtterance]]:
    group: list[SpokenUtterance] = []
    for u in utterances:
        if group and u.start - group[-1].end > LONGEST_PAUSE:
            yield group
            group = []
        group.append(u)
    if group:
        yield group


def _split_long(group: list[SpokenUtterance]) -> list[list[SpokenUtterance]]:
    if len(group) == 1 or group[-1].end - group[0].start <= LONGEST_TURN - 2 * PADDING:
        return [group]
    cut = max(range(1, len(group)), key=lambda i: group[i].start - group[i - 1].end)
    return _split_long(group[:cut]) + _split_long(group[cut:])
