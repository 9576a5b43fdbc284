"""Finds evidence of agitation in the customer's words.

Each piece of evidence is log-odds with a text that a person can check.  It comes from a phrase of a
declared kind (`wording.toml`), from a complaint said again, or, if no phrase was found, from a
small linear model of words and word pairs, which quotes the words it relied on.

Only committed words count, and the evidence depends only on the current words: a withdrawn word
takes its evidence with it, and the same final words give the same evidence whatever the hypotheses
before them.  Evidence fades with time and its sum is bounded, so words alone never decide.

Transcribers make errors, so phrases are short, one match is not enough, and no doubtful word counts
or is quoted.  An utterance is read with the end of the one before, since angry people pause inside
phrases.
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
from voicecoach.types.doubt import quote_words
from voicecoach.types.events import Evidence, Utterance, Word
from voicecoach.types.stream import F32, SAMPLE_RATE, FileContents, Immutable, Speaker

HALF_LIFE = 15 * SAMPLE_RATE
"""Half-life of evidence, samples."""
MAX_WORDING_ODDS = 2.5
"""Largest sum of all evidence, log-odds."""
PHRASE_ODDS = {
    "threat": 1.4,
    "supervisor": 1.2,
    "hostile": 1.2,
    "desperate": 1.2,
    "repeat": 1.0,
    "displeased": 0.25,
}
"""Weight of a phrase of each kind when it is said, log-odds."""
RESTATED_ODDS = 0.7
"""Weight of a complaint repeated in other words, log-odds."""
MIN_FADED_ODDS = 0.05
"""Evidence below this weight is dropped, log-odds."""
OPERATING_POINT = {"hostile": 0.7, "desperate": 0.8}
"""Probability from which each model output counts, 0..1; see models/README.md."""
MAX_MODEL_ODDS = 0.6
"""Largest weight of a model finding, log-odds."""
MODEL_SPAN_WORDS, MODEL_STEP_WORDS = 12, 4
"""Window and step of the model on long utterances, words."""
MODEL_MIN_WORDS = 5
"""The model does not judge fewer words than this."""
WORDING_QUOTE_WORDS = 6
"""Most words in a quotation."""
WORDING_LEAD_WORDS = 6
"""Words of the previous utterance that are read again with the next."""
WORDING_UTTERANCES = 40
"""Number of recent utterances that are searched for a repeated complaint."""


class WordingPhrases(Immutable):
    """A language's phrases that show agitation.

    Raises
    ------
    ValueError
        If a key is wrong; it names the key.
    """

    def __init__(self, table: WordingTable, shared: SharedPhrases) -> None:
        self.shared = shared
        self.kinds = {kind: Phrases(getattr(table, kind)) for kind in PHRASE_ODDS}
        """Phrases by kind."""
        self.harmless, self.trouble = Phrases(table.harmless), Phrases(table.trouble)
        self.subjects = {name: frozenset(words) for name, words in table.model_subjects.items()}
        """Words by model output; the output is used only for text that contains one of them, since
        a storm may be awful and a dog stupid.  Empty if the model does not support the language."""
        if self.subjects and self.subjects.keys() != OPERATING_POINT.keys():
            raise ValueError(f"model_subjects: its keys are {', '.join(OPERATING_POINT)}")

    def spoken_words(self, words: Iterable[str]) -> list[str]:
        """Return normalized single words without fillers; training prepares text the same way."""
        fillers = self.shared.fillers
        return [w for word in words for w in normalize_text(word).split() if w not in fillers]


def ngrams(words: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return each distinct word and word pair with its first index range [first, last)."""
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
        The ONNX file that `scripts/train/wording.py` writes.  Inputs: `ids`, indices of the known
        n-grams in the `vocabulary` (in the file's metadata, one n-gram a line), and `total`, the
        number of n-grams including unknown ones.  Outputs: `probability` [2], hostile and
        desperate, and `each` [ids, 2], the log-odds that each n-gram adds.

    Raises
    ------
    ModelError
        If onnxruntime cannot load the file, or it is another model.
    """

    def __init__(self, file: FileContents) -> None:
        self._session = OnnxModel(file, "wording")
        vocabulary = self._session.metadata.get("vocabulary")
        if vocabulary is None:
            raise ModelError(f"{file.name}: not a usable wording model: it has no vocabulary")
        self._ids = {gram: i for i, gram in enumerate(vocabulary.split("\n"))}

    def class_probabilities(self, words: Sequence[str]) -> tuple[float, float]:
        """Return the probabilities that words are hostile and desperate, 0..1 each.

        Parameters
        ----------
        words
            From `WordingPhrases.spoken_words`.
        """
        hostile, desperate = self._run(ngrams(words))[0].tolist()
        return hostile, desperate

    def strongest_ngrams(self, words: Sequence[str], output: int) -> list[tuple[int, int]]:
        """Return the index ranges of the n-grams that raise an output, strongest first."""
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
    """A piece of evidence before fading."""

    at: int
    """End of its last word, samples."""
    weight: float
    text: str


class WordingToken(NamedTuple):
    """A normalized word."""

    text: str
    end: int
    """End of the word, samples."""
    doubtful: bool = False
    """Whether the word is doubtful."""


class WordingUtterance(NamedTuple):
    """An utterance and the evidence found in it."""

    start: int
    end: int
    tokens: tuple[WordingToken, ...]
    findings: tuple[WordingFinding, ...]
    content: tuple[str, ...]
    """Stem of each word, "" if the word is doubtful or too common to compare."""
    complaint: bool

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Self:
        return self  # immutable


class WordingReader(Immutable):
    """Finds the evidence in single utterances; keeps no state."""

    def __init__(self, phrases: WordingPhrases, model: WordingModel) -> None:
        self.phrases, self._model = phrases, model

    def read_utterance(
        self, tokens: Sequence[WordingToken], lead: int, start: int
    ) -> WordingUtterance:
        """Return an utterance with its evidence.

        Parameters
        ----------
        tokens
            `lead` words of the previous utterance, then the utterance's own (at least one).
        lead
            Number of words of the previous utterance; matches that end in them are ignored.
        start
            Start of the utterance, samples.
        """
        sure = tuple("" if token.doubtful else token.text for token in tokens)
        hits, read = self._hits([token.text for token in tokens], sure)
        found: dict[tuple[str, ...], WordingFinding] = {}
        for kind, (first, last) in hits:
            if last > lead:
                # Words repeated in one utterance are often a transcriber error, so they count once.
                text = _hit_text(kind, tokens, first, last)
                key = ("",) if kind == "supervisor" else sure[first:last]
                if text:
                    found[key] = WordingFinding(tokens[last - 1].end, PHRASE_ODDS[kind], text)
        findings = list(found.values())
        if not findings and self.phrases.subjects:
            findings = self._model_finding(tokens, _unmatched_runs(read, lead))
        said = sure[lead:]
        return WordingUtterance(
            start=start,
            end=tokens[-1].end,
            tokens=tuple(tokens[lead:]),
            findings=tuple(findings),
            content=tuple(self.phrases.shared.content_stems(said)),
            complaint=bool(findings) or bool(self.phrases.trouble.find_normalized(said)),
        )

    def _hits(
        self, words: list[str], sure: tuple[str, ...]
    ) -> tuple[list[tuple[str, tuple[int, int]]], list[bool]]:
        """Return the phrases that count, and for each word whether it is matched or negated.

        `sure` is `words` with "" for the doubtful ones, which exclude and negate, but do not count.
        """
        taken = [False] * len(words)
        mark_places(taken, self.phrases.harmless.find(words))
        hits = [
            (kind, place)
            for kind, phrases in self.phrases.kinds.items()
            for place in phrases.find_normalized(sure)
            if not any(taken[slice(*place)])
        ]
        mark_places(taken, [place for _, place in hits])
        turned = self.phrases.shared.find_negated(words, taken)
        counted = [(kind, place) for kind, place in hits if not turned[place[0]]]
        return counted, [t or n for t, n in zip(taken, turned, strict=True)]

    def _model_finding(
        self, tokens: Sequence[WordingToken], pieces: list[tuple[int, int]]
    ) -> list[WordingFinding]:
        """Return the model's strongest finding in the words outside all phrases, if any."""
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
        # The model knows no n-gram with "".
        words = ["" if token.doubtful else token.text for token in span]
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
    """Collects the evidence of agitation in one customer's words during a call.

    Parameters
    ----------
    phrases
        Phrases of the call's language; with None no evidence is found.
    model
        The wording model; it keeps no state.
    """

    def __init__(self, phrases: WordingPhrases | None, model: WordingModel) -> None:
        self._reader = WordingReader(phrases, model) if phrases else None
        self._words = UtteranceWords(WORDING_UTTERANCES)
        self._said: dict[int, WordingUtterance] = {}
        """Utterances read so far; dropped when their words or earlier ones change."""
        self._findings: list[WordingFinding] | None = []

    def add_event(self, event: Word | Utterance) -> None:
        """Add a word of the customer, or the end of an utterance.

        Raises
        ------
        ValueError
            For an event of the agent, whose words are not evidence of agitation.
        """
        if event.speaker is not Speaker.CUSTOMER:
            raise ValueError("the agent's words never reach the estimate")
        if not self._reader:
            return
        if self._words.apply_event(event):
            # Later utterances are read with the end of this one, and may repeat it.
            self._said = {
                n: said
                for n, said in self._said.items()
                if n in self._words and n < event.utterance
            }
            self._findings = None

    def evidence(self, at: int) -> tuple[Evidence, ...]:
        """Return the evidence of agitation at a time, strongest first.

        The weights are log-odds above 0; their sum is at most `MAX_WORDING_ODDS`.

        Parameters
        ----------
        at
            Stream index, samples.
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
                    WordingToken(text, word.end, word.doubtful)
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
    """Return the finding that `later` repeats a complaint in `earlier`, or None.

    Either of the two must be a complaint.
    """
    if later.start - earlier.end < AGAIN_AFTER or not (earlier.complaint or later.complaint):
        return None
    first = find_retelling(earlier.content, later.content, WORDING_QUOTE_WORDS)
    if first is None:
        return None
    quoted = quote_words(later.tokens[first : first + WORDING_QUOTE_WORDS])
    if not quoted:
        return None  # Most of it is doubtful.
    return WordingFinding(later.end, RESTATED_ODDS, f'said it again: "{quoted}"')


def _hit_text(kind: str, words: Sequence[WordingToken], first: int, last: int) -> str:
    """Return a match as readable text, with the words before it; "" if most of it is doubtful."""
    if kind == "supervisor":
        return "asked for a supervisor"
    last = min(last, first + WORDING_QUOTE_WORDS)
    lead = max(min(first, last - WORDING_QUOTE_WORDS), 0)
    quoted = quote_words(words[lead:last]) or quote_words(words[first:last])
    title = {"repeat": "said it again: ", "threat": "warned: "}.get(kind, "")
    return f'{title}"{quoted}"' if quoted else ""


def _unmatched_runs(taken: Sequence[bool], first: int) -> list[tuple[int, int]]:
    """Return the unmatched runs from `first` on that are long enough for the model."""
    pieces = []
    for held, run in groupby(range(first, len(taken)), key=taken.__getitem__):
        places = list(run)
        if not held and len(places) >= MODEL_MIN_WORDS:
            pieces.append((places[0], places[-1] + 1))
    return pieces


def _logit(probability: float) -> float:
    p = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(p / (1 - p))
