"""What each kind of move does, in a few words, as a person says it of another."""

from __future__ import annotations

from collections.abc import Mapping

from voicecoach.types import Speaker

BLAMING_DEFENCE = "defence of you"
"""A defence at the customer's cost, which is another thing than to defend oneself."""

ACT_DESCRIPTIONS: Mapping[Speaker, Mapping[str, str]] = {
    Speaker.AGENT: {
        "acknowledgement": "shows that the trouble was heard",
        "apology": "says sorry",
        "question": "asks",
        "paraphrase": "says back what they told",
        "softener": "hedges politely",
        "hard": "a negative or absolute wording",
        "defence": "turns it away",
        BLAMING_DEFENCE: "puts it on the customer",
        "solution": "offers a way forward",
        "compromise": "meets them half way",
        "promise": "promises, with no time",
        "expectation": "says what happens, and when",
        "limit": "sets a limit",
        "escalation": "offers to hand over",
        "follow_up": "agrees a next step",
        "recap": "sums up what was agreed",
        "wait": "gives or asks for time",
    },
    Speaker.CUSTOMER: {
        "trouble": "tells of a trouble",
        "repeat": "has said it, or been told it, before",
        "demand": "asks for somebody else",
        "abuse": "insults the agent",
        "wait": "asks for time",
    },
}
"""By speaker and kind; the others explain nothing."""
