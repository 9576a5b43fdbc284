"""Reads event logs of earlier schemas: the calls that they hold may not be heard again.

| schema | differs from the next one in |
|---|---|
| 1 | `prosody` events, which are left out |
| 2 | the word `baseline`, which was `usual`; in early ones: `cue_opened` without `say`, `tone` with its signals as `evidence`, `prosody` without `cepstrum_db`, which is left out; no accounts and replies, which are made from turns |
"""  # noqa: E501

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from voicecoach.coaching.conversation_state import ANSWERS_WITHIN, BACKCHANNEL_S, REPLY_S
from voicecoach.types.events import Account, DialogueAct, Ended, Event, Reply, Turn
from voicecoach.types.stream import AGENT, CUSTOMER, SAMPLE_RATE

FIRST_SCHEMA, EXCHANGES_SINCE = 1, 3
"""The oldest schema that is read, and the first one with `account` and `reply` events."""

WORD_NEAR = SAMPLE_RATE // 2
"""Tolerance for the inaccuracy of word times, samples."""

Fields: TypeAlias = dict[str, Any]


def _baseline(fields: Fields) -> Fields:
    return {name.replace("usual_", "baseline_"): value for name, value in fields.items()}


def _tables_of_baseline(fields: Fields) -> Fields:
    return {k: _baseline(v) if isinstance(v, dict) else v for k, v in fields.items()}


def _tone(fields: Fields) -> Fields:
    early = isinstance(fields.get("evidence"), dict)
    return {**fields, "evidence": [], "signals": fields["evidence"]} if early else fields


def _cue_opened(fields: Fields) -> Fields:
    return {"say": "", **_tables_of_baseline(fields)}


def _prosody(fields: Fields) -> Fields | None:
    return fields if "cepstrum_db" in fields else None


MIGRATIONS: Mapping[int, Mapping[str, Callable[[Fields], Fields | None]]] = {
    1: {"prosody": lambda fields: None},
    2: {
        "header": _baseline,
        "delivery": _baseline,
        "signals": _tables_of_baseline,
        "tone": _tone,
        "cue_opened": _cue_opened,
        "prosody": _prosody,
    },
}
"""For each earlier schema and type of line, what makes its fields those of the next schema; None
leaves the line out."""


def migrate_fields(fields: Fields, kind: str, schema: int) -> Fields | None:
    """Return the fields of a line of an earlier schema as they are now; None leaves it out."""
    found: Fields | None = fields
    for step in range(schema, max(MIGRATIONS) + 1):
        migrate = MIGRATIONS[step].get(kind)
        if migrate and found is not None:
            found = migrate(found)
    return found


class TurnExchanges:
    """Makes the accounts and replies of a call from its turns, as scores once did."""

    def __init__(self) -> None:
        self._turns: list[Turn] = []
        self._questions: list[int] = []
        """Where the agent's questions end."""
        self._at = 0

    def add_event(self, event: Event) -> list[Event]:
        """Add the next event; return the events that come before it."""
        self._at = max(self._at, event.at)
        if isinstance(event, Turn):
            self._turns.append(event)
        elif isinstance(event, DialogueAct) and (event.speaker, event.kind) == (AGENT, "question"):
            self._questions.append(event.end)
        return self.finish() if isinstance(event, Ended) else []

    def finish(self) -> list[Event]:
        """Return the accounts and replies, all known at the end."""
        accounts: list[list[int]] = []
        replies: list[list[int]] = []
        """The reply to each account: its start, its end, and the agent's speech in it."""
        questions = sorted(self._questions)
        for turn in sorted(self._turns, key=lambda turn: (turn.start, turn.speaker.row)):
            start, end = turn.start, turn.end
            if turn.speaker is AGENT:
                if accounts:
                    begun, _, spoken = replies[-1]
                    replies[-1] = [begun if spoken else start, end, spoken + end - start]
                continue
            asked = bisect_right(questions, start + WORD_NEAR)
            answers = asked > 0 and start - questions[asked - 1] <= ANSWERS_WITHIN
            if end - start < BACKCHANNEL_S * SAMPLE_RATE and accounts and not answers:
                continue
            if not accounts or replies[-1][2] >= REPLY_S * SAMPLE_RATE:
                accounts.append([start, end])
                replies.append([0, 0, 0])
            else:
                accounts[-1][1], replies[-1] = end, [0, 0, 0]
        self._turns.clear()
        found: list[Event] = []
        for (start, end), (begun, until, spoken) in zip(accounts, replies, strict=True):
            found.append(Account(at=self._at, speaker=CUSTOMER, start=start, end=end))
            if spoken:
                found.append(Reply(at=self._at, speaker=AGENT, start=begun, end=until))
        return found
