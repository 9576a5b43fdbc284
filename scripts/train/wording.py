"""Train the small model of wording, and write models/wording.onnx.

Logistic regression on the words and word pairs of the GoEmotions comments (Demszky et al. 2020),
normalised by the engine's own function.  Each n-gram is scaled by its naive Bayes log ratio (Wang
and Manning 2012, "Baselines and bigrams", ACL), and the sum is divided by the square root of the
number of n-grams.  The problem is convex and solved to convergence, and the weights are rounded, so
the result is the same without a seed.  A tenth of the comments, chosen by a hash of their id, is
always held out.

    pip install -e '.[train]'
    python -m scripts.train.wording [--out models/wording.onnx]

The script prints the accuracy of the model that it writes: on the held-out comments, then on the
phrases of tests/language/wording.toml, by the model alone and by all of `wording`.
"""

from __future__ import annotations

import argparse
import re
import tomllib
import zlib
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from scripts.support import corpora
from voicecoach.language.wording import (
    OPERATING_POINT,
    WordingEvidence,
    WordingModel,
    WordingPhrases,
    ngrams,
)
from voicecoach.shell.runtime.languages import find_language
from voicecoach.types.events import Word
from voicecoach.types.stream import F64, SAMPLE_RATE, Speaker

HOSTILE = ("anger", "annoyance", "disgust", "disapproval")
DESPERATE = ("sadness", "fear", "nervousness", "grief", "disappointment")
"""Remorse is left out: in a call, "sorry" is politeness."""
SEEN = 5
"""Fewest comments that must contain an n-gram."""
COST = 2.0
"""Inverse of the regularisation."""
GRAIN = 0.25
"""Weights are rounded to multiples of this, and those that become 0 are dropped."""
FIRES = 0.3
"""Log odds from which a test phrase counts as detected."""
OPSET, IR_VERSION = 13, 8
_WORDING = find_language("en").wording
assert _WORDING
ENGLISH: WordingPhrases = _WORDING
_PLACEHOLDER = re.compile(r"\[[A-Z]+\]")
"""Placeholders for names that the corpus hides, such as [NAME]."""


class Comment(NamedTuple):
    """A comment with its words and n-grams as the engine makes them."""

    id: str
    words: list[str]
    grams: list[str]
    labels: frozenset[str]

    @property
    def held_out(self) -> bool:
        """Whether the comment is used for evaluation only."""
        return zlib.crc32(self.id.encode()) % 10 == 0


def comments() -> list[Comment]:
    """Return the GoEmotions comments, each once, in the order of their ids."""
    folder = corpora.folder("text/goemotions")
    names = (folder / "labels.txt").read_text("utf-8").split()
    found = {}
    for part in ("train", "dev", "test"):
        for line in (folder / f"{part}.tsv").read_text("utf-8").split("\n"):
            if line:
                text, labels, key = line.split("\t")
                words = ENGLISH.spoken_words(_PLACEHOLDER.sub(" ", text).split())
                emotions = frozenset(names[int(label)] for label in labels.split(","))
                found[key] = Comment(key, words, list(ngrams(words)), emotions)
    return [found[key] for key in sorted(found)]


def vocabulary(told: list[Comment]) -> list[str]:
    """Return the n-grams that are frequent enough to get a weight."""
    counts = Counter(gram for comment in told for gram in comment.grams)
    return sorted(gram for gram, count in counts.items() if count >= SEEN)


def table(rows: list[Comment], known: list[str]) -> sparse.csr_matrix:
    """Return a matrix [comments, n-grams] with 1 where a comment contains an n-gram."""
    ids = {gram: i for i, gram in enumerate(known)}
    columns = [[ids[g] for g in comment.grams if g in ids] for comment in rows]
    ends = np.cumsum([0] + [len(c) for c in columns])
    flat = np.concatenate([np.array(c, int) for c in columns])
    return sparse.csr_matrix((np.ones(len(flat)), flat, ends), shape=(len(rows), len(known)))


def by_length(rows: list[Comment]) -> sparse.dia_matrix:
    """Return a diagonal matrix with one over the root of each comment's number of n-grams."""
    return sparse.diags([max(len(comment.grams), 1) ** -0.5 for comment in rows])


def marked(rows: list[Comment], emotions: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return which comments are labelled with any of `emotions`."""
    return np.array([not comment.labels.isdisjoint(emotions) for comment in rows])


def fit(holds: sparse.csr_matrix, scale: sparse.dia_matrix, y: Any) -> tuple[F64, float]:
    """Return the weight of each n-gram, and the bias."""
    with_it = np.asarray(holds[y].sum(axis=0)).ravel() + 1
    without = np.asarray(holds[~y].sum(axis=0)).ravel() + (~y).sum() / y.sum()
    ratio = np.abs(np.log((with_it / with_it.sum()) / (without / without.sum())))
    model = LogisticRegression(C=COST, solver="newton-cg", tol=1e-12)
    model.fit(scale @ holds @ sparse.diags(ratio), y)
    return model.coef_[0] * ratio, float(model.intercept_[0])


def graph(known: list[str], weights: F64, bias: F64) -> bytes:
    """Return the model as an ONNX file; the same weights give the same bytes."""
    constants: dict[str, NDArray[Any]] = {
        "weights": weights.astype(np.float32),
        "bias": bias.astype(np.float32),
        "first_axis": np.array([0], np.int64),
    }
    body = helper.make_graph(
        [
            helper.make_node("Gather", ["weights", "ids"], ["found"]),
            helper.make_node("Sqrt", ["total"], ["length"]),
            helper.make_node("Div", ["found", "length"], ["each"]),
            helper.make_node("ReduceSum", ["each", "first_axis"], ["sum"], keepdims=0),
            helper.make_node("Add", ["sum", "bias"], ["log_odds"]),
            helper.make_node("Sigmoid", ["log_odds"], ["probability"]),
        ],
        "wording",
        [
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["n"]),
            helper.make_tensor_value_info("total", TensorProto.FLOAT, []),
        ],
        [
            helper.make_tensor_value_info("probability", TensorProto.FLOAT, [2]),
            helper.make_tensor_value_info("each", TensorProto.FLOAT, ["n", 2]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(
        body, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="voicecoach"
    )
    model.ir_version = IR_VERSION
    helper.set_model_props(model, {"vocabulary": "\n".join(known)})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def train(rows: list[Comment]) -> bytes:
    """Train on the comments and return the model file's bytes."""
    known = vocabulary(rows)
    holds, scale = table(rows, known), by_length(rows)
    fitted = [fit(holds, scale, marked(rows, e)) for e in (HOSTILE, DESPERATE)]
    weights = GRAIN * np.rint(np.stack([w for w, _ in fitted], axis=1) / GRAIN)
    kept = np.flatnonzero(weights.any(axis=1))
    bias = np.round([b for _, b in fitted], 2)
    print(f"{len(kept)} n-grams of {len(known)} weigh something")
    return graph([known[i] for i in kept], weights[kept], bias)


def report(title: str, y: Any, fires: Any) -> None:
    """Print precision, recall and the rate of false alarms."""
    hit, false = (y & fires).sum(), (~y & fires).sum()
    precision = hit / max(hit + false, 1)
    print(
        f"{title:44} precision {precision:.2f}  recall {hit / y.sum():.2f} "
        f"({hit}/{y.sum()})  false alarms {false / (~y).sum():.1%} ({false}/{(~y).sum()})"
    )


def on_comments(model: WordingModel, rows: list[Comment]) -> None:
    """Print the accuracy on the held-out comments."""
    read = np.array([model.class_probabilities(comment.words) for comment in rows])
    print(f"{len(rows)} held-out comments")
    for i, (name, emotions) in enumerate(zip(OPERATING_POINT, (HOSTILE, DESPERATE), strict=True)):
        y, point = marked(rows, emotions), OPERATING_POINT[name]
        print(f"  {name}: ROC-AUC {roc_auc_score(y, read[:, i]):.3f}")
        report(f"  {name}, model from {point}", y, read[:, i] >= point)
    weights = np.array([max(weight(model, comment.words, whole=True)) for comment in rows])
    report(
        f"  either, all from {FIRES} log-odds", marked(rows, HOSTILE + DESPERATE), weights >= FIRES
    )


def on_phrases(model: WordingModel, path: Path, *, told: bool) -> None:
    """Print the accuracy on the test phrases and, with `told`, list those judged wrong."""
    for part, phrases in tomllib.loads(path.read_text("utf-8")).items():
        texts = [text.split() for text in phrases["agitated"] + phrases["calm"]]
        y = np.arange(len(texts)) < len(phrases["agitated"])
        points = np.array(list(OPERATING_POINT.values()))
        alone = (
            np.array([model.class_probabilities(ENGLISH.spoken_words(text)) for text in texts])
            >= points
        )
        weighs = [weight(model, text) for text in texts]
        end, most = np.array([w[-1] for w in weighs]), np.array([max(w) for w in weighs])
        lost = np.concatenate([without_one(model, text) for text in texts])
        truth = np.repeat(y, [len(text) for text in texts])
        print(f"phrases, {part}: {len(texts)}; calm ones weigh {end[~y].mean():.3f} on average")
        report("  model alone", y, alone.any(axis=1))
        report(f"  all, from {FIRES} log-odds", y, end >= FIRES)
        report("  all, at any time while it is said", y, most >= FIRES)
        report("  all, one word misheard, each in turn", truth, lost >= FIRES)
        for text, agitated, w in zip(texts, y, most, strict=True):
            if told and agitated != (w >= FIRES):
                print(f"    {w:.2f} {' '.join(text)}")


def without_one(model: WordingModel, text: list[str]) -> F64:
    """Return the log odds of an utterance with each of its words misheard in turn."""
    heard = [[*text[:i], "whatsit", *text[i + 1 :]] for i in range(len(text))]
    return np.array([weight(model, words, whole=True)[-1] for words in heard])


def weight(model: WordingModel, text: list[str], *, whole: bool = False) -> list[float]:
    """Return the log odds of an utterance after each word, or if `whole` only after the last."""
    wording, weighs = WordingEvidence(ENGLISH, model), [0.0]
    for index, word in enumerate(text):
        end = (index + 1) * SAMPLE_RATE // 3
        wording.add_event(
            Word(
                at=end,
                speaker=Speaker.CUSTOMER,
                utterance=1,
                index=index,
                text=word,
                start=end - SAMPLE_RATE // 3,
                end=end,
                probability=1.0,
                committed=True,
                final=True,
            )
        )
        if not whole or index == len(text) - 1:
            weighs.append(sum(evidence.weight for evidence in wording.evidence(end)))
    return weighs


def main() -> None:
    """Train the model, write it and print its accuracy."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("models/wording.onnx"))
    parser.add_argument("--phrases", type=Path, default=Path("tests/language/wording.toml"))
    parser.add_argument("--told", action="store_true", help="print the phrases judged wrong")
    args = parser.parse_args()
    rows = comments()
    args.out.write_bytes(train([comment for comment in rows if not comment.held_out]))
    print(f"wrote {args.out}: {args.out.stat().st_size} bytes")
    model = WordingModel(args.out)
    on_comments(model, [comment for comment in rows if comment.held_out])
    on_phrases(model, args.phrases, told=args.told)


if __name__ == "__main__":
    main()
