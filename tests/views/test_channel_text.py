"""What is wrong with a channel is one plain sentence for each state, reason and speaker."""

import pytest

from voicecoach.audio.channels import RECOVERED_TEXTS
from voicecoach.types.events import ChannelState
from voicecoach.types.stream import Speaker
from voicecoach.views.channel_text import STATE_WORDS, describe_channel, short_state

A, C = Speaker.AGENT, Speaker.CUSTOMER
UNPLUGGED = "Jabra: unplugged; plug it in"
SO_FAR = "no audio so far: is it muted, or is recording not permitted?"
ONE_SIGNAL = "both channels carry the same signal"
MOVED = "the delay of an echo moved by +25 ms: two clocks"
BLEED = "the customer's voice is heard on the agent's side, about 12 dB down and 80 ms late"
SWAPPED = "The sides seem swapped: your greeting was heard on the customer's side"
DRIFTING = "The sides drift apart in time: each is recorded with a clock of its own"
NOT_SWAPPED = "The sides are not swapped: your greeting was heard on your side, too"


@pytest.mark.parametrize(
    ("state", "reason", "of_agent", "of_customer"),
    [
        (
            "lost",
            "device changed: now B, was A",
            "Your microphone changed: now B, was A",
            "The customer's audio changed: now B, was A",
        ),
        (
            "lost",
            UNPLUGGED,
            f"No audio from your microphone: {UNPLUGGED}",
            f"No audio from the customer: {UNPLUGGED}",
        ),
        ("lost", "", "No audio from your microphone", "No audio from the customer"),
        (
            "dead",
            SO_FAR,
            "Nothing heard from you so far: is the microphone muted, or recording not allowed?",
            "Nothing heard from the customer so far: is the call muted, or recording not allowed?",
        ),
        (
            "dead",
            "digital silence for 120 s: muted or lost",
            "Nothing heard from you for 120 s: is the microphone muted?",
            "Nothing heard from the customer for 120 s: is the call muted?",
        ),
        ("dead", "", "Nothing heard from you", "Nothing heard from the customer"),
        (
            "copied",
            f"{ONE_SIGNAL}: a mono recording?",
            *["Both sides carry the same sound: is it a mono recording?"] * 2,
        ),
        (
            "copied",
            f"{ONE_SIGNAL}, the customer's 6 dB louder: a mono recording?",
            *[
                "Both sides carry the same sound, the customer's 6 dB louder: "
                "is it a mono recording?"
            ]
            * 2,
        ),
        ("copied", "", *["Both sides carry the same sound"] * 2),
        ("swapped", "the call was opened in an agent's words", SWAPPED, SWAPPED),
        ("drifting", MOVED, DRIFTING, DRIFTING),
        (
            "bleeding",
            BLEED,
            "The customer's voice is heard on your side",
            "Your voice is heard on the customer's side",
        ),
        (
            "clipped",
            "loud speech is clipped at -3 dBFS",
            "Your voice is distorted: turn the microphone down",
            "The customer's voice is distorted: their audio is too loud",
        ),
        ("ok", "it is back", "Your microphone is back", "The customer's audio is back"),
        ("ok", "audio has arrived", "You are heard now", "The customer is heard now"),
        ("ok", "the channels differ", *["The sides differ now"] * 2),
        ("ok", RECOVERED_TEXTS["swapped"], NOT_SWAPPED, NOT_SWAPPED),
        ("ok", RECOVERED_TEXTS["drifting"], *["The sides no longer drift apart"] * 2),
        (
            "ok",
            RECOVERED_TEXTS["bleeding"],
            "The customer's voice is no longer heard on your side",
            "Your voice is no longer heard on the customer's side",
        ),
        (
            "ok",
            RECOVERED_TEXTS["clipped"],
            "Your voice is no longer distorted",
            "The customer's voice is no longer distorted",
        ),
        ("ok", "", "Your microphone works", "The customer's audio works"),
        ("hissing", "a fan", "Your side: hissing: a fan", "The customer's side: hissing: a fan"),
    ],
)
def test_each_state_is_one_sentence_about_you_or_the_customer(
    state: str, reason: str, of_agent: str, of_customer: str
) -> None:
    for speaker, sentence in ((A, of_agent), (C, of_customer)):
        event = ChannelState(at=0, speaker=speaker, state=state, reason=reason)
        assert describe_channel(event) == sentence


def test_every_state_has_short_words_and_a_sentence_when_it_is_over() -> None:
    assert set(STATE_WORDS) == set(RECOVERED_TEXTS)
    works = describe_channel(ChannelState(at=0, speaker=A, state="ok", reason=""))
    for text in RECOVERED_TEXTS.values():
        assert describe_channel(ChannelState(at=0, speaker=A, state="ok", reason=text)) != works
    assert (short_state("dead"), short_state("ok")) == ("nothing heard", "ok")


def test_braces_in_the_name_of_a_device_stay() -> None:
    event = ChannelState(at=0, speaker=A, state="lost", reason="device changed: now {0}, was A")
    assert describe_channel(event) == "Your microphone changed: now {0}, was A"
