"""Each rule of each cue at its edge, each cue's times, and which card takes the screen.

The numbers stand in cue_rules.toml a second time, by what they mean.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.coaching.test_outcomes import follow, opened
from voicecoach.coaching import cues
from voicecoach.coaching.cue_engine import CueEngine
from voicecoach.coaching.cues import Cue
from voicecoach.coaching.signal_catalogue import CUE_QUOTES, CUE_SIGNALS
from voicecoach.config import CuesConfig
from voicecoach.types.events import CueClosed, CueOpened
from voicecoach.types.stream import HOP, SAMPLE_RATE, TICK

RULES = tomllib.loads((Path(__file__).parent / "cue_rules.toml").read_text("utf-8"))
TICK_S = TICK * HOP / SAMPLE_RATE
SERIES = dict[str, list[tuple[float, float]]]
NAN = float("nan")
TOP = max(cue["level"] for cue in RULES.values())
LOWEST = min(cue["level"] for cue in RULES.values())
OF_LEVEL = {
    6: "let-them-finish",
    5: "set-a-limit",
    4: "lower-your-voice",
    3: "soften",
    2: "check-in",
    1: "that-is-working",
}
"""A cue of each level; no two of them have a signal in common."""


def shown(
    series: SERIES, length_s: float, own: tuple[Cue, ...] = (), without: tuple[str, ...] = ()
) -> list[tuple[str, float, float, str]]:
    """Return each card with when it came, when it left and why; gaps and budgets are none."""
    settings = CuesConfig(min_gap_s=0.0, calm_most=1000)
    built_in = (cue for cue in cues.built_in_cues() if cue.id not in without)
    engine = CueEngine((*built_in, *own), settings)
    quotes = dict.fromkeys(CUE_QUOTES, "")
    came: dict[str, float] = {}
    found = []
    for tick in range(round(length_s / TICK_S) + 1):
        signals = dict.fromkeys(CUE_SIGNALS, NAN)
        for name, steps in series.items():
            signals[name] = [x for start, x in steps if start <= tick * TICK_S + 1e-9][-1]
        for event in engine.decide(tick * TICK * HOP, signals, quotes, {}):
            if isinstance(event, CueOpened):
                came[event.id] = tick * TICK_S
            elif isinstance(event, CueClosed):
                found.append((event.id, came.pop(event.id), tick * TICK_S, event.reason))
    return found + [(id, at, length_s, "") for id, at in came.items()]


def held(at: dict[str, float], until_s: float | None = None, begin_s: float = 0.0) -> SERIES:
    """Return signals that are so from a time on, and unknown after another."""
    return {
        name: [(0.0, NAN), (begin_s, value), *([(until_s, NAN)] if until_s is not None else [])]
        for name, value in at.items()
    }


def edges() -> Iterator[Any]:
    """Yield each edge of each rule."""
    for id, cue in RULES.items():
        for kind in ("rule", "late"):
            for i, rule in enumerate(cue.get(kind, [])):
                yield pytest.param(id, rule, id=f"{id} {kind} {i + 1}")


@pytest.mark.parametrize(("id", "rule"), list(edges()))
def test_a_rule_holds_at_its_edge_and_not_just_short_of_it(id: str, rule: dict[str, Any]) -> None:
    after_s = rule.get("after_s", 0.0)
    cards = shown(held(rule["at"]), after_s + 1.0)
    if "after_s" in rule:
        assert [card[0] for card in cards] == [id]
        assert 0.0 <= cards[0][1] - after_s < TICK_S + 1e-9
    else:
        assert [card[0] for card in shown(held(rule["at"]), 1.0)] == [id]
    assert set(rule["short"]) <= set(rule["at"])
    for name, value in rule["short"].items():
        assert not shown(held({**rule["at"], name: value}), after_s + 5.0), name


@pytest.mark.parametrize("id", RULES)
def test_a_card_stays_after_its_cause_leaves_in_time_and_comes_again_so_often(id: str) -> None:
    cue = RULES[id]
    rule = cue["rule"][0]
    after_s = rule["after_s"]
    ((_, came, left, reason),) = shown(held(rule["at"], after_s + 1.0), after_s + 15.0)
    assert reason == "behaviour stopped"
    assert left - (after_s + 1.0) == pytest.approx(cue["stays_s"], abs=2 * TICK_S)

    round_s = cue["shows_s"] + cue["again_s"]
    cards = shown(held(rule["at"]), after_s + (cue["most"] + 1) * (round_s + 1.0))
    assert {card[0] for card in cards} == {id}
    assert len(cards) == cue["most"]
    assert {card[3] for card in cards} == {"shown long enough"}
    for (_, came, left, _), following in zip(cards, [*cards[1:], None], strict=True):
        assert left - came == pytest.approx(cue["shows_s"], abs=2 * TICK_S)
        if following:
            assert following[1] - left == pytest.approx(cue["again_s"], abs=2 * TICK_S)


@pytest.mark.parametrize("id", [id for id, cue in RULES.items() if "worse" in cue])
def test_what_is_much_worse_does_not_wait(id: str) -> None:
    cue = RULES[id]
    ((name, (first, worse, not_yet)),) = cue["worse"].items()
    at = {**cue["rule"][-1 if id == "slow-down" else 0]["at"], name: first}
    changes_s = cue["rule"][0]["after_s"] + cue["shows_s"] + 5.0
    for second, expected in ((worse, 2), (not_yet, 1)):
        series = held(at)
        series[name].append((changes_s, second))
        assert len(shown(series, changes_s + 5.0)) == expected


@pytest.mark.parametrize("id", [id for id, cue in RULES.items() if "heeded" in cue])
def test_a_signal_says_whether_a_cue_was_heeded(id: str) -> None:
    ((name, (done, not_quite)),) = RULES[id]["heeded"].items()
    for value, heeded in ((done, True), (not_quite, False)):
        series = {name: [(0.0, 50.0), (22.0, value)], "agitation": [(0.0, 0.8)]}
        if name == "agitation":
            series = {name: [(0.0, 0.8), (22.0, value)]}
        (outcome,) = follow({20.0: opened(20 * SAMPLE_RATE, id)}, series, 60)
        assert outcome.heeded is heeded, value


@pytest.mark.parametrize("id", RULES)
def test_a_card_takes_the_screen_from_one_of_a_lower_level_alone(id: str) -> None:
    cue = RULES[id]
    rule = cue["rule"][0]
    for level, other in OF_LEVEL.items():
        if other == id or abs(level - cue["level"]) > 1:
            continue
        first = RULES[other]["rule"][0]
        begins_s = first["after_s"]
        comes_s = begins_s + 1.0
        end_s = comes_s + rule["after_s"] + 1.0
        series = {**held(first["at"]), **held(rule["at"], begin_s=comes_s)}
        cards = [card[0] for card in shown(series, end_s)]
        assert cards == ([other, id] if cue["level"] > level else [other]), other
        series = {**held(first["at"], begin_s=rule["after_s"] + 1.0), **held(rule["at"])}
        cards = [card[0] for card in shown(series, rule["after_s"] + begins_s + 2.0)]
        assert cards == ([id, other] if cue["level"] < level else [id]), other


def own_cue(level: int) -> Cue:
    """Return a cue of one's own, about silence as `check-in` is."""
    check_in = next(cue for cue in cues.built_in_cues() if cue.id == "check-in")
    return msgspec.structs.replace(check_in, id="own", priority=level)


@pytest.mark.parametrize(("level", "takes"), [(TOP, False), (TOP + 1, True)])
def test_a_cue_of_ones_own_above_all_of_these_takes_the_screen(level: int, takes: bool) -> None:
    top = OF_LEVEL[TOP]
    series = {**held(RULES[top]["rule"][0]["at"]), **held({"dead_air_s": 8.0}, begin_s=1.0)}
    cards = [card[0] for card in shown(series, 2.0, (own_cue(level),))]
    assert cards == ([top, "own"] if takes else [top])


@pytest.mark.parametrize(("level", "loses"), [(LOWEST, False), (LOWEST - 1, True)])
def test_a_cue_of_ones_own_below_all_of_these_loses_the_screen(level: int, loses: bool) -> None:
    lowest = OF_LEVEL[LOWEST]
    series = {**held({"dead_air_s": 8.0}), **held(RULES[lowest]["rule"][0]["at"], begin_s=1.0)}
    cards = [card[0] for card in shown(series, 2.0, (own_cue(level),), ("check-in",))]
    assert cards == (["own", lowest] if loses else ["own"])


def test_each_cue_of_the_catalogue_is_here() -> None:
    assert set(RULES) == {cue.id for cue in cues.built_in_cues()}
