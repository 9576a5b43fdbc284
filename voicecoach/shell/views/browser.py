"""The browser view: serves a live call as a local web page to anyone who has its address.

The local web application (`voicecoach/shell/control/web_app.py`) checks who may open it.  The page
is three files and an icon.  Nothing in them is inline, and they insert received strings as text
only, never as markup.

A viewer receives the newest display when it has changed and may miss earlier ones; the run loop
never waits for a viewer.  A viewer that does not read is disconnected.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from voicecoach.shell.control import limits
from voicecoach.shell.control.limits import ActionLimiter
from voicecoach.shell.runtime.feed import Feed, UserAction
from voicecoach.shell.runtime.html_page import COLOURS_STYLE
from voicecoach.shell.runtime.worker import describe_error

PAGE_FOLDER = Path(__file__).with_name("page")
PAGE_FILES = {
    "": ("index.html", "text/html"),
    "page.css": ("page.css", "text/css"),
    "page.js": ("page.js", "text/javascript"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}
FEED_POLL_S = 0.03
"""Seconds between polls of the feed; about the refresh interval that the eye notices."""
WS_POLICY_VIOLATION, WS_TRY_AGAIN_LATER = 1008, 1013
"""WebSocket close codes: policy violation, try again later."""
ACTION_DECODER: msgspec.json.Decoder[UserAction] = msgspec.json.Decoder(UserAction)


class BrowserPage:
    """Serves a page that shows a feed, and accepts the agent's actions from it.

    Parameters
    ----------
    feed
        Source of displays and destination of actions.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self.viewers = 0
        """Number of pages that show the call now."""
        self.left_at: float | None = None
        """When the last of them went, in seconds of `time.monotonic`."""
        files = [_file(name, *file) for name, file in PAGE_FILES.items()]
        self.routes: list[BaseRoute] = [*files, WebSocketRoute("/live", self._admit_viewer)]
        """Routes that the web application serves for this view."""

    async def _admit_viewer(self, viewer: WebSocket) -> None:
        """Accept a viewer if there is room; it may disconnect at any time."""
        try:
            await viewer.accept()
            if self.viewers >= limits.MAX_VIEWERS:
                await viewer.close(
                    WS_TRY_AGAIN_LATER, f"already open in {limits.MAX_VIEWERS} places"
                )
                return
            self.viewers += 1
            try:
                await self._serve_viewer(viewer)
            finally:
                self.viewers -= 1
                self.left_at = time.monotonic()
        except WebSocketDisconnect:
            pass
        except Exception as e:  # our own report: uvicorn is configured not to log what viewers do
            self._feed.report_trouble("page", f"it failed ({describe_error(e)})", False)

    async def _serve_viewer(self, viewer: WebSocket) -> None:
        """Send displays to a viewer and receive its actions, until either task ends."""
        why = ""
        sending = asyncio.create_task(self._send_displays(viewer))
        receiving = asyncio.create_task(self._receive_actions(viewer))
        try:
            await asyncio.wait((sending, receiving), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
            if receiving.done():
                why = receiving.result()
        finally:
            sending.cancel()
            receiving.cancel()
            # The viewer may be gone already.
            with contextlib.suppress(TimeoutError, RuntimeError):
                await asyncio.wait_for(
                    viewer.close(WS_POLICY_VIOLATION, why), limits.SEND_TIMEOUT_S
                )

    async def _send_displays(self, viewer: WebSocket) -> None:
        """Send the newest display whenever it changes; return when the viewer does not take it."""
        sent = None
        with contextlib.suppress(TimeoutError, WebSocketDisconnect):
            while True:
                newest = self._feed.newest
                if newest is not sent:
                    sent = newest
                    text = msgspec.json.encode(newest.display).decode()
                    await asyncio.wait_for(viewer.send_text(text), limits.SEND_TIMEOUT_S)
                await asyncio.sleep(FEED_POLL_S)

    async def _receive_actions(self, viewer: WebSocket) -> str:
        """Post the viewer's actions; return why an action is refused, or ""."""
        limiter = ActionLimiter(time.monotonic)
        while (message := await viewer.receive())["type"] == "websocket.receive":
            if not limiter.allows_another():
                return "too many actions at once"
            try:
                wish = ACTION_DECODER.decode(message.get("text") or b"")
            except (msgspec.DecodeError, RecursionError):
                return "not an action of this page"
            self._feed.post_action(wish)
        return ""


def _file(name: str, file: str, kind: str) -> Route:
    content = (PAGE_FOLDER / file).read_bytes()
    if kind == "text/css":
        content = COLOURS_STYLE.read_bytes() + content

    async def answer(_: Request) -> Response:
        return Response(content, media_type=kind)

    return Route(f"/{name}", answer)
