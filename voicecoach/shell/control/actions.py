"""Maps the words of `voicecoach tell` and the terminal's keys to actions."""

from __future__ import annotations

from voicecoach.shell.runtime.feed import (
    CustomerDeclines,
    Feed,
    MarkCue,
    NextCall,
    QuitProgram,
    ToggleListening,
)


def apply_command(feed: Feed, word: str) -> None:
    """Post the action that a word of `COMMAND_WORDS` names; ignore other words."""
    match word:
        case "pause":
            feed.post_action(ToggleListening())
        case "next":
            feed.post_action(NextCall())
        case "decline":
            feed.post_action(CustomerDeclines())
        case "quit":
            feed.post_action(QuitProgram())
        case "click-through":
            feed.click_through = not feed.click_through
        case "helpful" | "wrong":
            card = feed.newest.display.card
            if card:
                feed.post_action(MarkCue(card.id, card.start, word == "helpful"))
