"""`voicecoach tell pause`: control the running call from another program, such as a hotkey.

The overlay takes no focus, so it has no keys of its own; a desktop can bind any key to a command.
That command imports this module, so it imports nothing slow.
"""

from __future__ import annotations

import http.client

from voicecoach.errors import ConfigError
from voicecoach.shell.control.call_file import find_running_call

COMMAND_WORDS = ("pause", "next", "decline", "undo", "helpful", "wrong", "click-through", "quit")
REPLY_TIMEOUT_S = 5.0
"""In which a live call answers."""
MAX_ANSWER_BYTES = 1024
ANSWERED = (200, 409)
"""Statuses with an answer in words: done, and not done."""
NO_CALL = "no live call is running; start one with `voicecoach live`"


def send_command(word: str) -> str:
    """Send a command to the live call that runs on this machine, and return its answer, or "".

    Raises
    ------
    ConfigError
        If there is no such command or no live call, or the call does not answer or obey; the
        message says why it was not done.
    """
    if word not in COMMAND_WORDS:
        raise ConfigError(f"{word}: unknown command; use one of {', '.join(COMMAND_WORDS)}")
    call = find_running_call()
    if call is None:
        raise ConfigError(NO_CALL)
    connection = http.client.HTTPConnection("127.0.0.1", call.port, timeout=REPLY_TIMEOUT_S)
    try:
        connection.request(
            "POST", "/control", word.encode(), {"Authorization": f"Bearer {call.token}"}
        )
        response = connection.getresponse()
        status, answer = response.status, ""
        if status in ANSWERED:
            answer = response.read(MAX_ANSWER_BYTES).decode("utf-8", "replace")
    except TimeoutError as e:
        raise ConfigError("the running call does not respond") from e
    except (OSError, http.client.HTTPException) as e:
        raise ConfigError(NO_CALL) from e
    finally:
        connection.close()
    match status:
        case 200 | 204:
            return answer
        case 409:
            raise ConfigError(f"{word}: {answer}")
        case 404:  # another program uses the port: the call has ended
            raise ConfigError(NO_CALL)
        case 429:
            raise ConfigError(f"{word}: too many commands at once; try again")
        case _:
            raise ConfigError(f"{word}: the running call failed to do it (HTTP {status})")
