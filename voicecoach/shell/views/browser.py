"""The browser view: a live call on a page of this machine, for whoever has its address.

The local web application (`voicecoach.shell.control.web_app`) decides who that is.  The page is
three files and an icon.  Nothing in them is inline, and they write what they are sent as text only,
so that words stay words.

A viewer gets the newest display when it has changed, and may miss what lies between; the run loop
never waits for one.  Who does not read is dropped.
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
from voicecoach.shell.runtime.worker import describe_error

PAGE_FOLDER = Path(__file__).with_name("page")
PAGE_FILES = {
    "": ("index.html", "text/html"),
    "page.css": ("page.css", "text/css"),
    "page.js": ("page.js", "text/javascript"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}
FEED_POLL_S = 0.03
"""Between two looks at the feed; about as fast as a screen changes to the eye."""
WS_POLICY_VIOLATION, WS_TRY_AGAIN_LATER = 1008, 1013
"""Codes with which a WebSocket is closed."""
ACTION_DECODER: msgspec.json.Decoder[UserAction] = msgspec.json.Decoder(UserAction)


class BrowserPage:
    """A page that shows a feed, and takes a person's actions.

    Parameters
    ----------
    feed
        What it shows, and where actions go.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self.viewers = 0
        """How many pages show it now."""
        files = [_file(name, *file) for name, file in PAGE_FILES.items()]
        self.routes: list[BaseRoute] = [*files, WebSocketRoute("/live", self._admit_viewer)]
        """What the web application serves for it."""

    async def _admit_viewer(self, viewer: WebSocket) -> None:
        """Take a viewer in, where there is room; it may go at any time."""
        try:
            await viewer.accept()
            if self.viewers >= limits.MAX_VIEWERS:
                await viewer.close(
                    WS_TRY_AGAIN_LATER, f"it is already open in {limits.MAX_VIEWERS} places already"
                )
                return
            self.viewers += 1
            try:
                await self._serve_viewer(viewer)
            finally:
                self.viewers -= 1
        except WebSocketDisconnect:
            pass
        except Exception as e:  # ours: uvicorn is told to say nothing of what viewers do
            self._feed.report_trouble("page", f"it failed ({describe_error(e)})", False)

    async def _serve_viewer(self, viewer: WebSocket) -> None:
        """Show it the feed and take its wishes, until either ends."""
        both = [
            asyncio.create_task(self._send_displays(viewer)),
            asyncio.create_task(self._receive_actions(viewer)),
        ]
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in both:
                task.cancel()
            # It may not take even this, or have had it.
            with contextlib.suppress(TimeoutError, RuntimeError):
                await asyncio.wait_for(viewer.close(WS_POLICY_VIOLATION), limits.SEND_TIMEOUT_S)

    async def _send_displays(self, viewer: WebSocket) -> None:
        """Send the newest display whenever it is another; return when it is not taken."""
        sent = None
        with contextlib.suppress(TimeoutError, WebSocketDisconnect):
            while True:
                newest = self._feed.newest
                if newest is not sent:
                    sent = newest
                    text = msgspec.json.encode(newest.display).decode()
                    await asyncio.wait_for(viewer.send_text(text), limits.SEND_TIMEOUT_S)
                await asyncio.sleep(FEED_POLL_S)

    async def _receive_actions(self, viewer: WebSocket) -> None:
        """Pass on wishes; return when one is none, or too many come, or no more will."""
        limiter = ActionLimiter(time.monotonic)
        while (message := await viewer.receive())["type"] == "websocket.receive":
            if not limiter.allows_another():
                return
            try:
                wish = ACTION_DECODER.decode(message.get("text") or b"")
            except (msgspec.DecodeError, RecursionError):
                return
            self._feed.post_action(wish)


def _file(name: str, file: str, kind: str) -> Route:
    content = (PAGE_FOLDER / file).read_bytes()

    async def answer(_: Request) -> Response:
        return Response(content, media_type=kind)

    return Route(f"/{name}", answer)
