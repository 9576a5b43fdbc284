"""Finds evidence of agitation in the customer's words.

Each piece of evidence is log-odds with a text that a person can check: a phrase of a declared
kind (`wording.toml`), something said again, or, where no phrase was found, a small linear model of
words and pairs of words, which names the ones it rests on.  Only committed words count, and the
evidence is a function of what they are now: a word that is withdrawn takes its evidence back, and
however the hypotheses came, the same final words give the same evidence.  It fades with the time
since it was said, and its sum is bounded: words alone never decide.

The words are a transcriber's, with its errors: phrases are short and one hit is not enough to be
sure.  An utterance is read with the end of the one before, since angry people pause in phrases.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple, Self

import numpy as np

from voicecoach.errors import ModelError
from voicecoach.language.phrases import (
    AGAIN_AFTER,
    LEAD_GAP,
    Phrases,
    SharedPhrases,
    UtteranceWords,
    find_retelling,
    mark_places,
    normalize_text,
)
from voicecoach.language.tables import WordingTable
from voicecoach.onnx_model import OnnxModel
from voicecoach.types.events import Evidence, Utterance, Word
from voicecoach.types.stream import F32, SAMPLE_RATE, FileContents, Immutable, Speaker

HALF_LIFE = 15 * SAMPLE_RATE
"""Samples after which what was said weighs half."""
MAX_WORDING_ODDS = 2.5
"""Most that all evidence adds, log-odds."""
PHRASE_ODDS = {
    "threat": 1.4,
    "supervisor": 1.2,
    "hostile": 1.2,
    "desperate": 1.2,
    "repeat": 1.0,
    "displeased": 0.25,
}
"""What a phrase of a kind adds when it is said, log-odds."""
RESTATED_ODDS = 0.7
"""The same for a complaint that is made again in other words."""
MIN_FADED_ODDS = 0.05
"""What weighs less is left out."""
OPERATING_POINT = {"hostile": 0.7, "desperate": 0.8}
"""Probability from which the model is believed; see models/README.md."""
MAX_MODEL_ODDS = 0.6
"""Most that the model adds, log-odds."""
MODEL_SPAN_WORDS, MODEL_STEP_WORDS = 12, 4
"""Words that the model reads at once, and between two readings of a long utterance."""
MODEL_MIN_WORDS = 5
"""Words under which it does not: too little to go by."""
WORDING_QUOTE_WORDS = 6
"""Most words in a quotation."""
WORDING_LEAD_WORDS = 6
"""Words of the utterance before that are read again."""
WORDING_UTTERANCES = 40
"""Utterances in which something may be said again."""


class WordingPhrases(Immutable):
    """A language's phrases that tell of agitation.

    Raises
    ------
    ValueError
        Naming the key that is wrong.
    """

    def __init__(self, table: WordingTable, shared: SharedPhrases) -> None:
        self.shared = shared
        self.kinds = {kind: Phrases(getattr(table, kind)) for kind in PHRASE_ODDS}
        """By kind."""
        self.harmless, self.trouble = Phrases(table.harmless), Phrases(table.trouble)
        self.subjects = {name: frozenset(words) for name, words in table.model_subjects.items()}
        """One of these is among the words that the model may judge by each of its outputs: a storm
        may be awful, a dog stupid.  Empty where the model does not read this language."""
        if self.subjects and self.subjects.keys() != OPERATING_POINT.keys():
            raise ValueError(f"model_subjects: its keys are {', '.join(OPERATING_POINT)}")

    def spoken_words(self, words: Iterable[str]) -> list[str]:
        """Return words as they are read here, in training too: plain, apart, without fillers."""
        fillers = self.shared.fillers
        return [w for word in words for w in normalize_text(word).split() if w not in fillers]


def ngrams(words: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return each word and pair of neighbours once, with where it first stands, [first, last)."""
    found: dict[str, tuple[int, int]] = {}
    for size in (1, 2):
        for i in range(len(words) - size + 1):
            found.setdefault(" ".join(words[i : i + size]), (i, i + size))
    return found


class WordingModel(Immutable):
    """Logistic regression on words and pairs of words.

    Parameters
    ----------
    file
        The ONNX file that `scripts/train/wording.py` writes: inputs `ids` (places of the known
        n-grams in its `vocabulary`, which is in the file's metadata, one a line) and `total`
        (how many n-grams there are, known or not); outputs `probability` [2], hostile and
        desperate, and `each` [ids, 2], the log-odds that each n-gram adds.

    Raises
    ------
    ModelError
        Where onnxruntime cannot load the file, or it is another model.
    """

    def __init__(self, file: FileContents) -> None:
        self._session = OnnxModel(file, "wording")
        vocabulary = self._session.metadata.get("vocabulary")
        if vocabulary is None:
            raise ModelError(f"{file.name}: not a usable wording model: it has no vocabulary")
        self._ids = {gram: i for i, gram in enumerate(vocabulary.split("\n"))}

    def class_probabilities(self, words: Sequence[str]) -> tuple[float, float]:
        """Return how probable it is that words are hostile, and that they are desperate.

        Parameters
        ----------
        words
            As `WordingPhrases.spoken_words` returns them.
        """
        hostile, desperate = self._run(ngrams(words))[0].tolist()
        return hostile, desperate

    def strongest_ngrams(self, words: Sequence[str], output: int) -> list[tuple[int, int]]:
        """Return where the n-grams stand that speak for an output, strongest first."""
        grams = ngrams(words)
        each = self._run(grams)[1][:, output]
        places = [place for gram, place in grams.items() if gram in self._ids]
        order = sorted(range(len(places)), key=lambda i: -each[i])
        return [places[i] for i in order if each[i] > 0]

    def _run(self, grams: dict[str, tuple[int, int]]) -> tuple[F32, F32]:
        ids = np.array([self._ids[g] for g in grams if g in self._ids], np.int64)
        total = np.array(max(len(grams), 1), np.float32)
        probability, each = self._session.run(["probability", "each"], {"ids": ids, "total": total})
        return probability, each


class WordingFinding(NamedTuple):
    """Evidence as it was when it was said."""

    at: int
    """Sample at which the last of its words ended."""
    weight: float
    text: str


class WordingToken(NamedTuple):
    """A word as it is read."""

    text: str
    end: int
    """Samples."""


class WordingUtterance(NamedTuple):
    """An utterance that was read."""

    start: int
    end: int
    tokens: tuple[WordingToken, ...]
    findings: tuple[WordingFinding, ...]
    content: tuple[str, ...]
    """Of each word what is compared, "" where it is too common."""
    complaint: bool

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Self:
        return self  # nothing in it changes


class WordingReader(Immutable):
    """Reads utterances, each for itself."""

    def __init__(self, phrases: WordingPhrases, model: WordingModel) -> None:
        self.phrases, self._model = phrases, model

    def read_utterance(
        self, tokens: Sequence[WordingToken], lead: int, start: int
    ) -> WordingUtterance:
        """Return what an utterance says.

        Parameters
        ----------
        tokens
            Its words, at least one, after `lead` words of the utterance before.
        lead
            Nothing that ends in those is found.
        start
            Where it starts, samples.
        """
        words = [token.text for token in tokens]
        hits, read = self._hits(words)
        found: dict[tuple[str, ...], WordingFinding] = {}
        for kind, (first, last) in hits:
            if last > lead:
                # The same words twice in one breath are often the transcriber's, and count once.
                text = _hit_text(kind, words, first, last)
                key = ("",) if kind == "supervisor" else tuple(words[first:last])
                found[key] = WordingFinding(tokens[last - 1].end, PHRASE_ODDS[kind], text)
        findings = list(found.values())
        if not findings and self.phrases.subjects:
            findings = self._model_finding(tokens, _unmatched_runs(read, lead))
        said = words[lead:]
        return WordingUtterance(
            start=start,
            end=tokens[-1].end,
            tokens=tuple(tokens[lead:]),
            findings=tuple(findings),
            content=tuple(self.phrases.shared.content_stems(said)),
            complaint=bool(findings) or bool(self.phrases.trouble.find(said)),
        )

    def _hits(self, words: list[str]) -> tuple[list[tuple[str, tuple[int, int]]], list[bool]]:
        """Return the phrases that count, and for each word whether it is dealt with by that."""
        taken = [False] * len(words)
        mark_places(taken, self.phrases.harmless.find(words))
        hits = [
            (kind, place)
            for kind, phrases in self.phrases.kinds.items()
            for place in phrases.find(words)
            if not any(taken[slice(*place)])
        ]
        mark_places(taken, [place for _, place in hits])
        turned = self.phrases.shared.find_negated(words, taken)
        counted = [(kind, place) for kind, place in hits if not turned[place[0]]]
        return counted, [t or n for t, n in zip(taken, turned, strict=True)]

    def _model_finding(
        self, tokens: Sequence[WordingToken], pieces: list[tuple[int, int]]
    ) -> list[WordingFinding]:
        """Return what the model makes of the words outside all phrases: at most one finding."""
        best: WordingFinding | None = None
        for first, last in pieces:
            for at in range(
                first, max(last - MODEL_SPAN_WORDS + MODEL_STEP_WORDS, first + 1), MODEL_STEP_WORDS
            ):
                span = tokens[at : min(at + MODEL_SPAN_WORDS, last)]
                finding = self._judge_span(span)
                if finding and (not best or finding.weight > best.weight):
                    best = finding
        return [best] if best else []

    def _judge_span(self, span: Sequence[WordingToken]) -> WordingFinding | None:
        words = [token.text for token in span]
        found = []
        for output, (name, probability) in enumerate(
            zip(OPERATING_POINT, self._model.class_probabilities(words), strict=True)
        ):
            above = _logit(probability) - _logit(OPERATING_POINT[name])
            about = self.phrases.subjects[name].intersection(words)
            found.append((above if about else 0.0, output, name))
        above, output, name = max(found)
        if above <= 0:
            return None
        marked = [False] * len(words)
        mark_places(marked, self._model.strongest_ngrams(words, output)[: WORDING_QUOTE_WORDS // 2])
        runs = groupby(range(len(words)), key=marked.__getitem__)
        quoted = " … ".join(" ".join(words[i] for i in run) for mark, run in runs if mark)
        return WordingFinding(
            span[-1].end, min(above, MAX_MODEL_ODDS), f'sounds {name}: "{quoted}"'
        )


class WordingEvidence:
    """What one customer's words say, as they come.

    A new object is a new stream.

    Parameters
    ----------
    phrases
        Of the language that is spoken; None where there are none, so that nothing is ever found.
    model
        The model of wording; it keeps no state.
    """

    def __init__(self, phrases: WordingPhrases | None, model: WordingModel) -> None:
        self._reader = WordingReader(phrases, model) if phrases else None
        self._words = UtteranceWords(WORDING_UTTERANCES)
        self._said: dict[int, WordingUtterance] = {}
        """Utterances as read, until a word of theirs or of one before changes."""
        self._findings: list[WordingFinding] | None = []

    def add_event(self, event: Word | Utterance) -> None:
        """Take a word of the customer, or the end of an utterance, as it comes.

        Raises
        ------
        ValueError
            For the agent's: those are nobody's agitation.
        """
        if event.speaker is not Speaker.CUSTOMER:
            raise ValueError("the agent's words never reach the estimate")
        if not self._reader:
            return
        if self._words.apply_event(event):
            # Later ones are read with the end of this one, and may say it again.
            self._said = {
                n: said
                for n, said in self._said.items()
                if n in self._words and n < event.utterance
            }
            self._findings = None

    def evidence(self, at: int) -> tuple[Evidence, ...]:
        """Return what speaks for agitation at a time, strongest first.

        The weights are above 0 and add up to `BOUND` at most.

        Parameters
        ----------
        at
            Samples on the stream clock.
        """
        if self._findings is None:
            self._findings = self._collect_findings(self._reader) if self._reader else []
        weights: dict[str, float] = {}
        for finding in self._findings:
            faded = finding.weight * 0.5 ** (max(at - finding.at, 0) / HALF_LIFE)
            if faded >= MIN_FADED_ODDS:
                weights[finding.text] = max(faded, weights.get(finding.text, 0.0))
        scale = MAX_WORDING_ODDS / max(math.fsum(weights.values()), MAX_WORDING_ODDS)
        evidence = [Evidence(weight * scale, text) for text, weight in weights.items()]
        return tuple(sorted(evidence, key=lambda e: -e.weight))

    def _collect_findings(self, reader: WordingReader) -> list[WordingFinding]:
        lead: tuple[WordingToken, ...] = ()
        for number, words in self._words:
            if number not in self._said:
                tokens = [
                    WordingToken(text, word.end)
                    for word in words
                    for text in reader.phrases.spoken_words([word.text])
                ]
                if not tokens:
                    continue
                start = words[0].start
                if lead and start - lead[-1].end > LEAD_GAP:
                    lead = ()
                said = reader.read_utterance([*lead, *tokens], len(lead), start)
                earlier = [self._said[n] for n in sorted(self._said, reverse=True) if n < number]
                again = next((found for s in earlier if (found := find_restatement(s, said))), None)
                findings = (*said.findings, again) if again else said.findings
                self._said[number] = said._replace(findings=findings)
            lead = self._said[number].tokens[-WORDING_LEAD_WORDS:]
        return [finding for said in self._said.values() for finding in said.findings]


def find_restatement(earlier: WordingUtterance, later: WordingUtterance) -> WordingFinding | None:
    """Return that what was said is said again, where it is, and either was a complaint."""
    if later.start - earlier.end < AGAIN_AFTER or not (earlier.complaint or later.complaint):
        return None
    first = find_retelling(earlier.content, later.content, WORDING_QUOTE_WORDS)
    if first is None:
        return None
    quoted = " ".join(token.text for token in later.tokens[first : first + WORDING_QUOTE_WORDS])
    return WordingFinding(later.end, RESTATED_ODDS, f'said it again: "{quoted}"')


def _hit_text(kind: str, words: Sequence[str], first: int, last: int) -> str:
    """Return a hit for a person to read, with the words before it."""
    if kind == "supervisor":
        return "asked for a supervisor"
    last = min(last, first + WORDING_QUOTE_WORDS)
    first = max(min(first, last - WORDING_QUOTE_WORDS), 0)
    quoted = " ".join(words[first:last])
    title = {"repeat": "said it again: ", "threat": "warned: "}.get(kind, "")
    return f'{title}"{quoted}"'


def _unmatched_runs(taken: Sequence[bool], first: int) -> list[tuple[int, int]]:
    """Return the runs from `first` on that no phrase holds and are long enough for the model."""
    pieces = []
    for held, run in groupby(range(first, len(taken)), key=taken.__getitem__):
        places = list(run)
        if not held and len(places) >= MODEL_MIN_WORDS:
            pieces.append((places[0], places[-1] + 1))
    return pieces


def _logit(probability: float) -> float:
    p = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(p / (1 - p))
