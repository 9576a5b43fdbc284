"""Says in one sentence what is wrong with a channel, for the agent and for readers of the report.

The event log keeps a state and a reason in an engineer's words.  The overlay, the page, the
console, the summary and the report all show the sentence that is made here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from voicecoach.text_safety.sanitize import printable
from voicecoach.types.events import DEVICE_CHANGED, ChannelState
from voicecoach.types.stream import Speaker

STATE_WORDS: Mapping[str, str] = {
    "lost": "no audio",
    "dead": "nothing heard",
    "copied": "both the same",
    "swapped": "sides swapped",
    "drifting": "clocks differ",
    "bleeding": "crosstalk",
    "clipped": "too loud",
}
"""Two or three words for each state, where there is no room for the sentence."""

_SENTENCES: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    # For each state: what its reason looks like, and the sentence for the agent's and the
    # customer's channel; {} is what the parentheses match.
    "lost": (
        (
            f"{DEVICE_CHANGED}(.*)",
            "Your microphone changed: {}",
            "The customer's audio changed: {}",
        ),
        ("(.*)", "No audio from your microphone: {}", "No audio from the customer: {}"),
    ),
    "dead": (
        (
            "no audio so far",
            "Nothing heard from you so far: is the microphone muted, or recording not allowed?",
            "Nothing heard from the customer so far: is the call muted, or recording not allowed?",
        ),
        (
            r"digital silence for (\d+ s)",
            "Nothing heard from you for {}: is the microphone muted?",
            "Nothing heard from the customer for {}: is the call muted?",
        ),
        ("(.*)", "Nothing heard from you: {}", "Nothing heard from the customer: {}"),
    ),
    "copied": (
        (
            "both channels carry the same signal(.*): a mono recording",
            "Both sides carry the same sound{}: is it a mono recording?",
            "Both sides carry the same sound{}: is it a mono recording?",
        ),
        ("", "Both sides carry the same sound", "Both sides carry the same sound"),
    ),
    "swapped": (
        (
            "",
            "The sides seem swapped: your greeting was heard on the customer's side",
            "The sides seem swapped: your greeting was heard on the customer's side",
        ),
    ),
    "drifting": (
        (
            "",
            "The sides drift apart in time: each is recorded with a clock of its own",
            "The sides drift apart in time: each is recorded with a clock of its own",
        ),
    ),
    "bleeding": (
        (
            "",
            "The customer's voice is heard on your side",
            "Your voice is heard on the customer's side",
        ),
    ),
    "clipped": (
        (
            "",
            "Your voice is distorted: turn the microphone down",
            "The customer's voice is distorted: their audio is too loud",
        ),
    ),
    "ok": (
        ("it is back", "Your microphone is back", "The customer's audio is back"),
        ("audio has arrived", "You are heard now", "The customer is heard now"),
        ("the channels differ", "The sides differ now", "The sides differ now"),
        (
            "the greeting was heard",
            "The sides are not swapped: your greeting was heard on your side, too",
            "The sides are not swapped: your greeting was heard on your side, too",
        ),
        (
            "the delay no longer moves",
            "The sides no longer drift apart",
            "The sides no longer drift apart",
        ),
        (
            "the other voice is no longer heard",
            "The customer's voice is no longer heard on your side",
            "Your voice is no longer heard on the customer's side",
        ),
        (
            "the peaks are no longer clipped",
            "Your voice is no longer distorted",
            "The customer's voice is no longer distorted",
        ),
        ("", "Your microphone works", "The customer's audio works"),
    ),
}


def describe_channel(event: ChannelState) -> str:
    """Return one sentence, without a full stop, about a channel whose state has changed.

    Examples
    --------
    >>> state = ChannelState(at=0, speaker=Speaker.CUSTOMER, state="bleeding", reason="")
    >>> describe_channel(state)
    "Your voice is heard on the customer's side"
    """
    reason = printable(event.reason)
    for pattern, of_agent, of_customer in _SENTENCES.get(event.state, ()):
        if found := re.match(pattern, reason):
            sentence = of_agent if event.speaker is Speaker.AGENT else of_customer
            return sentence.format(*found.groups()).removesuffix(": ")
    side = "Your side" if event.speaker is Speaker.AGENT else "The customer's side"
    return ": ".join(filter(None, (side, printable(event.state), reason)))


def short_state(state: str) -> str:
    """Return the state of a channel in two or three words."""
    return STATE_WORDS.get(state, printable(state))
