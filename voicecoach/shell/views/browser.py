"""The browser view: a live call on a page of this machine, for whoever has its address.

Every web site may send requests to 127.0.0.1, and this page has what is said in a call.  So:

* The address has a token, new for each page, and every request needs it.  It is in the path and not
  in a cookie: all ports of a machine share their cookies, and names that are relative to the page
  carry a path by themselves.  The page names no other place, so the token goes nowhere with them.
* The Host header is ours: a foreign name that was made to point here brings itself along.
* A WebSocket's Origin is the page's own, since browsers let any page open one anywhere.
* Whatever is wrong, the answer is the same.

The page is three files and an icon.  Nothing in them is inline, and they write what they are sent
as text only, so that words stay words.

A viewer gets the newest display when it has changed, and may miss what lies between; the run loop
never waits for one.  Who does not read is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import threading
import webbrowser
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from voicecoach.errors import ConfigError
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
SEND_TIMEOUT_S = 2.0
"""Seconds in which a viewer has to take a display."""
MOST_VIEWERS = 8
MOST_CONNECTIONS = 64
REQUEST_TIMEOUT_S = 10.0
"""Seconds in which who connects has to send a request, and then the next."""
MAX_ACTION_BYTES = 1024
"""Of a wish."""
MAX_ACTIONS_PER_S = 20
"""At once, and a second; more than hands can do."""
WS_POLICY_VIOLATION, WS_TRY_AGAIN_LATER = 1008, 1013
"""Codes with which a WebSocket is closed."""
ACTION_DECODER: msgspec.json.Decoder[UserAction] = msgspec.json.Decoder(UserAction)


class BrowserView:
    """A page that shows a feed; a context manager.

    Parameters
    ----------
    feed
        What it shows, and where wishes go.
    port
        Of 127.0.0.1; 0 takes one that is free.

    Raises
    ------
    ConfigError
        On entry, where the port cannot be had.
    """

    def __init__(self, feed: Feed, port: int = 0) -> None:
        self._feed, self._port = feed, port
        self._viewers = 0
        self.url = ""
        """Where it is; once entered."""

    def __enter__(self) -> BrowserView:
        advice = "choose another, or 0 for one that is free"
        if self._port not in range(65536):
            raise ConfigError(f"no page at port {self._port}: there is no such port; {advice}")
        try:
            listener = socket.create_server(("127.0.0.1", self._port))
        except OSError as e:
            raise ConfigError(f"no page at port {self._port}: {e.strerror}; {advice}") from e
        port = listener.getsockname()[1]
        token = secrets.token_urlsafe()
        self.url = f"http://127.0.0.1:{port}/{token}/"
        files = [_file(name, *file) for name, file in PAGE_FILES.items()]
        app = Starlette(routes=[*files, WebSocketRoute("/{token}/live", self._admit_viewer)])
        config = uvicorn.Config(
            _AccessGuard(app, token, port),
            http=_Connection,
            ws="websockets-sansio",
            ws_max_size=MAX_ACTION_BYTES,
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            log_level="critical",  # a frame that is no UTF-8 is an error to it
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run_server(listener)), name="page", daemon=True
        )
        # The socket listens already: who comes before the server is up waits for it.
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()

    def open_in_browser(self) -> bool:
        """Show it in the person's browser; False where there is none.

        The address is then on a command line, which other users of the machine may see.
        """
        return webbrowser.open(self.url)

    async def _run_server(self, listener: socket.socket) -> None:
        asyncio.get_running_loop().set_exception_handler(_on_loop_exception)
        with listener:
            await self._server.serve([listener])
        # Who has not taken what was sent by now never will.
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)

    async def _admit_viewer(self, viewer: WebSocket) -> None:
        """Take a viewer in, where there is room; it may go at any time."""
        try:
            await viewer.accept()
            if self._viewers >= MOST_VIEWERS:
                await viewer.close(
                    WS_TRY_AGAIN_LATER, f"it is open in {MOST_VIEWERS} places already"
                )
                return
            self._viewers += 1
            try:
                await self._serve_viewer(viewer)
            finally:
                self._viewers -= 1
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
                await asyncio.wait_for(viewer.close(WS_POLICY_VIOLATION), SEND_TIMEOUT_S)

    async def _send_displays(self, viewer: WebSocket) -> None:
        """Send the newest display whenever it is another; return when it is not taken."""
        sent = None
        with contextlib.suppress(TimeoutError, WebSocketDisconnect):
            while True:
                newest = self._feed.newest
                if newest is not sent:
                    sent = newest
                    text = msgspec.json.encode(newest.display).decode()
                    await asyncio.wait_for(viewer.send_text(text), SEND_TIMEOUT_S)
                await asyncio.sleep(FEED_POLL_S)

    async def _receive_actions(self, viewer: WebSocket) -> None:
        """Pass on wishes; return when one is none, or too many come, or no more will."""
        clock = asyncio.get_running_loop().time
        due = clock()
        while (message := await viewer.receive())["type"] == "websocket.receive":
            due = max(due, clock()) + 1.0 / MAX_ACTIONS_PER_S
            if due > clock() + 1.0:
                return
            try:
                wish = ACTION_DECODER.decode(message.get("text") or b"")
            except (msgspec.DecodeError, RecursionError):
                return
            self._feed.post_action(wish)


class _Connection(H11Protocol):
    """Somebody who is connected, and may be so for long only if they ask for something."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take them, where there is room."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
        else:
            self.loop.call_later(REQUEST_TIMEOUT_S, self._drop_if_idle, None)

    def on_response_complete(self) -> None:
        """Wait for the next request, for a while."""
        self.loop.call_later(REQUEST_TIMEOUT_S, self._drop_if_idle, self.cycle)
        super().on_response_complete()

    def _drop_if_idle(self, before: RequestResponseCycle | None) -> None:
        if self.cycle is before and self in self.connections:
            self.transport.abort()


def _on_loop_exception(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Keep what somebody sent wrongly off the terminal; their connection is closed already."""
    if not {"protocol", "transport", "socket"} & context.keys():
        loop.default_exception_handler(context)


class _AccessGuard:
    """Lets through what is from the page, and puts the same headers on every answer."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app, self._token = app, token.encode()
        hosts = f"127.0.0.1:{port}", f"localhost:{port}"
        self._origins = {host: f"http://{host}" for host in hosts}
        sockets = " ".join(f"ws://{host}" for host in hosts)
        self._headers = {
            "Content-Security-Policy": (
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
                f"connect-src 'self' {sockets}; "
                "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
            ),
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        if self._is_ours(scope):
            await self._app(scope, receive, answer)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).close()
        else:
            await Response("Not found\n", 404)(scope, receive, answer)

    def _is_ours(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        origin = self._origins.get(headers.get("host", ""))
        if origin is None or (scope["type"] == "websocket" and headers.get("origin") != origin):
            return False
        token = scope["path"].split("/")[1:2]
        return bool(token) and secrets.compare_digest(token[0].encode(), self._token)


def _file(name: str, file: str, kind: str) -> Route:
    content = (PAGE_FOLDER / file).read_bytes()

    def answer(_: Request) -> Response:
        return Response(content, media_type=kind)

    return Route("/{token}/" + name, answer)
