"""Lists the signals that cue rules may name, with their units, and the texts that cues may quote.

`signals.SignalTracker` computes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from voicecoach.types.stream import AGENT, CUSTOMER, Speaker


class SignalSpec(NamedTuple):
    """A named number that a rule may compare."""

    unit: str
    doc: str
    needs: tuple[Speaker, ...]
    """Speakers whose channels it depends on: the signal is distrusted if one of them is."""
    phrases: bool = False
    """It depends on dialogue acts, for which the language needs phrases."""


CUE_SIGNALS: Mapping[str, SignalSpec] = {
    "agitation": SignalSpec(
        "0..1", "the customer's agitation, once confidence is 0.3", (CUSTOMER,)
    ),
    "agitated_share": SignalSpec(
        "0..1",
        "share of the customer's speech in the last 90 s with agitation of 0.7 or more; needs 30 s",
        (CUSTOMER,),
    ),
    "agitated_s": SignalSpec(
        "s",
        "the customer's speech with agitation of 0.7 or more in the last 10 minutes",
        (CUSTOMER,),
    ),
    "outburst_s": SignalSpec(
        "s",
        "the customer's speech with agitation of 0.7 or more in their newest account",
        (AGENT, CUSTOMER),
    ),
    "calmed_s": SignalSpec(
        "s",
        "the customer's calm speech (under 0.5) after 4 s or more at 0.7 or more within 90 s",
        (CUSTOMER,),
    ),
    "account_s": SignalSpec(
        "s", "the customer's speech in their newest account", (AGENT, CUSTOMER)
    ),
    "agent_rate_syl_s": SignalSpec(
        "syl/s",
        "the agent's articulation rate while they speak, after 4 s of speech in a turn",
        (AGENT,),
    ),
    "agent_baseline_rate_syl_s": SignalSpec(
        "syl/s", "the agent's baseline of the articulation rate", (AGENT,)
    ),
    "agent_rate_ratio": SignalSpec("ratio", "articulation rate divided by its baseline", (AGENT,)),
    "agent_level_db": SignalSpec(
        "dB", "the agent's level minus their baseline, while they speak", (AGENT,)
    ),
    "agent_f0_semitones": SignalSpec(
        "st", "the agent's pitch minus their baseline, while they speak", (AGENT,)
    ),
    "agent_f0_range_semitones": SignalSpec(
        "st", "the agent's pitch range minus their baseline, while they speak", (AGENT,)
    ),
    "agent_overlaps_per_min": SignalSpec(
        "1/min",
        "the agent's overlaps with the customer's speech in the last 3 minutes, while they speak",
        (AGENT, CUSTOMER),
    ),
    "agent_reply_gap_s": SignalSpec(
        "s",
        "silence before the agent's reply, median of the last 5, while they speak",
        (AGENT, CUSTOMER),
    ),
    "agent_talk_share": SignalSpec(
        "0..1",
        "the agent's share of the speech in the last 3 minutes, while they speak",
        (AGENT, CUSTOMER),
    ),
    "agent_barge_in_s": SignalSpec(
        "s",
        "how long both have spoken since the agent interrupted a customer who had the floor",
        (AGENT, CUSTOMER),
    ),
    "agent_gap_s": SignalSpec(
        "s", "silence between the customer's account and the agent's reply", (AGENT, CUSTOMER)
    ),
    "agent_reply_s": SignalSpec("s", "the agent's speech since the account", (AGENT, CUSTOMER)),
    "agent_monologue_s": SignalSpec(
        "s",
        "the agent's speech since the customer last said more than a backchannel",
        (AGENT, CUSTOMER),
    ),
    "dead_air_s": SignalSpec("s", "silence on both channels that does not help", (AGENT, CUSTOMER)),
    "since_acknowledgement_s": SignalSpec(
        "s",
        "time since the agent last acknowledged or apologised, or since the call began",
        (AGENT,),
        phrases=True,
    ),
    "since_help_s": SignalSpec(
        "s", "time since the agent last acknowledged, apologised, or spoke 10 % slower", (AGENT,)
    ),
    "agent_unchecked_s": SignalSpec(
        "s",
        "the agent's speech since the account without a question or a paraphrase",
        (AGENT, CUSTOMER),
        phrases=True,
    ),
    "agent_unmoved_s": SignalSpec(
        "s",
        "the agent's speech since the customer described a problem, without an acknowledgement or "
        "apology",
        (AGENT, CUSTOMER),
        phrases=True,
    ),
    "apologies": SignalSpec(
        "count", "the agent's apologies in the last 4 minutes", (AGENT,), phrases=True
    ),
    "since_apology_s": SignalSpec(
        "s", "time since the agent last apologised", (AGENT,), phrases=True
    ),
    "since_hard_s": SignalSpec(
        "s", "time since the agent's last negative or absolute phrase", (AGENT,), phrases=True
    ),
    "since_defence_s": SignalSpec(
        "s", "time since the agent last blamed somebody or was defensive", (AGENT,), phrases=True
    ),
    "problem_open_s": SignalSpec(
        "s",
        "time since the customer described a problem, without an offer of a way forward",
        (AGENT, CUSTOMER),
        phrases=True,
    ),
    "agent_on_problem_s": SignalSpec(
        "s", "the agent's speech in the time of problem_open_s", (AGENT, CUSTOMER), phrases=True
    ),
    "vague_promise_s": SignalSpec(
        "s", "time since the agent's last promise, without saying when", (AGENT,), phrases=True
    ),
    "abuse_open_s": SignalSpec(
        "s",
        "time since the customer was abusive, without a limit set by the agent",
        (AGENT, CUSTOMER),
        phrases=True,
    ),
    "demand_open_s": SignalSpec(
        "s",
        "time since the customer asked for a supervisor, without an offer to escalate",
        (AGENT, CUSTOMER),
        phrases=True,
    ),
    "closing_open_s": SignalSpec(
        "s",
        "time since the agent said goodbye, without a recap or next step in the 2 minutes before",
        (AGENT,),
        phrases=True,
    ),
}
"""By the name that a rule uses."""
PHRASE_SIGNALS = tuple(name for name, signal in CUE_SIGNALS.items() if signal.phrases)
"""Signals that are unknown if the language has no phrases."""
QUOTED_ACTS = {
    "hard": (Speaker.AGENT, "the agent's negative or absolute phrase"),
    "defence": (Speaker.AGENT, "the agent's words of blame or defence"),
    "promise": (Speaker.AGENT, "the agent's promise"),
    "trouble": (Speaker.CUSTOMER, "the customer's words about the problem"),
}
CUE_QUOTES: Mapping[str, str] = {
    **{f"{kind}_said": doc for kind, (_, doc) in QUOTED_ACTS.items()},
    "hard_instead": "what to say instead of the negative or absolute phrase",
}
"""Texts that a message may quote besides the signals."""
