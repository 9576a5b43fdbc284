"""Trends: figures whose truth is known by construction, and the page that draws them."""

from __future__ import annotations

import base64
import hashlib
import math
import random
import re
from collections.abc import Sequence
from datetime import date
from html.parser import HTMLParser
from importlib.resources import files
from io import StringIO
from pathlib import Path
from statistics import NormalDist

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from selenium.webdriver import Chrome

from scripts.pictures.journal import CALLS, CUES, TECHNIQUES, WEEKS, fill
from tests.journal.entries import STARTED, made
from tests.shell.views.test_browser import chromium, installed
from voicecoach.journal.entry import CallRow, CueRow, FeedbackRow, OutcomeRow, ScoreRow, SurveyRow
from voicecoach.journal.trends import (
    Estimate,
    TechniqueTrend,
    TrendRows,
    Trends,
    WeekScores,
    associations,
    cue_trends,
    mean_estimate,
    share_estimate,
    spearman,
    technique_trends,
)
from voicecoach.shell.journal.page import cue_verdict, trends_page
from voicecoach.shell.journal.store import JournalStore
from voicecoach.shell.journal.tables import trend_tables
from voicecoach.shell.journal.weeks import journal_trends, monday
from voicecoach.views.scorecard import Survey

__all__ = ["chromium"]
NOTHING = TrendRows((), (), (), (), (), ())
NAUGHTY = "</style><script>alert(1)</script> & \"'\x1b[2J <b>"


def score(call: str, technique: str, value: float | None) -> ScoreRow:
    return ScoreRow(
        call=call,
        technique=technique,
        name=technique.title(),
        score=value,
        formula="",
        seen=0,
        missed=0,
    )


def outcome(
    call: str,
    change: float | None,
    *,
    reason: str = "",
    heeded: bool | None = None,
    at_s: float = 0,
) -> OutcomeRow:
    return OutcomeRow(
        call=call,
        cue="soften",
        at_s=at_s,
        shown=not reason,
        reason=reason,
        heeded=heeded,
        signal="",
        before=None,
        after=None,
        agitation_before=0.5,
        agitation_after=None if change is None else 0.5 + change,
    )


def calls(count: int, **figures: Sequence[float]) -> list[CallRow]:
    """Return calls of which some figures are known."""
    base = made().call
    return [
        msgspec.structs.replace(
            base, id=f"c{i}", **{name: values[i] for name, values in figures.items()}
        )
        for i in range(count)
    ]


def answered(values: Sequence[int | None]) -> list[SurveyRow]:
    """Return what was answered about calls c0, c1, and so on."""
    return [
        SurveyRow(call=f"c{i}", csat=value, nps=None, ces=None, notes="")
        for i, value in enumerate(values)
    ]


# --- techniques -------------------------------------------------------------------------------


def test_a_week_has_the_median_and_the_range_of_its_scores() -> None:
    weeks = ["2026-03-02", "2026-03-09", "2026-03-16"]
    week_of = {"a": weeks[0], "b": weeks[0], "c": weeks[0], "d": weeks[2], "e": weeks[1]}
    rows = [score("a", "x", 0.1), score("b", "x", 0.9), score("c", "x", 0.4)]
    rows += [score("d", "x", 0.7), score("e", "x", None), score("e", "y", None)]
    assert technique_trends(rows, week_of, weeks) == [
        TechniqueTrend(
            "x",
            "X",
            [WeekScores(weeks[0], 3, 0.4, 0.1, 0.9), WeekScores(weeks[2], 1, 0.7, 0.7, 0.7)],
        ),
        TechniqueTrend("y", "Y", []),
    ]


def test_a_week_begins_on_its_monday_by_the_clock_here(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    for zone, moment, expected in (
        ("UTC", "2026-03-08T23:59:59Z", date(2026, 3, 2)),
        ("UTC", "2026-03-09T00:00:00Z", date(2026, 3, 9)),
        ("Europe/Berlin", "2026-03-08T23:30:00Z", date(2026, 3, 9)),
        ("America/New_York", "2026-03-09T03:30:00Z", date(2026, 3, 2)),
    ):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert monday(moment) == expected, zone
    monkeypatch.undo()
    time.tzset()


# --- cues -------------------------------------------------------------------------------------


def test_what_followed_a_cue_is_counted_apart_by_whether_it_was_shown() -> None:
    rows = [
        outcome("a", -0.25, heeded=True),
        outcome("a", -0.75, heeded=False, at_s=60),
        outcome("b", None, heeded=None),
        outcome("b", 0.125, reason="cooldown", heeded=True, at_s=60),
        outcome("c", 0.5, reason="holdout"),
    ]
    (cue,) = cue_trends(NOTHING._replace(outcomes=rows))
    assert (cue.shown.moments, cue.held_back.moments, cue.held_out.moments) == (3, 1, 1)
    assert cue.shown.heeded == Estimate(0.5, 2)
    assert cue.shown.change == Estimate(-0.5, 2)
    assert cue.held_back.change == Estimate(0.125, 1)
    assert cue.held_out.change == Estimate(0.5, 1)
    assert (cue.difference, cue.against) == (Estimate(None, 0), "")
    assert cue_verdict(cue).endswith("Too few moments to compare.")


def test_a_cue_that_helps_is_told_from_one_that_does_not() -> None:
    rng = random.Random(1)

    def after(effect: float, reason: str, calls: int) -> list[OutcomeRow]:
        return [
            outcome(f"{reason}{i}", effect + rng.gauss(-0.1, 0.1), reason=reason)
            for i in range(calls)
        ]

    helps = cue_trends(NOTHING._replace(outcomes=after(-0.3, "", 30) + after(0, "holdout", 30)))[0]
    assert helps.against == "held out"
    assert helps.difference.value == pytest.approx(-0.3, abs=0.06)
    assert "it fell more with the cue" in cue_verdict(helps)
    harms = cue_trends(NOTHING._replace(outcomes=after(0.3, "", 30) + after(0, "min_gap", 30)))[0]
    assert harms.against == "held back"
    assert "it fell less with the cue" in cue_verdict(harms)
    same = cue_trends(NOTHING._replace(outcomes=after(0, "", 30) + after(0, "holdout", 30)))[0]
    assert "the difference may be chance" in cue_verdict(same)
    few = after(-0.3, "", 30) + after(0, "holdout", 7)
    assert cue_trends(NOTHING._replace(outcomes=few))[0].against == ""


def test_a_cue_counts_its_last_mark_and_has_its_title() -> None:
    shown = CueRow(
        call="a",
        cue="soften",
        title="Soften",
        opened_s=3.0,
        closed_s=None,
        closed_because="",
        priority=1,
        held_s=0.0,
        evidence="{}",
        message="",
    )
    marks = [
        FeedbackRow(call=call, cue="soften", opened_s=3.0, at_s=at, helpful=helpful)
        for call, at, helpful in (("a", 4.0, False), ("a", 5.0, True), ("b", 4.0, False))
    ]
    (cue,) = cue_trends(NOTHING._replace(cues=[shown], feedback=marks))
    assert (cue.title, cue.helpful, cue.wrong) == ("Soften", 1, 1)


# --- estimates --------------------------------------------------------------------------------


def test_wilsons_interval_is_as_by_hand() -> None:
    z = NormalDist().inv_cdf(0.975)
    for hits, of in ((0, 10), (5, 10), (9, 40), (40, 40)):
        p = hits / of
        middle, half = p + z**2 / (2 * of), z * math.sqrt(p * (1 - p) / of + z**2 / (4 * of**2))
        found = share_estimate(hits, of)
        assert (found.value, found.of) == (p, of)
        assert found.low == pytest.approx((middle - half) / (1 + z**2 / of), abs=1e-9)
        assert found.high == pytest.approx((middle + half) / (1 + z**2 / of), abs=1e-9)
    assert share_estimate(0, 0) == Estimate(None, 0)
    assert share_estimate(3, 7) == Estimate(3 / 7, 7)
    assert share_estimate(3, 8).low is not None


def test_a_bootstrap_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = random.Random(2)
    held = alone = 0
    for _ in range(200):
        # What a call adds is shared by its moments.
        groups = []
        for _ in range(25):
            shared = rng.gauss(0.3, 0.2)
            groups.append([shared + rng.gauss(0, 0.05) for _ in range(rng.randint(1, 5))])
        found = mean_estimate(groups)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.3 <= found.high
        # Each moment for itself would say it far too surely.
        apart = mean_estimate([[value] for group in groups for value in group])
        assert apart.low is not None
        assert apart.high is not None
        alone += apart.low <= 0.3 <= apart.high
    assert 0.88 <= held / 200 <= 0.99
    assert alone < held - 20


def test_the_same_rows_always_give_the_same_interval() -> None:
    groups = [[0.1 * i, -0.1 * i] for i in range(10)]
    assert mean_estimate(groups) == mean_estimate(groups)
    assert mean_estimate([[1.0]] * 7) == Estimate(1.0, 7)
    assert mean_estimate([[1.0]] * 8) == Estimate(1.0, 8, 1.0, 1.0)
    assert mean_estimate([]) == Estimate(None, 0)


def test_spearman_of_a_known_example_with_ties() -> None:
    a, b = [1, 2, 2, 3, 4, 5, 5, 5], [2.0, 1.0, 3.0, 3.0, 7.0, 5.0, 8.0, 6.0]
    ranks_a, ranks_b = [1, 2.5, 2.5, 4, 5, 7, 7, 7], [2, 1, 3.5, 3.5, 7, 5, 8, 6]
    middle = 4.5
    over = sum((x - middle) * (y - middle) for x, y in zip(ranks_a, ranks_b, strict=True))
    under = math.sqrt(
        sum((x - middle) ** 2 for x in ranks_a) * sum((y - middle) ** 2 for y in ranks_b)
    )
    assert spearman(a, b).value == pytest.approx(over / under)


def test_spearman_is_not_told_of_few_or_of_what_is_always_the_same() -> None:
    assert spearman(range(7), range(7)) == Estimate(None, 7)
    assert spearman(range(8), range(8)) == Estimate(1, 8, 1, 1)
    assert spearman([3] * 20, range(20)) == Estimate(None, 20)
    assert spearman(range(20), [3] * 20) == Estimate(None, 20)
    assert spearman(range(20), range(20)) == Estimate(1, 20, 1, 1)
    assert spearman(range(20), range(0, -20, -1)) == Estimate(-1, 20, -1, -1)


@given(
    st.lists(st.tuples(st.integers(0, 10), st.integers(-50, 50)), min_size=8, max_size=40),
    st.randoms(use_true_random=False),
)
def test_spearman_knows_only_the_order(pairs: list[tuple[int, int]], rng: random.Random) -> None:
    found = spearman([a for a, _ in pairs], [b for _, b in pairs])
    bent = [(a**3 + a, math.exp(b / 10)) for a, b in pairs]
    rng.shuffle(bent)
    again = spearman([a for a, _ in bent], [b for _, b in bent])
    assert again.value == (None if found.value is None else pytest.approx(found.value, abs=1e-9))
    if found.value is not None:
        assert found.low is not None
        assert found.high is not None
        assert -1 <= found.low <= found.value <= found.high <= 1


def test_an_interval_of_a_correlation_holds_the_truth_as_often_as_it_says() -> None:
    rng = random.Random(3)
    rho = 0.6
    truth = 6 / math.pi * math.asin(rho / 2)  # Spearman's of a normal pair whose Pearson's is rho
    held = 0
    for _ in range(300):
        a = [rng.gauss(0, 1) for _ in range(30)]
        b = [rho * x + math.sqrt(1 - rho**2) * rng.gauss(0, 1) for x in a]
        found = spearman(a, b)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth <= found.high
    assert 0.92 <= held / 300 <= 0.99


# --- surveys ----------------------------------------------------------------------------------


def test_an_answer_that_moves_with_something_is_told_and_of_few_calls_nothing_is() -> None:
    count = 12
    rows = NOTHING._replace(
        calls=calls(count, agitation_peak=[i / 12 for i in range(count)]),
        surveys=answered([5 - i // 3 for i in range(count)]),
        scores=[score(f"c{i}", "x", i / 12) for i in range(7)],
    )
    found = {each.figure: each for each in associations(rows)}
    peak = found["Highest customer agitation"]
    assert (peak.survey, peak.rank.of) == ("csat", count)
    assert peak.rank.value is not None
    assert peak.rank.value < -0.95
    assert "Score: X" not in found, "of seven calls"
    assert "Length of the call" not in found, "it is always the same"
    rows = rows._replace(scores=[score(f"c{i}", "x", i / 12) for i in range(8)])
    assert "Score: X" in {each.figure for each in associations(rows)}


def test_calls_without_an_answer_do_not_count() -> None:
    rows = NOTHING._replace(
        calls=calls(20, agitation_end=[i / 20 for i in range(20)]),
        surveys=answered([i % 5 + 1 if i < 9 else None for i in range(20)]),
    )
    assert {each.rank.of for each in associations(rows)} == {9}


# --- the page ---------------------------------------------------------------------------------


class Read(HTMLParser):
    """A page as its elements: tag, attributes, text."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attributes}, []))

    def handle_data(self, data: str) -> None:
        if self.elements:
            self.elements[-1][2].append(data)

    def all(self, tag: str) -> list[tuple[dict[str, str], str]]:
        return [(facts, "".join(text)) for name, facts, text in self.elements if name == tag]


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Trends:
    """Return the trends of the calls that never were."""
    with JournalStore(tmp_path_factory.mktemp("journal") / "j.sqlite3", create=True) as journal:
        fill(journal)
        return journal_trends(journal)


def test_the_made_up_journal_shows_what_was_put_in(made_up: Trends) -> None:
    assert (made_up.calls, len(made_up.weeks)) == (CALLS, WEEKS)
    assert [course.technique for course in made_up.courses] == list(TECHNIQUES)
    rose = {
        course.technique: course.weeks[-1].median - course.weeks[0].median
        for course in made_up.courses
    }
    assert rose["listening"] > 0.2
    assert abs(rose["apology"]) < 0.2
    assert {cue.cue for cue in made_up.cues} == set(CUES)
    slow = next(cue for cue in made_up.cues if cue.cue == "slow-down")
    assert slow.difference.high is not None
    assert slow.difference.high < 0, "it was made to help"
    csat = {each.figure: each.rank for each in made_up.associations if each.survey == "csat"}
    empathy, peak = csat["Score: Empathy"], csat["Highest customer agitation"]
    assert empathy.low is not None
    assert peak.high is not None
    assert peak.high < 0 < empathy.low, "satisfaction was made of them"


def test_a_picture_shows_the_figures() -> None:
    weeks = ["2026-03-02", "2026-03-09", "2026-03-16", "2026-03-23"]
    course = TechniqueTrend(
        "x",
        "X",
        [
            WeekScores(weeks[0], 3, 0.5, 0.25, 1.0),
            WeekScores(weeks[1], 1, 0.0, 0.0, 0.0),
            WeekScores(weeks[3], 3, 1.0, 1.0, 1.0),
        ],
    )
    read = Read(trends_page(Trends(7, weeks, [course], [], [], {"csat": 0, "nps": 0, "ces": 0})))
    dots = [facts for facts, _ in read.all("circle")]
    assert [float(dot["cy"]) for dot in dots] == [58, 108, 8]
    xs = [float(dot["cx"]) for dot in dots]
    assert xs[2] - xs[1] == pytest.approx(2 * (xs[1] - xs[0]), abs=0.01), "a week is a week"
    assert [dot["class"] for dot in dots] == ["dot", "dot few", "dot"]
    lines = [facts for facts, _ in read.all("line")]
    ranges = [(line["y1"], line["y2"]) for line in lines if line["class"] == "range"]
    assert ranges == [("83", "8"), ("108", "108"), ("8", "8")]
    assert len([line for line in lines if line["class"] == "course"]) == 1, "a gap is a gap"
    cells = [text for _, text in read.all("td")]
    assert cells[:3] == ["3", "0.50", "0.25 to 1.00"]
    assert any("Too few answers" in text for _, text in read.all("p"))


def test_whatever_is_in_a_name_stays_text(made_up: Trends) -> None:
    course = made_up.courses[0]._replace(name=NAUGHTY)
    cue = made_up.cues[0]._replace(title=NAUGHTY)
    figure = made_up.associations[0]._replace(figure=NAUGHTY)
    naughty = made_up._replace(courses=[course], cues=[cue], associations=[figure])
    told = trends_page(naughty)
    read = Read(told)
    assert not read.all("script")
    assert not read.all("b")
    assert len(read.all("style")) == 1
    assert b"\x1b" not in told
    shown = NAUGHTY.replace("\x1b", " ")
    assert [text for _, text in read.all("h3")][:2] == [shown, shown]
    console = Console(width=400, record=True, file=StringIO())
    for table in trend_tables(naughty):
        console.print(table)
    assert console.export_text().count(shown) == 3


def test_a_page_needs_nothing_and_lets_nothing_in(made_up: Trends) -> None:
    told = trends_page(made_up)
    read = Read(told)
    tags = {tag for tag, _, _ in read.elements}
    assert not tags & {"script", "img", "link", "iframe", "object", "form", "a"}
    for _, facts, _ in read.elements:
        assert not {
            name for name in facts if name.startswith("on") or name in ("style", "src", "href")
        }
    policy = next(facts["content"] for facts, _ in read.all("meta") if "http-equiv" in facts)
    (style,) = [text for _, text in read.all("style")]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert not re.search(rb"url\(|@import|https?:", told)
    assert len(told) < 200_000


def test_every_picture_is_told_in_words(made_up: Trends) -> None:
    read = Read(trends_page(made_up))
    pictures = read.all("svg")
    assert len(pictures) == len(TECHNIQUES) + len(CUES) + 2
    for facts, _ in pictures:
        assert facts["role"] == "img"
        assert len(facts["aria-label"].split()) > 5


def test_a_journal_with_nothing_in_it_has_a_page_too(tmp_path: Path) -> None:
    with JournalStore(tmp_path / "j.sqlite3", create=True) as journal:
        told = trends_page(journal_trends(journal)).decode()
        for table in trend_tables(journal_trends(journal)):
            assert table.columns
        assert "0 calls in the journal." in told
        assert "No call has a score yet" in told
        assert "No cue was shown yet." in told
        journal.add_call(made(started_at=STARTED))
        journal.save_survey(made().call.id, Survey(csat=3))
        told = trends_page(journal_trends(journal)).decode()
    assert "1 call, from the week of 2 Mar 2026 to that of 2 Mar 2026." in told
    assert "Listening" in told
    assert "there are csat 1, nps 0, ces 0" in told


@installed
@pytest.mark.parametrize(("width", "scheme"), [(1100, "light"), (380, "dark")])
def test_a_browser_shows_it_without_complaint(
    chromium: Chrome, made_up: Trends, tmp_path: Path, width: int, scheme: str
) -> None:
    (tmp_path / "trends.html").write_bytes(trends_page(made_up))
    chromium.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    chromium.get_log("browser")  # type: ignore[no-untyped-call]
    chromium.get((tmp_path / "trends.html").as_uri())
    wide = "return document.documentElement.scrollWidth <= innerWidth"
    assert chromium.execute_script(wide), "nothing is cut off"
    script = "document.querySelectorAll('details').forEach(each => each.open = true)"
    chromium.execute_script(script)
    axe = files("selenium_axe_python") / "axe-core" / "axe.min.js"
    chromium.execute_script(axe.read_text("utf-8"))
    found = chromium.execute_async_script("axe.run().then(arguments[0])")
    assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []
    assert chromium.get_log("browser") == []  # type: ignore[no-untyped-call]
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
