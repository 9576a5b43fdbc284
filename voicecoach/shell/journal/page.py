"""Draws the trends page; every chart also has its numbers as a text label and in a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

from voicecoach.journal.trends import (
    MIN_FOR_INTERVAL,
    Association,
    CueTrend,
    Estimate,
    OutcomeTrend,
    TechniqueTrend,
    Trends,
)
from voicecoach.shell.runtime.html_page import html_page, scroll_region, table_node
from voicecoach.shell.runtime.svg import (
    XmlNode,
    dot_node,
    line_node,
    make_node,
    svg_node,
    text_node,
)
from voicecoach.views.summary import count_text

TRENDS_STYLE = Path(__file__).with_name("trends.css")
MAX_ASSOCIATIONS = 8
"""Most associations drawn for each survey; the table has all."""
SURVEY_TITLES = {
    "csat": "Satisfied (CSAT, 1 to 5)",
    "nps": "Would recommend (NPS, 0 to 10)",
    "ces": "Easy (CES, 1 to 7)",
}
LIMITATIONS = (
    "A score measures what was done in a call, by a formula that voicecoach journal show prints "
    "beside it; it does not measure a person, and this page compares no people.",
    "Agitation is an estimate, and it falls after every outburst, with a cue or without. Moments "
    "when a cue was due but held back come late in a call or soon after another cue, so they are "
    "only roughly comparable. Those held out at random ([cues] holdout) are comparable.",
    "Intervals are of 95 %: shares by Wilson's score, means by a bootstrap over calls, rank "
    "correlations by Bonett and Wright. The moments of one call count as independent in a share.",
    "A correlation does not show that one causes the other.",
)


def trends_page(trends: Trends) -> bytes:
    """Return the page, in UTF-8."""
    return html_page(
        "voicecoach: trends",
        TRENDS_STYLE,
        make_node("h1", {}, "Trends"),
        _soft(_period_text(trends)),
        *_techniques(trends),
        *_cues_section(trends),
        *_surveys(trends),
        make_node("h2", {}, "Limits of these figures"),
        make_node("ul", {}, *(make_node("li", {}, limit) for limit in LIMITATIONS)),
    )


def _soft(text: str) -> XmlNode:
    return make_node("p", {"class": "soft"}, text)


def _folded_table(
    of: str, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> XmlNode:
    """Return a folded table; `of` makes its label unique."""
    table = table_node(f"{of}: {title}", columns, rows)
    return make_node("details", {}, make_node("summary", {}, title), table)


# --- techniques -------------------------------------------------------------------------------


def _techniques(trends: Trends) -> Iterator[XmlNode]:
    yield make_node("h2", {}, "Techniques, week by week")
    drawn = [course for course in trends.courses if course.weeks]
    if not drawn:
        yield _soft("No call has a score yet. A call gets one when its folder has a score card.")
        return
    yield _soft(
        "Scores go from 0 to 1. A dot is a week's median, the bar behind it the range from lowest "
        "to highest, the number below it the number of calls. A hollow dot means one or two calls."
    )
    yield make_node(
        "div", {"class": "grid"}, *(_technique_figure(course, trends.weeks) for course in drawn)
    )


def _technique_figure(course: TechniqueTrend, weeks: Sequence[str]) -> XmlNode:
    rows = [
        (
            week_day_text(w.week),
            str(w.calls),
            _two_decimals(w.median),
            f"{_two_decimals(w.low)} to {_two_decimals(w.high)}",
        )
        for w in course.weeks
    ]
    columns = "week of", "calls", "median", "range"
    return make_node(
        "figure",
        {},
        make_node("h3", {}, course.name),
        _draw_technique(course, weeks),
        _folded_table(course.name, "As a table", columns, rows),
    )


def _draw_technique(course: TechniqueTrend, weeks: Sequence[str]) -> XmlNode:
    """Draw a technique: 300 by 150 pixels, the plot from (28, 8) to (292, 108)."""
    first, last = course.weeks[0], course.weeks[-1]
    told = (
        f"{course.name}, week by week. "
        f"Median {_two_decimals(first.median)} in the week of {week_day_text(first.week)}, "
        f"{_two_decimals(last.median)} in that of "
        f"{week_day_text(last.week)}; "
        f"{sum(week.calls for week in course.weeks)} scored calls in all."
    )
    step = 264 / max(len(weeks), 1)
    xs = {week: 28 + step * (place + 0.5) for place, week in enumerate(weeks)}
    parts = []
    for value, label in ((0.0, "0"), (0.5, "0.5"), (1.0, "1")):
        parts += [line_node("axis", 28, _y(value), 292, _y(value))]
        parts += [text_node(24, _y(value) + 4, label, "end")]
    for week in course.weeks:
        x = xs[week.week]
        parts.append(line_node("range", x, _y(week.low), x, _y(week.high)))
    # The line joins consecutive weeks only: a gap stays a gap.
    for here, after in zip(course.weeks, course.weeks[1:], strict=False):
        if weeks.index(after.week) == weeks.index(here.week) + 1:
            ends = xs[here.week], _y(here.median), xs[after.week], _y(after.median)
            parts.append(line_node("course", *ends))
    for week in course.weeks:
        kind = "dot" if week.calls > 2 else "dot few"
        parts.append(dot_node(kind, xs[week.week], _y(week.median), 3.5))
        if len(weeks) <= 20:
            parts.append(text_node(xs[week.week], 121, str(week.calls), "middle"))
    parts.append(text_node(28, 135, week_day_text(weeks[0])))
    parts.append(text_node(292, 135, week_day_text(weeks[-1]), "end"))
    return svg_node(300, 138, told, *parts)


def _y(score: float) -> float:
    return 108 - 100 * score


# --- cues -------------------------------------------------------------------------------------


def _cues_section(trends: Trends) -> Iterator[XmlNode]:
    yield make_node("h2", {}, "Which cues helped")
    if not trends.cues:
        yield _soft("No cue was shown yet.")
        return
    yield _soft(
        "Above: how often the agent did what the cue says within 10 seconds. Below: how the "
        "customer's agitation changed in the next 30 seconds (left: it fell), after the cue and "
        "after moments when the cue was due but not shown. A hollow dot means fewer than "
        f"{MIN_FOR_INTERVAL} moments or calls: too few for an interval or a conclusion."
    )
    reach = _change_axis_reach(trends.cues)
    figures = [
        make_node(
            "figure",
            {},
            make_node("h3", {}, cue.title),
            _draw_cue(cue, reach),
            make_node("figcaption", {}, cue_verdict(cue)),
        )
        for cue in trends.cues
    ]
    yield make_node("div", {"class": "grid"}, *figures)
    rows = [
        (cue.title, name, str(f.moments), share_text(f.heeded), signed_text(f.change))
        for cue in trends.cues
        for name, f in _kinds(cue)
        if f.moments
    ]
    columns = "cue", "", "moments", "heeded", "change of agitation"
    yield _folded_table("Cues", "All cues as a table", columns, rows)


def _kinds(cue: CueTrend) -> list[tuple[str, OutcomeTrend]]:
    return [("shown", cue.shown), ("held back", cue.held_back), ("held out", cue.held_out)]


def _change_axis_reach(cues: Sequence[CueTrend]) -> float:
    """Return the range of the axis of changes, the same for all cues."""
    values = [
        abs(value)
        for cue in cues
        for _, f in _kinds(cue)
        for value in (f.change.value, f.change.low, f.change.high)
        if value is not None
    ]
    return max(0.1, *(round(value + 0.05, 1) for value in values)) if values else 0.1


def _draw_cue(cue: CueTrend, reach: float) -> XmlNode:
    """Draw a cue: 300 by 140, heeded from 78 to 292 for 0..1, the change below it."""
    told = "; ".join(
        f"{name}: {f.moments} moments, heeded {share_text(f.heeded)}, "
        f"agitation {signed_text(f.change)}"
        for name, f in _kinds(cue)
        if f.moments
    )
    parts = []
    for value, label in ((0.0, "0"), (0.5, "50 %"), (1.0, "100 %")):
        x = 78 + 214 * value
        parts.append(line_node("axis", x, 6, x, 26))
        parts.append(text_node(x, 38, label, "end" if value == 1 else "middle"))
    parts.append(text_node(70, 20, "heeded", "end ink"))
    parts += _estimate_nodes(16, cue.shown.heeded, lambda value: 78 + 214 * value)
    for value in (-reach, 0.0, reach):
        x = 185 + 107 * value / reach
        parts.append(line_node("axis" if value else "zero", x, 52, x, 124))
        label = f"{value:+.1f}" if value else "0"
        kind = "end" if value > 0 else "middle" if value == 0 else ""
        parts.append(text_node(x, 136, label, kind))
    parts.append(text_node(70, 136, "agitation", "end"))
    for place, (name, f) in enumerate(_kinds(cue)):
        y = 64 + 24 * place
        parts.append(text_node(70, y + 4, name, "end ink"))
        if f.change.value is None:
            parts.append(text_node(84, y + 4, "none" if not f.moments else "not known"))
        kind = "other" if place else ""
        parts += _estimate_nodes(y, f.change, lambda value: 185 + 107 * value / reach, kind)
    description = f"{cue.title}: what followed. {told or 'No outcomes yet.'}"
    return svg_node(300, 142, description, *parts)


def _estimate_nodes(
    y: float, of: Estimate, scale: Callable[[float], float], kind: str = ""
) -> Iterator[XmlNode]:
    """Yield a value and its interval; hollow without an interval, nothing if it is not known."""
    if of.value is None:
        return
    few = " few"
    if of.low is not None and of.high is not None:
        few = ""
        yield line_node(f"interval {kind}".strip(), scale(of.low), y, scale(of.high), y)
    yield dot_node(f"dot{few} {kind}".strip(), scale(of.value), y, 4)


def cue_verdict(cue: CueTrend) -> str:
    """Return a cue's effect in words."""
    times = {1: "once", 2: "twice"}.get(cue.shown.moments, f"{cue.shown.moments} times")
    said = [f"Shown {times}"]
    if cue.shown.heeded.of:
        said.append(f"heeded {share_text(cue.shown.heeded)}")
    if cue.helpful or cue.wrong:
        said.append(f"marked helpful {cue.helpful}, wrong {cue.wrong}")
    text = "; ".join(said) + ". "
    d = cue.difference
    if d.value is None or d.low is None or d.high is None:
        return text + "Too few moments to compare."
    compared = f"Compared with those {cue.against}, agitation changed by {signed_text(d)}: "
    if d.high < 0:
        return text + compared + "it fell more with the cue."
    if d.low > 0:
        return text + compared + "it fell less with the cue."
    return text + compared + "the difference may be chance."


# --- surveys ----------------------------------------------------------------------------------


def _surveys(trends: Trends) -> Iterator[XmlNode]:
    yield make_node("h2", {}, "What survey scores correlate with")
    if not trends.associations:
        had = ", ".join(f"{name} {count}" for name, count in trends.surveys.items())
        text = f"Too few answers: {MIN_FOR_INTERVAL} calls or more are needed of a kind, "
        yield _soft(f"{text}there are {had}.")
        return
    pairs = len(trends.associations)
    yield _soft(
        "Rank correlation of each answer with figures of its call: to the right they rise "
        "together, to the left one falls as the other rises. An association, not a cause. Of the "
        f"{pairs} pairs examined, about {max(1, round(pairs * 0.05))} would differ from zero by "
        "chance alone."
    )
    for survey, title in SURVEY_TITLES.items():
        found = [each for each in trends.associations if each.survey == survey]
        if not found:
            continue
        rows = [(a.figure, str(a.rank.of), signed_text(a.rank)) for a in found]
        columns = "figure", "calls", "rank"
        yield make_node(
            "figure",
            {"class": "wide"},
            make_node("h3", {}, f"{title}, {trends.surveys[survey]} answers"),
            # On a phone it would be too small to read, so there it scrolls sideways.
            scroll_region(f"{title}: picture", _forest(found[:MAX_ASSOCIATIONS], title)),
            _folded_table(title, f"All {len(found)} as a table", columns, rows),
        )


def _forest(found: Sequence[Association], title: str) -> XmlNode:
    """Draw associations, 640 wide, a row of 22 each; the plot from 260 to 520 for -1..1."""
    bottom = 22 * len(found) + 8
    told = "; ".join(f"{a.figure} {signed_text(a.rank)}, {a.rank.of} calls" for a in found)
    parts = []
    for value in (-1.0, 0.0, 1.0):
        x = 390 + 130 * value
        parts.append(line_node("axis" if value else "zero", x, 4, x, bottom))
        parts.append(text_node(x, bottom + 14, f"{value:+.0f}" if value else "0", "middle"))
    for place, each in enumerate(found):
        y = 15 + 22 * place
        parts.append(text_node(250, y + 4, each.figure, "end ink"))
        parts += _estimate_nodes(y, each.rank, lambda value: 390 + 130 * value)
        parts.append(text_node(530, y + 4, f"{each.rank.value or 0.0:+.2f}, {each.rank.of} calls"))
    return svg_node(640, bottom + 18, f"What {title} correlates with. {told}", *parts)


# --- words ------------------------------------------------------------------------------------


def _period_text(trends: Trends) -> str:
    calls = count_text(trends.calls, "call")
    if not trends.weeks:
        return f"{calls} in the journal."
    first, last = (
        week_day_text(trends.weeks[0], year=True),
        week_day_text(trends.weeks[-1], year=True),
    )
    return f"{calls}, from the week of {first} to that of {last}. All of it is on this computer."


def week_day_text(week: str, *, year: bool = False) -> str:
    """Return a week's first day, such as "3 Mar"."""
    first = date.fromisoformat(week)
    return f"{first.day} {first:%b}" + (f" {first.year}" if year else "")


def _two_decimals(value: float) -> str:
    return f"{value:.2f}"


def share_text(estimate: Estimate) -> str:
    """Return a share in words."""
    if estimate.value is None:
        return "not known"
    text = f"{round(estimate.value * estimate.of)} of {estimate.of}"
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} ({estimate.low:.0%} to {estimate.high:.0%})"


def signed_text(estimate: Estimate) -> str:
    """Return a change or a correlation in words."""
    if estimate.value is None:
        return "not known"
    text = f"{estimate.value:+.2f}"
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} ({estimate.low:+.2f} to {estimate.high:+.2f})"
