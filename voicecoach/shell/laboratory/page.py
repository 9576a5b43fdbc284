"""Draws the page that compares the cues of two sets of rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from voicecoach.laboratory import comparison
from voicecoach.laboratory.comparison import CueChange, CueTotals
from voicecoach.shell.laboratory.drawing import draw_call, draw_closeup
from voicecoach.shell.laboratory.trials import RuleSet, Trial
from voicecoach.shell.runtime.html_page import html_page, scroll_region, table_node
from voicecoach.shell.runtime.svg import XmlNode, make_node
from voicecoach.views.summary import count_text

COMPARISON_STYLE = Path(__file__).with_suffix(".css")


def comparison_page(
    trials: Sequence[Trial], totals: Sequence[CueTotals], a: RuleSet, b: RuleSet
) -> bytes:
    """Return the page.

    Parameters
    ----------
    trials
        The calls.
    totals
        Counts over all of them.
    a, b
        The two sets of rules.
    """
    title = f"{a.name} and {b.name}: what changes"
    content = [*_head(a, b), *_totals(trials, totals), *_call_sections(trials)]
    return html_page(title, COMPARISON_STYLE, *content)


def _head(a: RuleSet, b: RuleSet) -> list[XmlNode]:
    told = comparison.rule_differences(a.cues, b.cues)
    rows = [[id, text] for id, texts in told.items() for text in texts]
    return [
        make_node("h1", {}, "What other rules would have shown"),
        make_node(
            "p",
            {},
            make_node("span", {"class": "a"}, "A"),
            f" is {a.name}, ",
            make_node("span", {"class": "b"}, "B"),
            f" is {b.name}. Nobody knows what would have been said after another cue: each call "
            "continues here as it was recorded.",
        ),
        make_node("h2", {}, "Where the rules differ"),
        table_node("The differences", ["cue", "from A to B"], rows)
        if rows
        else make_node("p", {}, "Nowhere."),
    ]


def _totals(trials: Sequence[Trial], totals: Sequence[CueTotals]) -> list[XmlNode]:
    columns = ["cue", "A", "B", "only A", "only B", "changed", "held back A", "held back B"]
    rows = [
        [t.id, *map(str, (t.a, t.b, t.only_a, t.only_b, t.changed, t.held_a, t.held_b))]
        for t in totals
    ]
    every = sum(t.a for t in totals), sum(t.b for t in totals)
    seconds = sum(trial.duration_s for trial in trials)
    rows.append(["cues a call", *(f"{n / len(trials):.1f}" for n in every)])
    if seconds:
        rows.append(["cues in 10 minutes", *(f"{n / seconds * 600:.1f}" for n in every)])
    count = f"{count_text(len(trials), 'call')}, {seconds / 60:.1f} minutes"
    return [
        make_node("h2", {}, f"In all: {count}"),
        table_node("The totals", columns, rows, numbers=True),
    ]


def _call_sections(trials: Iterable[Trial]) -> Iterable[XmlNode]:
    for trial in trials:
        changed = [change for change in trial.changes if change.what]
        body = [make_node("h2", {}, trial.call), make_node("p", {}, _summary(trial, changed))]
        if trial.a.shown or trial.b.shown or trial.a.held or trial.b.held:
            body.append(scroll_region(f"{trial.call}, the whole call", draw_call(trial)))
        for close in trial.course.closeups:
            picture = scroll_region(f"{close.change.id}, close-up", draw_closeup(close))
            body.append(make_node("figure", {}, _caption(close.change), picture))
        if more := len(changed) - len(trial.course.closeups):
            body.append(make_node("p", {}, f"{more} more changes have no close-up."))
        yield make_node("section", {}, *body)


def _summary(trial: Trial, changed: Sequence[CueChange]) -> str:
    shown = [sum(map(len, told.shown.values())) for told in (trial.a, trial.b)]
    counts = f"{trial.duration_s / 60:.1f} minutes; cues: {shown[0]} with A, {shown[1]} with B. "
    if not changed:
        return counts + "Nothing changes."
    only = [sum(f"only {name}" in change.what for change in changed) for name in "AB"]
    return counts + (
        f"Only with A: {only[0]}; only with B: {only[1]}; with both, but not alike: "
        f"{len(changed) - sum(only)}."
    )


def _caption(change: CueChange) -> XmlNode:
    lines = []
    for name, shown in (("A", change.a), ("B", change.b)):
        text = f": {change.why}."
        if shown:
            text = (
                f", {shown.opened_s:.1f} to {shown.closed_s:.1f} s ({shown.closed_because}): "
                f"{shown.title}. {shown.message} {shown.say}"
            )
        lines.append(make_node("p", {}, make_node("span", {"class": name.lower()}, name), text))
    title = make_node("h3", {}, f"{change.id}: {', '.join(change.what)}")
    return make_node("figcaption", {}, title, *lines)
