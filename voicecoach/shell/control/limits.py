"""Limits for clients of the local web application, the same for all of its parts."""

from __future__ import annotations

from collections.abc import Callable

MAX_CONNECTIONS = 64
"""Most connections at once; above it the connection that has been idle longest is closed."""
MAX_VIEWERS = 8
"""Most pages that show the call at once."""
MAX_HEADER_BYTES = 16_384
"""Largest request line and headers together, in bytes."""
MAX_BODY_BYTES = 1024
"""Largest request body or WebSocket message, in bytes."""
MAX_ACTIONS_PER_S = 20
"""Most actions a second, and at once, from a viewer or from `tell`; more than a person does."""
REQUEST_TIMEOUT_S = 10.0
"""Seconds for a client to send a whole request, and between requests."""
SEND_TIMEOUT_S = 2.0
"""Seconds for a viewer to take a display."""


class ActionLimiter:
    """Counts actions against a limit, by a clock in seconds."""

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
