"""Lists the cues, and what rules may name, as tables for the command line and docs/cues.md."""

from __future__ import annotations

from typing import NamedTuple

from voicecoach.coaching.cues import HELD_PLACEHOLDER, Cue, Rule
from voicecoach.coaching.signal_catalogue import CUE_QUOTES, CUE_SIGNALS
from voicecoach.language.act_matcher import ACT_KINDS


class TextTable(NamedTuple):
    """A table of texts."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]


def catalogue_tables(cues: tuple[Cue, ...]) -> list[TextTable]:
    """Return the cues, and the signals, quotes and dialogue acts that rules may name."""
    return [
        TextTable(
            "Cues",
            ("cue", "opens when", "text", "on screen"),
            [
                (
                    f"{cue.id}\n({cue.technique})",
                    "\nor ".join(map(rule_text, cue.rule)),
                    _card_text(cue),
                    _display_limits(cue),
                )
                for cue in sorted(cues, key=lambda cue: -cue.priority)
            ],
        ),
        TextTable(
            "Signals",
            ("signal", "unit", "what it is", "channels"),
            [
                (name, signal.unit, signal.doc, " and ".join(signal.needs))
                for name, signal in CUE_SIGNALS.items()
            ],
        ),
        TextTable(
            "Quotes in messages, besides the signals",
            ("quote", "what it is"),
            [*CUE_QUOTES.items(), (HELD_PLACEHOLDER, "seconds for which the rule has held")],
        ),
        TextTable(
            "Dialogue acts",
            ("speaker", "kind", "what it is"),
            [(who, kind, doc) for who, kinds in ACT_KINDS.items() for kind, doc in kinds.items()],
        ),
    ]


def rule_text(rule: Rule) -> str:
    """Return the conditions of a rule in words."""
    text = " and ".join(f"{c.signal} {c.op} {c.value:g}" for c in rule.when)
    return f"{text} for {rule.for_s:g} s" if rule.for_s else text


def cue_catalogue_markdown(cues: tuple[Cue, ...]) -> str:
    """Return the tables as a page."""
    out = [
        "# Cues",
        "",
        "Written by `voicecoach cues --markdown` from voicecoach/coaching/cues.toml and the code: "
        "do not edit.",
        "The top of cues.toml explains the terms in the table.",
    ]
    for table in catalogue_tables(cues):
        out += ["", f"## {table.title}", "", _markdown_row(table.columns)]
        out += ["|---" * len(table.columns) + "|", *map(_markdown_row, table.rows)]
    return "\n".join(out) + "\n"


def _card_text(cue: Cue) -> str:
    card = f"{cue.title}. {cue.message}"
    return f'{card} "{cue.say}"' if cue.say else card


def _display_limits(cue: Cue) -> str:
    early = f", or {cue.worse.signal} is {cue.worse.by:g} worse" if cue.worse else ""
    return (
        f"priority {cue.priority}; closes {cue.keep_for_s:g} s after the rule stops holding, after "
        f"{cue.max_show_s:g} s at most; again after {cue.cooldown_s:g} s{early}; "
        f"at most {cue.max_per_call} times a call"
    )


def _markdown_row(cells: tuple[str, ...]) -> str:
    return (
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", "<br>") for cell in cells) + " |"
    )
