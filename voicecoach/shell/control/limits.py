"""What a client of the local web application may take: one set of limits for everything in it."""

from __future__ import annotations

from collections.abc import Callable

MAX_CONNECTIONS = 64
"""At once; for another, one that asks for nothing has to go."""
MAX_VIEWERS = 8
"""Pages that show the call at once."""
MAX_HEADER_BYTES = 16_384
"""Of a request's first line and headers."""
MAX_BODY_BYTES = 1024
"""Of a request's body, and of a message on a WebSocket."""
MAX_ACTIONS_PER_S = 20
"""At once, and a second, from one viewer or from `tell`; more than hands can do."""
REQUEST_TIMEOUT_S = 10.0
"""Seconds in which a client has to send a whole request, and then the next."""
SEND_TIMEOUT_S = 2.0
"""Seconds in which a viewer has to take a display."""


class ActionLimiter:
    """Counts actions by a clock in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._due = clock()

    def allows_another(self) -> bool:
        """Count an action, and return whether it is within the limit."""
        now = self._clock()
        due = max(self._due, now) + 1.0 / MAX_ACTIONS_PER_S
        if due > now + 1.0:
            return False
        self._due = due
        return True
