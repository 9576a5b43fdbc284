"""The laboratory's picture: one HTML file without a script, which asks nothing of any network.

It is built as a tree, so all text in it is text; the style sheet is named by its hash in the
content policy, and nothing else is let in.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree

from voicecoach.laboratory import comparison
from voicecoach.laboratory.comparison import Change, Total
from voicecoach.shell.laboratory.drawing import close_picture, overview
from voicecoach.shell.laboratory.trials import Rules, Trial
from voicecoach.shell.runtime.svg import Node, tree

STYLE = Path(__file__).with_suffix(".css")


def page(trials: Sequence[Trial], totals: Sequence[Total], a: Rules, b: Rules) -> str:
    """Return the page.

    Parameters
    ----------
    trials
        The calls.
    totals
        Over all of them.
    a, b
        The rules.
    """
    style = STYLE.read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'"
    html = tree(
        "html",
        {"lang": "en"},
        tree(
            "head",
            {},
            tree("meta", {"charset": "utf-8"}),
            tree("meta", {"http-equiv": "Content-Security-Policy", "content": policy}),
            tree("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
            tree("title", {}, f"{a.name} and {b.name}: what changes"),
            tree("style", {}, style),
        ),
        tree(
            "body",
            {},
            tree("main", {}, *_head(a, b), *_totals(trials, totals), *_calls(trials)),
        ),
    )
    return "<!DOCTYPE html>\n" + ElementTree.tostring(html, "unicode", method="html") + "\n"


def _head(a: Rules, b: Rules) -> list[Node]:
    told = comparison.differences(a.cues, b.cues)
    rows = [[id, text] for id, texts in told.items() for text in texts]
    return [
        tree("h1", {}, "What other rules would have shown"),
        tree(
            "p",
            {},
            tree("span", {"class": "a"}, "A"),
            f" is {a.name}, ",
            tree("span", {"class": "b"}, "B"),
            f" is {b.name}. Nobody knows what would have been said after another cue: each call "
            "goes on here as it went.",
        ),
        tree("h2", {}, "Where the rules differ"),
        _table("The differences", ["cue", "from A to B"], rows)
        if rows
        else tree("p", {}, "Nowhere."),
    ]


def _totals(trials: Sequence[Trial], totals: Sequence[Total]) -> list[Node]:
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
    count = f"{len(trials)} call{'' if len(trials) == 1 else 's'}, {seconds / 60:.1f} minutes"
    return [tree("h2", {}, f"In all: {count}"), _table("The totals", columns, rows, numbers=True)]


def _calls(trials: Iterable[Trial]) -> Iterable[Node]:
    for trial in trials:
        changed = [change for change in trial.changes if change.what]
        body = [tree("h2", {}, trial.call), tree("p", {}, _summary(trial, changed))]
        if trial.a.shown or trial.b.shown or trial.a.held or trial.b.held:
            body.append(_wide(overview(trial), f"{trial.call}, the whole call"))
        for close in trial.course.closeups:
            picture = _wide(close_picture(close), f"{close.change.id}, seen closely")
            body.append(tree("figure", {}, _caption(close.change), picture))
        if more := len(changed) - len(trial.course.closeups):
            body.append(tree("p", {}, f"{more} more changes are not drawn closely."))
        yield tree("section", {}, *body)


def _summary(trial: Trial, changed: Sequence[Change]) -> str:
    shown = [sum(map(len, told.shown.values())) for told in (trial.a, trial.b)]
    counts = f"{trial.duration_s / 60:.1f} minutes; cues: {shown[0]} with A, {shown[1]} with B. "
    if not changed:
        return counts + "Nothing changes."
    only = [sum(f"only {name}" in change.what for change in changed) for name in "AB"]
    return counts + (
        f"Only with A: {only[0]}; only with B: {only[1]}; with both, but not alike: "
        f"{len(changed) - sum(only)}."
    )


def _caption(change: Change) -> Node:
    lines = []
    for name, shown in (("A", change.a), ("B", change.b)):
        text = f": {change.why}."
        if shown:
            text = (
                f", {shown.opened_s:.1f} to {shown.closed_s:.1f} s ({shown.closed_because}): "
                f"{shown.title}. {shown.message} {shown.say}"
            )
        lines.append(tree("p", {}, tree("span", {"class": name.lower()}, name), text))
    title = tree("h3", {}, f"{change.id}: {', '.join(change.what)}")
    return tree("figcaption", {}, title, *lines)


def _wide(picture: Node, label: str) -> Node:
    """Return what scrolls where the page is narrower, with a keyboard, too."""
    told = {"class": "wide", "role": "region", "tabindex": "0", "aria-label": label}
    return tree("div", told, picture)


def _table(
    name: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = False
) -> Node:
    kinds = ["", *["number" if numbers else ""] * (len(columns) - 1)]
    head = [
        tree("th", {"scope": "col", "class": kind}, column)
        for kind, column in zip(kinds, columns, strict=True)
    ]
    body = []
    for row in rows:
        cells = [*row, *[""] * (len(columns) - len(row))]
        body.append(
            tree(
                "tr",
                {},
                *(tree("td", {"class": kind}, x) for kind, x in zip(kinds, cells, strict=True)),
            )
        )
    table = tree("table", {}, tree("thead", {}, tree("tr", {}, *head)), tree("tbody", {}, *body))
    return _wide(table, name)
