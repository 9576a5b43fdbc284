"""Describes each kind of dialogue act in a few words, for score cards."""

from __future__ import annotations

from collections.abc import Mapping

from voicecoach.types.stream import Speaker

BLAMING_DEFENCE = "defence of you"
"""A defence that blames the customer; its style weights differ from those of other defences."""

ACT_DESCRIPTIONS: Mapping[Speaker, Mapping[str, str]] = {
    Speaker.AGENT: {
        "acknowledgement": "acknowledges the problem",
        "apology": "says sorry",
        "question": "asks",
        "paraphrase": "paraphrases what they said",
        "softener": "softens the wording",
        "hard": "uses a negative or absolute wording",
        "defence": "defends themselves or the company",
        BLAMING_DEFENCE: "blames the customer",
        "solution": "offers a way forward",
        "compromise": "offers a compromise",
        "promise": "promises without a time",
        "expectation": "says what happens, and when",
        "limit": "sets a limit",
        "escalation": "offers to hand over",
        "follow_up": "agrees a next step",
        "recap": "sums up what was agreed",
        "wait": "gives or asks for time",
    },
    Speaker.CUSTOMER: {
        "trouble": "describes a problem",
        "repeat": "complains of repetition",
        "demand": "asks for somebody else",
        "abuse": "insults the agent",
        "wait": "asks for time",
    },
}
"""Descriptions by speaker and kind; other kinds are not shown."""
