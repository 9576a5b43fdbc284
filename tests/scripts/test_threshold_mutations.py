"""What the mutation of thresholds changes, which tests it asks, and when it fails."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from scripts.endurance.threshold_mutations import (
    CHECKOUT,
    CUES,
    Mutant,
    Outcome,
    all_mutants,
    changes,
    drawn,
    mirrors_of,
    report,
    rule_values,
)

MUTANTS = [Mutant(f"cues.a.{i}", "x 2", CUES, 0, 1, "2") for i in range(12)]


def numbers_in(value: Any) -> Iterator[float]:
    match value:
        case dict():
            for inner in value.values():
                yield from numbers_in(inner)
        case list():
            for inner in value:
                yield from numbers_in(inner)
        case int() | float():
            yield value


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (["killed"] * 12, 0),
        (["survived"] + ["killed"] * 11, 0),
        (["survived"] * 2 + ["killed"] * 10, 1),
        (["survived", "timeout"] + ["killed"] * 10, 1),
        (["killed"], 0),
        (["survived"], 1),
        ([], 1),
    ],
)
def test_more_than_a_tenth_that_nobody_notices_fails_and_so_does_nothing_judged(
    verdicts: list[str], code: int
) -> None:
    done = {m.id: Outcome(v) for m, v in zip(MUTANTS, verdicts, strict=False)}
    assert report(MUTANTS, done, 0.1) == code


def test_a_threshold_survives_where_one_of_its_changes_does() -> None:
    pair = [Mutant("cues.a.b", change, CUES, 0, 1, "2") for change in ("x 2", "/ 2")]
    done = {pair[0].id: Outcome("killed"), pair[1].id: Outcome("survived")}
    assert report(pair, done, 0.99) == 1


def test_a_seed_draws_the_same_dozen_and_another_seed_another() -> None:
    first, again, other = (drawn(MUTANTS, 4, seed) for seed in (1, 1, 2))
    assert first == again != other
    assert drawn(MUTANTS[:-1], 11, 1) == [m for m in drawn(MUTANTS, 12, 1) if m != MUTANTS[-1]]


@pytest.mark.parametrize(("number", "values"), [(4, [8, 2]), (0.5, [1.0, 0.25]), (0, [1])])
def test_a_number_is_doubled_and_halved_and_a_zero_becomes_one(
    number: float, values: list[float]
) -> None:
    assert [eval(text) for _, text in changes(repr(number), number)] == values


def test_each_number_of_the_cue_rules_is_changed_and_nothing_else() -> None:
    source = (CHECKOUT / CUES).read_bytes()
    found = list(numbers_in(tomllib.loads(source.decode())))
    mutants = list(rule_values())
    assert len(mutants) == sum(1 if x == 0 else 2 for x in found)
    for mutant in mutants:
        changed = source[: mutant.start] + mutant.text.encode() + source[mutant.end :]
        pairs = zip(numbers_in(tomllib.loads(changed.decode())), found, strict=True)
        assert sum(now != before for now, before in pairs) == 1, mutant


def test_what_ci_draws_from_has_a_mirror_of_its_own() -> None:
    paths = {
        m.path for m in all_mutants() if m.threshold.startswith(("cues.", "voicecoach.coaching"))
    }
    for path in paths:
        assert len(mirrors_of(path)) == 1, path
    assert mirrors_of("voicecoach/coaching/signals.py") == [["tests/coaching/test_signals.py"]]
    assert mirrors_of("voicecoach/engine.py") == [["tests/test_engine.py"]]
    assert mirrors_of("voicecoach/coaching/no_such_module.py") == []
