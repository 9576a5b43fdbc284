"""Maps the words of `voicecoach tell` and the terminal's keys to actions."""

from __future__ import annotations

from concurrent.futures import Future

from voicecoach.shell.runtime.feed import (
    Answer,
    CustomerDeclines,
    Feed,
    MarkCue,
    NextCall,
    QuitProgram,
    ToggleListening,
    UndoDecline,
)


def apply_command(feed: Feed, word: str) -> Future[Answer]:
    """Post the action that a word of `COMMAND_WORDS` names, and return its answer."""
    match word:
        case "pause":
            return feed.post_action(ToggleListening())
        case "next":
            return feed.post_action(NextCall())
        case "decline":
            return feed.post_action(CustomerDeclines())
        case "undo":
            return feed.post_action(UndoDecline())
        case "quit":
            return feed.post_action(QuitProgram())
        case "click-through":
            feed.click_through = not feed.click_through
        case "helpful" | "wrong":
            card = feed.newest.display.card
            if card:
                return feed.post_action(MarkCue(card.id, card.start, word == "helpful"))
            return _answered("no cue is on the screen, so none was marked")
    return _answered("")


def _answered(text: str) -> Future[Answer]:
    answer: Future[Answer] = Future()
    answer.set_result(Answer(True, text))
    return answer
