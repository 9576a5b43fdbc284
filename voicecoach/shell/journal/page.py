"""Trends as a page: one file, no script, nothing from anywhere; its pictures are SVG.

It is built as a tree of elements, so whatever is in a name or a title stays text.  Every picture
has its numbers in words, too: in its description, and in a table.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

from voicecoach.journal.trends import (
    MIN_FOR_INTERVAL,
    Association,
    CueTrend,
    Estimate,
    OutcomeTrend,
    TechniqueTrend,
    Trends,
)
from voicecoach.shell.journal import drawing

TRENDS_STYLE = Path(__file__).with_name("trends.css")
RANKED_COLUMNS = "figure", "calls", "rank correlation"
MAX_ASSOCIATIONS = 8
"""Associations that are drawn of each survey; the table has all."""
SURVEY_TITLES = {
    "csat": "Satisfied (CSAT, 1 to 5)",
    "nps": "Would recommend (NPS, 0 to 10)",
    "ces": "Easy (CES, 1 to 7)",
}
LIMITATIONS = (
    "A score measures what was done in a call, by a formula that voicecoach journal show prints "
    "beside it; it is no measure of a person, and nobody is compared with anybody here.",
    "Agitation is an estimate, and it falls after every outburst, cue or none. Moments at which a "
    "cue was due and held back come late in a call or soon after another cue, so they are only "
    "nearly comparable; those held out by chance ([cues] holdout) are.",
    "Intervals are of 95 %: shares by Wilson's score, means by a bootstrap over calls, rank "
    "correlations by Bonett and Wright. The moments of one call count as independent in a share.",
    "What moves together need not be cause and effect, in either direction.",
)


def trends_page(trends: Trends) -> bytes:
    """Return the page, in UTF-8."""
    style = TRENDS_STYLE.read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    html = Element("html", lang="en")
    head = SubElement(html, "head")
    SubElement(head, "meta", charset="utf-8")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": policy})
    SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    drawing.add_text_element(head, "title", "voicecoach: trends")
    drawing.add_text_element(head, "style", style)
    main = SubElement(SubElement(html, "body"), "main")
    drawing.add_text_element(main, "h1", "Trends")
    drawing.add_text_element(main, "p", _period_text(trends), "soft")
    _techniques(main, trends)
    _cues_section(main, trends)
    _surveys(main, trends)
    drawing.add_text_element(main, "h2", "What this cannot say")
    limits = SubElement(main, "ul")
    for limit in LIMITATIONS:
        drawing.add_text_element(limits, "li", limit)
    return f"<!doctype html>\n{tostring(html, 'unicode', method='html')}\n".encode()


# --- techniques -------------------------------------------------------------------------------


def _techniques(main: Element, trends: Trends) -> None:
    drawing.add_text_element(main, "h2", "Techniques, week by week")
    drawn = [course for course in trends.courses if course.weeks]
    if not drawn:
        text = "No call has a score yet: there is one where its folder has a score card."
        drawing.add_text_element(main, "p", text, "soft")
        return
    text = (
        "Scores from 0 to 1: a dot is a week's median, the bar behind it goes from its lowest to "
        "its highest, the figure below is the number of calls. A hollow dot is of one or two calls."
    )
    drawing.add_text_element(main, "p", text, "soft")
    grid = SubElement(main, "div", {"class": "grid"})
    for number, course in enumerate(drawn):
        figure = SubElement(grid, "figure")
        drawing.add_text_element(figure, "h3", course.name)
        figure.append(_draw_technique(course, trends.weeks, f"course-{number}"))
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
        drawing.add_table(figure, course.name, "As a table", columns, rows)


def _draw_technique(course: TechniqueTrend, weeks: Sequence[str], id: str) -> Element:
    """Draw a technique: 300 by 150, the plot from (28, 8) to (292, 108)."""
    first, last = course.weeks[0], course.weeks[-1]
    told = (
        f"Median {_two_decimals(first.median)} in the week of {week_day_text(first.week)}, "
        f"{_two_decimals(last.median)} in that of "
        f"{week_day_text(last.week)}; "
        f"{sum(week.calls for week in course.weeks)} scored calls in all."
    )
    svg = drawing.make_svg(300, 138, id, f"{course.name}, week by week", told)
    step = 264 / max(len(weeks), 1)
    xs = {week: 28 + step * (place + 0.5) for place, week in enumerate(weeks)}
    for value, label in ((0.0, "0"), (0.5, "0.5"), (1.0, "1")):
        drawing.draw_line(svg, 28, _y(value), 292, _y(value), "axis")
        drawing.draw_text(svg, 24, _y(value) + 4, label, "end")
    for week in course.weeks:
        drawing.draw_line(svg, xs[week.week], _y(week.low), xs[week.week], _y(week.high), "range")
    # The line goes only from a week to the next: a gap is a gap.
    for here, after in zip(course.weeks, course.weeks[1:], strict=False):
        if weeks.index(after.week) == weeks.index(here.week) + 1:
            ends = xs[here.week], _y(here.median), xs[after.week], _y(after.median)
            drawing.draw_line(svg, *ends, "course")
    for week in course.weeks:
        kind = "dot" if week.calls > 2 else "dot few"
        drawing.draw_dot(svg, xs[week.week], _y(week.median), kind, 3.5)
        if len(weeks) <= 20:
            drawing.draw_text(svg, xs[week.week], 121, str(week.calls), "middle")
    drawing.draw_text(svg, 28, 135, week_day_text(weeks[0]))
    drawing.draw_text(svg, 292, 135, week_day_text(weeks[-1]), "end")
    return svg


def _y(score: float) -> float:
    return 108 - 100 * score


# --- cues -------------------------------------------------------------------------------------


def _cues_section(main: Element, trends: Trends) -> None:
    drawing.add_text_element(main, "h2", "Which cues helped")
    if not trends.cues:
        drawing.add_text_element(main, "p", "No cue was shown yet.", "soft")
        return
    text = (
        "Above: how often the agent did what the cue says within 10 seconds. Below: how the "
        "customer's agitation changed until 30 seconds later, to the left it fell: after the cue, "
        "beside moments at which it was due and not shown. A hollow dot is of fewer than "
        f"{MIN_FOR_INTERVAL} moments or calls: it has no interval and says next to nothing."
    )
    drawing.add_text_element(main, "p", text, "soft")
    grid = SubElement(main, "div", {"class": "grid"})
    reach = _change_axis_reach(trends.cues)
    for number, cue in enumerate(trends.cues):
        figure = SubElement(grid, "figure")
        drawing.add_text_element(figure, "h3", cue.title)
        figure.append(_draw_cue(cue, reach, f"cue-{number}"))
        drawing.add_text_element(figure, "figcaption", cue_verdict(cue))
    rows = [
        (cue.title, name, str(f.moments), share_text(f.heeded), signed_text(f.change))
        for cue in trends.cues
        for name, f in _kinds(cue)
        if f.moments
    ]
    columns = "cue", "", "moments", "heeded", "change of agitation"
    drawing.add_table(main, "Cues", "All cues as a table", columns, rows)


def _kinds(cue: CueTrend) -> list[tuple[str, OutcomeTrend]]:
    return [("shown", cue.shown), ("held back", cue.held_back), ("held out", cue.held_out)]


def _change_axis_reach(cues: Sequence[CueTrend]) -> float:
    """Return how far the axis of changes goes: the same for all cues."""
    values = [
        abs(value)
        for cue in cues
        for _, f in _kinds(cue)
        for value in (f.change.value, f.change.low, f.change.high)
        if value is not None
    ]
    return max(0.1, *(round(value + 0.05, 1) for value in values)) if values else 0.1


def _draw_cue(cue: CueTrend, reach: float, id: str) -> Element:
    """Draw a cue: 300 by 140, heeded from 78 to 292 for 0..1, the change below it."""
    told = "; ".join(
        f"{name}: {f.moments} moments, heeded {share_text(f.heeded)}, "
        f"agitation {signed_text(f.change)}"
        for name, f in _kinds(cue)
        if f.moments
    )
    svg = drawing.make_svg(
        300, 142, id, f"{cue.title}: what followed", told or "Nothing is known yet."
    )
    for value, label in ((0.0, "0"), (0.5, "50 %"), (1.0, "100 %")):
        x = 78 + 214 * value
        drawing.draw_line(svg, x, 6, x, 26, "axis")
        drawing.draw_text(svg, x, 38, label, "end" if value == 1 else "middle")
    drawing.draw_text(svg, 70, 20, "heeded", "end ink")
    drawing.draw_estimate(svg, 16, cue.shown.heeded, lambda value: 78 + 214 * value, "")
    for value in (-reach, 0.0, reach):
        x = 185 + 107 * value / reach
        drawing.draw_line(svg, x, 52, x, 124, "axis" if value else "zero")
        label = f"{value:+.1f}" if value else "0"
        drawing.draw_text(
            svg, x, 136, label, "end" if value > 0 else "middle" if value == 0 else ""
        )
    drawing.draw_text(svg, 70, 136, "agitation", "end")
    for place, (name, f) in enumerate(_kinds(cue)):
        y = 64 + 24 * place
        drawing.draw_text(svg, 70, y + 4, name, "end ink")
        if f.change.value is None:
            drawing.draw_text(svg, 84, y + 4, "none" if not f.moments else "not known")
        drawing.draw_estimate(
            svg, y, f.change, lambda value: 185 + 107 * value / reach, "other" if place else ""
        )
    return svg


def cue_verdict(cue: CueTrend) -> str:
    """Return in words what can be said of a cue."""
    times = {1: "once", 2: "twice"}.get(cue.shown.moments, f"{cue.shown.moments} times")
    said = [f"Shown {times}"]
    if cue.shown.heeded.of:
        said.append(f"heeded {share_text(cue.shown.heeded)}")
    if cue.helpful or cue.wrong:
        said.append(f"marked helpful {cue.helpful}, wrong {cue.wrong}")
    text = "; ".join(said) + ". "
    d = cue.difference
    if d.value is None or d.low is None or d.high is None:
        return text + "Too few moments to compare with."
    compared = f"Beside those {cue.against}, agitation changed by {signed_text(d)}: "
    if d.high < 0:
        return text + compared + "it fell more with the cue."
    if d.low > 0:
        return text + compared + "it fell less with the cue."
    return text + compared + "no difference can be told."


# --- surveys ----------------------------------------------------------------------------------


def _surveys(main: Element, trends: Trends) -> None:
    drawing.add_text_element(main, "h2", "What survey scores move with")
    if not trends.associations:
        had = ", ".join(f"{name} {count}" for name, count in trends.surveys.items())
        text = f"Too few answers: {MIN_FOR_INTERVAL} calls or more are needed of a kind, "
        text += f"there are {had}."
        drawing.add_text_element(main, "p", text, "soft")
        return
    pairs = len(trends.associations)
    text = (
        "Rank correlation of each answer with figures of its call: to the right they rise "
        "together, to the left one falls as the other rises. An association, not a cause. Of the "
        f"{pairs} pairs looked at, about {max(1, round(pairs * 0.05))} would keep clear of zero by "
        "chance alone."
    )
    drawing.add_text_element(main, "p", text, "soft")
    for survey, title in SURVEY_TITLES.items():
        found = [each for each in trends.associations if each.survey == survey]
        if not found:
            continue
        figure = SubElement(main, "figure", {"class": "wide"})
        drawing.add_text_element(figure, "h3", f"{title}, {trends.surveys[survey]} answers")
        # On a phone it would be too small to read: there it is moved sideways.
        scroll = drawing.add_scroll_region(figure, f"{title}: picture")
        scroll.append(_forest(found[:MAX_ASSOCIATIONS], f"survey-{survey}", title))
        rows = [(a.figure, str(a.rank.of), signed_text(a.rank)) for a in found]
        drawing.add_table(
            figure, title, f"All {len(found)} as a table", ("figure", "calls", "rank"), rows
        )


def _forest(found: Sequence[Association], id: str, title: str) -> Element:
    """Draw associations, 640 wide, a row of 22 each; the plot from 260 to 520 for -1..1."""
    bottom = 22 * len(found) + 8
    told = "; ".join(f"{a.figure} {signed_text(a.rank)}, {a.rank.of} calls" for a in found)
    svg = drawing.make_svg(640, bottom + 18, id, f"What {title} moves with", told)
    for value in (-1.0, 0.0, 1.0):
        x = 390 + 130 * value
        drawing.draw_line(svg, x, 4, x, bottom, "axis" if value else "zero")
        drawing.draw_text(svg, x, bottom + 14, f"{value:+.0f}" if value else "0", "middle")
    for place, each in enumerate(found):
        y = 15 + 22 * place
        drawing.draw_text(svg, 250, y + 4, each.figure, "end ink")
        drawing.draw_estimate(svg, y, each.rank, lambda value: 390 + 130 * value, "")
        drawing.draw_text(svg, 530, y + 4, f"{each.rank.value or 0.0:+.2f}, {each.rank.of} calls")
    return svg


# --- words ------------------------------------------------------------------------------------


def _period_text(trends: Trends) -> str:
    calls = f"{trends.calls} call{'' if trends.calls == 1 else 's'}"
    if not trends.weeks:
        return f"{calls} in the journal."
    first, last = (
        week_day_text(trends.weeks[0], year=True),
        week_day_text(trends.weeks[-1], year=True),
    )
    return f"{calls}, from the week of {first} to that of {last}. All of it is on this computer."


def week_day_text(week: str, *, year: bool = False) -> str:
    """Return a week's first day as people say it."""
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
