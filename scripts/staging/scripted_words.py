"""A transcriber that answers with words from a call's truth file.

The clips of a staged call hold other words than its dialogue, so a real recogniser cannot
transcribe it.  `ToldAsr` answers the engine's requests with the words that the truth file lists as
heard, each after the delay that a replay models.  The same word is heard the same way in every
request, so successive hypotheses agree.
"""

from __future__ import annotations

import zlib
from collections import deque

import numpy as np

from scripts.staging.truth import Said, Truth, Who
from voicecoach import config
from voicecoach.language.phrases import normalize_text
from voicecoach.shell.asr.answering import Answer, TranscriptBuilder
from voicecoach.shell.asr.transcriber import TranscribedWord
from voicecoach.shell.runtime.languages import find_numbers
from voicecoach.types.events import TranscribeRequest
from voicecoach.types.stream import SAMPLE_RATE, Block, Speaker

FRESH_S, MISSED = 0.15, 0.6
"""A word that ended less than `FRESH_S` seconds before the end of a partial request is missing with
probability `MISSED`."""

NAMES: dict[Speaker, Who] = {Speaker.AGENT: "agent", Speaker.CUSTOMER: "customer"}


def _rng(word: Said) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(f"{word.who} {word.start_s:.3f} {word.text}".encode()))


def on_channel(truth: Truth, speaker: Speaker) -> list[Said]:
    """Return a channel's words as heard, in order; where two overlap, only the nearer voice's."""
    own, other = NAMES[speaker], NAMES[speaker.other]
    found: list[Said] = []
    for who in (own, other):
        for word in truth.heard_word:
            on = truth.heard[own] if word.start_s >= truth.fault_from_s else (own,)
            alone = all(w.end_s <= word.start_s or w.start_s >= word.end_s for w in found)
            if word.who == who and who in on and (alone or who == own):
                found.append(word)
    return sorted(found, key=lambda w: w.start_s)


class ToldAsr:
    """Answers requests in order, each at its modelled time.

    Parameters
    ----------
    truth
        Truth of the call, with its words as heard.
    settings
        Transcription settings, used for the modelled delay.
    """

    def __init__(self, truth: Truth, settings: config.TranscriptionConfig) -> None:
        self._delay = round(settings.replay_delay_s * SAMPLE_RATE)
        self._answerer = TranscriptBuilder(settings, find_numbers(settings.language))
        self._pending: deque[TranscribeRequest] = deque()
        self._began: dict[tuple[Speaker, int], int] = {}
        """Where each utterance begins, from its first request."""
        said = {(word.who, word.start_s, normalize_text(word.text)) for word in truth.word}
        self._words: dict[Speaker, list[tuple[TranscribedWord, bool]]] = {}
        """The words heard on each channel, and whether a partial request hears them at once."""
        for speaker in Speaker:
            self._words[speaker] = []
            for word in on_channel(truth, speaker):
                right = (word.who, word.start_s, normalize_text(word.text)) in said
                low, high = (0.7, 0.99) if right else (0.3, 0.8)
                at_once, sure = _rng(word).random(2)
                heard = TranscribedWord(
                    word.text, word.start_s, word.end_s, low + (high - low) * sure
                )
                self._words[speaker].append((heard, bool(at_once >= MISSED)))

    def buffer_audio(self, block: Block) -> None:
        """Ignore the audio: the words come from the truth."""

    def submit(self, request: TranscribeRequest) -> None:
        """Queue a request."""
        self._began.setdefault((request.speaker, request.utterance), request.start)
        self._pending.append(request)

    def poll(self, until: int | None) -> list[Answer]:
        """Return the answers that arrive up to `until`, or all of them if it is None."""
        answers: list[Answer] = []
        while self._pending and (until is None or self._pending[0].at + self._delay <= until):
            request = self._pending.popleft()
            words = self.words(request)
            answers.append(
                self._answerer.build_transcript(request.at + self._delay, request, words)
            )
        return answers + self._answerer.show_digits(until)

    def words(self, request: TranscribeRequest) -> list[TranscribedWord]:
        """Return the words that answer a request.

        They are the utterance's words up to the request's end.  The words that the engine already
        has are left out: they are in the request's context and prefix.
        """
        began = self._began.get((request.speaker, request.utterance), request.start) / SAMPLE_RATE
        end, offset = request.end / SAMPLE_RATE, request.start / SAMPLE_RATE
        found = []
        for word, at_once in self._words[request.speaker]:
            middle = (word.start_s + word.end_s) / 2
            if not began <= middle < end:
                continue
            late = word.end_s > end or (word.end_s > end - FRESH_S and not at_once)
            if late and not request.careful:
                break
            found.append(word._replace(start_s=word.start_s - offset, end_s=word.end_s - offset))
        return found[request.first :]

    def discard_pending(self) -> None:
        """Do nothing: a scripted call is never paused."""

    def close(self) -> None:
        """Drop the unanswered requests."""
        self._pending.clear()
