"""Rules are data, and so are their tests: series in, cue times out."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from voicecoach import cues
from voicecoach.config import Cues
from voicecoach.cues import SIGNALS, CueEngine
from voicecoach.engine import TICK
from voicecoach.errors import ConfigError
from voicecoach.types import HOP, SAMPLE_RATE, CueClosed, CueHeldBack, CueOpened, Event

TICK_S = TICK * HOP / SAMPLE_RATE
CASES = [
    case
    for path in sorted((Path(__file__).parent / "cues").glob("*.toml"))
    for case in tomllib.loads(path.read_text())["case"]
]


def run(case: dict[str, Any]) -> list[Event]:
    """Return the events of a case."""
    engine = CueEngine(cues.load(cues.BUILT_IN), Cues().min_gap_s)
    events: list[Event] = []
    last = 0
    for tick in range(int(case["length_s"] / TICK_S) + 1):
        t = tick * TICK_S
        signals = dict.fromkeys(SIGNALS, float("nan"))
        for name, series in case["series"].items():
            assert name in SIGNALS
            signals[name] = [value for start, value in series if start <= t + 1e-9][-1]
        last = tick * TICK * HOP
        events += engine.update(last, signals)
    return events + engine.finish(last)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_case(case: dict[str, Any]) -> None:
    events = run(case)
    opened = [(e.id, e.at / SAMPLE_RATE) for e in events if isinstance(e, CueOpened)]
    assert [i for i, _ in opened] == [i for i, _ in case["opened"]]
    # What is counted in whole ticks is late by up to one; each cue adds its own.
    for n, ((_, t), (_, expected)) in enumerate(zip(opened, case["opened"], strict=True), 1):
        assert 0 <= t - expected + 1e-9 <= 3 * n * TICK_S
    if "closed" in case:
        closed = [(e.id, e.at / SAMPLE_RATE, e.reason) for e in events if isinstance(e, CueClosed)]
        assert [(i, r) for i, _, r in closed] == [(i, r) for i, _, r in case["closed"]]
        for (_, t, _), (_, expected, _) in zip(closed, case["closed"], strict=True):
            assert abs(t - expected) <= 4 * TICK_S
    held = [[e.id, e.reason] for e in events if isinstance(e, CueHeldBack)]
    if "held_back_includes" in case:
        assert case["held_back_includes"] in held
    elif "held_back" in case:
        assert held == case["held_back"]
    shown = 0
    for event in events:
        shown += isinstance(event, CueOpened) - isinstance(event, CueClosed)
        assert shown in (0, 1)
    assert shown == 0


def test_a_card_says_what_was_observed_with_its_evidence() -> None:
    opened = [
        e
        for e in run(
            CASES[0]
            | {
                "series": {
                    "agent_rate_ratio": [[0, 1.4]],
                    "agent_rate_syl_s": [[0, 6.12]],
                    "agent_usual_rate_syl_s": [[0, 4.4]],
                }
            }
        )
        if isinstance(e, CueOpened)
    ]
    assert opened[0].title == "Slow down"
    assert "6.1 syllables a second" in opened[0].message
    assert "your usual is 4.4" in opened[0].message
    assert opened[0].evidence == {
        "agent_rate_ratio": 1.4,
        "agent_rate_syl_s": 6.12,
        "agent_usual_rate_syl_s": 4.4,
    }
    assert opened[0].held_s >= 1.0


CUE = """
[[cue]]
id = "x"
title = "X"
technique = "t"
priority = 1
message = "m"
keep_for_s = 1.0
max_show_s = 5.0
cooldown_s = 5.0
max_per_call = 2
[[cue.rule]]
when = [{ signal = "agitation", op = ">=", value = 0.5 }]
for_s = 1.0
"""


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ('"agitation"', '"mood"', "no signal 'mood'"),
        ('message = "m"', 'message = "{mood}"', "cannot be filled in"),
        ('message = "m"', 'message = "{agitation.real}"', "cue 'x'"),
        ('message = "m"', 'message = "{agitation"', "cannot be filled in"),
        ('message = "m"', 'message = "{agitation:d}"', "cannot be filled in"),
        ('op = ">="', 'op = "=="', "Invalid enum value"),
        ("for_s = 1.0", "for_s = -1.0", ">= 0.0"),
        ("for_s = 1.0", "for_s = 1.0\nfoo = 2", "unknown field"),
        ("max_per_call = 2", "max_per_call = 0", ">= 1"),
        ("cooldown_s = 5.0\n", "", "missing required field `cooldown_s`"),
        ('id = "x"', 'id = "A b"', "id"),
        ("[[cue]]", "[[cue]", "Expected"),
        ("\nfor_s = 1.0\n", f"\nfor_s = 1.0\n{CUE}", "twice"),
    ],
)
def test_a_wrong_rule_fails_at_load_and_names_the_file(
    tmp_path: Path, before: str, after: str, complaint: str
) -> None:
    path = tmp_path / "cues.toml"
    path.write_text(CUE)
    assert cues.load(path)[0].id == "x"
    path.write_text(CUE.replace(before, after, 1))
    with pytest.raises(ConfigError) as error:
        cues.load(path)
    assert str(error.value).startswith(str(path))
    assert complaint in str(error.value)


def test_a_missing_rule_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the cue rules"):
        cues.load(tmp_path / "none.toml")


def test_the_built_in_catalogue_has_the_first_four() -> None:
    ids = {cue.id for cue in cues.load(cues.BUILT_IN)}
    assert {"slow-down", "acknowledge", "let-them-finish", "lower-your-voice"} <= ids
