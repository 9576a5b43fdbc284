"""The local web application of a live call: `tell`, and on request the page and the metrics.

One application, on one port of 127.0.0.1:

* `/control` takes a word of `voicecoach tell` by POST;
* `/` and `/live` are the browser view (`voicecoach.shell.views.browser`);
* `/metrics` is for Prometheus (`voicecoach.shell.control.metrics`).

Every web site can send requests to 127.0.0.1, as can every user of this machine, and the page
shows what is said in a call.  So, for every request:

* It must have the token, new for each call: as `Authorization: Bearer TOKEN`, or as the first
  part of its path.  The page uses the path, not a cookie: all ports of a machine share
  their cookies, and relative addresses in the page carry the path by themselves.  The page links to
  no other site, so it does not leak the token.
* Or, once and within `ONE_TIME_S`, a code in its place: its only answer is the address with the
  token.  A browser is started with the code, since every user can read its command line.
* Its Host must be ours: a foreign name that points here (DNS rebinding) appears in it.
* Its Origin, if any, must be the page's own.  A WebSocket must have one, since browsers let any
  page open one anywhere.
* Every refusal gets the same answer.

No client can delay the run loop, or another client for long: see
`voicecoach.shell.control.limits`.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from voicecoach.errors import ConfigError, OutputError
from voicecoach.shell.control import limits
from voicecoach.shell.control.actions import apply_command
from voicecoach.shell.control.call_file import RunningCall, publish_call, withdraw_call
from voicecoach.shell.control.limits import ActionLimiter
from voicecoach.shell.control.tell import COMMAND_WORDS
from voicecoach.shell.runtime.feed import Feed
from voicecoach.shell.runtime.worker import describe_error

ONE_TIME_S = 60.0
"""Seconds for which a one-time address is valid: a browser may start slowly."""
ANSWER_TIMEOUT_S = 3.0
"""Seconds in which a session answers an action; less than `tell` waits."""


class WebServer:
    """Serves the application in a thread of its own; a context manager.

    Parameters
    ----------
    feed
        Receives the actions.
    routes
        Routes besides `/control`.
    port
        Port on 127.0.0.1; 0 takes a free one.
    token_file
        Whether to write the token to a file of its own, too.

    Raises
    ------
    ConfigError
        On entry, if the port cannot be used.
    """

    def __init__(
        self,
        feed: Feed,
        routes: Sequence[BaseRoute] = (),
        port: int = 0,
        *,
        token_file: bool = False,
    ) -> None:
        self._feed, self._routes, self._token_file = feed, routes, token_file
        self._limiter = ActionLimiter(time.monotonic)
        self._call = RunningCall(os.getpid(), port, secrets.token_urlsafe())
        self.folder: Path | None = None
        """Folder of the token's file; set on entry if it could be written."""
        self.why_unreachable = ""
        """Why `tell` cannot find this call, or ""."""

    @property
    def url(self) -> str:
        """The application's address; available once entered."""
        return f"http://127.0.0.1:{self._call.port}/"

    @property
    def url_with_token(self) -> str:
        """The address for a browser, with the token."""
        return f"{self.url}{self._call.token}/"

    def one_time_url(self) -> str:
        """Return a new address that leads to the page once; any thread may call it."""
        return f"{self.url}{self._guard.new_code()}/"

    def __enter__(self) -> WebServer:
        listener = _listen(self._call.port)
        self._call = self._call._replace(port=listener.getsockname()[1])
        control = Route("/control", self._answer_control, methods=["POST"])
        app = Starlette(routes=[control, *self._routes])
        app.router.redirect_slashes = False
        has_sockets = any(isinstance(route, WebSocketRoute) for route in self._routes)
        self._guard = _AccessGuard(app, self._call.token, self._call.port)
        config = uvicorn.Config(
            self._guard,
            http=_Connection,
            ws="websockets-sansio" if has_sockets else "none",
            ws_max_size=limits.MAX_BODY_BYTES,
            ws_per_message_deflate=False,
            h11_max_incomplete_event_size=limits.MAX_HEADER_BYTES,
            lifespan="off",
            log_config=None,
            log_level="critical",  # it treats a frame that is not UTF-8 as an error
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run_server(listener)), name="web", daemon=True
        )
        # The socket already listens: early clients wait until the server is up.
        self._thread.start()
        try:
            self.folder = publish_call(self._call, token_file=self._token_file)
        except (OSError, OutputError) as e:
            self.why_unreachable = f"`voicecoach tell` cannot reach this call: {e}"
        return self

    def __exit__(self, *_: object) -> None:
        withdraw_call(self._call)
        self._server.should_exit = True
        self._thread.join()

    async def _answer_control(self, request: Request) -> Response:
        """Apply the command in a request's body."""
        try:
            async with asyncio.timeout(limits.REQUEST_TIMEOUT_S):
                body = await _read_body(request)
        except (TimeoutError, ClientDisconnect):
            return Response(status_code=408)
        if body is None:
            return Response(status_code=413)
        word = body.decode("ascii", "replace")
        if word not in COMMAND_WORDS:
            return Response(status_code=400)
        if not self._limiter.allows_another():
            return Response(status_code=429)
        try:
            answer = apply_command(self._feed, word)
            if not self._feed.has_session and not answer.done():
                return Response(status_code=204)
            # Shielded: an answer that comes too late is still set.
            answered = asyncio.shield(asyncio.wrap_future(answer))
            result = await asyncio.wait_for(answered, ANSWER_TIMEOUT_S)
        except TimeoutError:  # the session is busy, such as between two calls
            return Response(status_code=204)
        except Exception as e:  # our own report: uvicorn is configured not to log what clients do
            self._feed.report_trouble("tell", f"it failed ({describe_error(e)})", False)
            return Response(status_code=500)
        if not result.text:
            return Response(status_code=204)
        return Response(result.text, 200 if result.done else 409, media_type="text/plain")

    async def _run_server(self, listener: socket.socket) -> None:
        asyncio.get_running_loop().set_exception_handler(_on_loop_exception)
        with listener:
            await self._server.serve([listener])
        # A client that has not read its data by now never will.
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)


def _listen(port: int) -> socket.socket:
    advice = "choose another, or 0 for any free port"
    if port not in range(65536):
        raise ConfigError(f"--port {port}: no such port; {advice}")
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as e:
        raise ConfigError(f"--port {port}: cannot listen on it: {e.strerror}; {advice}") from e


async def _read_body(request: Request) -> bytes | None:
    """Return a request's body; None if it is too large."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > limits.MAX_BODY_BYTES:
            return None
    return body


class _AccessGuard:
    """Admits requests with the token, and puts the same headers on every answer."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app, self._token = app, token.encode()
        self._codes: dict[str, float] = {}
        """Codes of one-time addresses, with the time until which each is valid."""
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

        path = self._admitted_path(scope)
        if self._redeem(scope, path):
            await Response(status_code=303, headers={"Location": f"/{self._token.decode()}/"})(
                scope, receive, answer
            )
        elif path is not None:
            await self._app({**scope, "path": path}, receive, answer)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).close()
        else:
            await Response("Not found\n", 404)(scope, receive, answer)

    def new_code(self) -> str:
        """Return a code that admits one request, for a limited time."""
        code = secrets.token_urlsafe()
        self._codes[code] = time.monotonic() + ONE_TIME_S
        return code

    def _redeem(self, scope: Scope, path: str | None) -> bool:
        """Return whether a request that is not admitted has a valid code, which is then used up."""
        if path is not None or scope["type"] != "http" or not self._is_own(Headers(scope=scope)):
            return False
        return self._codes.pop(scope["path"].strip("/"), 0.0) > time.monotonic()

    def _admitted_path(self, scope: Scope) -> str | None:
        """Return a request's path without the token; None if the request is refused."""
        headers = Headers(scope=scope)
        needs_origin = scope["type"] == "websocket"
        if not self._is_own(headers) or (needs_origin and "origin" not in headers):
            return None
        path: str = scope["path"]
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            token, slash, path = path.removeprefix("/").partition("/")
            path = slash + path
        return path if secrets.compare_digest(token.encode(), self._token) else None

    def _is_own(self, headers: Headers) -> bool:
        """Return whether a request has our Host, and our Origin if it has one."""
        own = self._origins.get(headers.get("host", ""))
        return own is not None and headers.get("origin", own) == own


class _Connection(H11Protocol):
    """A client's connection, closed when it is idle for too long."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept it; if there are too many, close the one that has been idle longest."""
        super().connection_made(transport)
        self._since, self._unwanted_bytes = self.loop.time(), 0
        if len(self.connections) > limits.MAX_CONNECTIONS:
            idle = [c for c in self.connections if isinstance(c, _Connection) and c._is_idle]
            min(idle, key=lambda c: c._since, default=self).transport.abort()
        self.loop.call_later(limits.REQUEST_TIMEOUT_S, self._drop_if_idle, None)

    def data_received(self, data: bytes) -> None:
        """Receive data; discard the rest of an unwanted body only if it is small."""
        if self.cycle and self.cycle.response_complete and self.cycle.more_body:
            self._unwanted_bytes += len(data)
            if self._unwanted_bytes > limits.MAX_HEADER_BYTES:
                self.transport.abort()
                return
        super().data_received(data)

    def on_response_complete(self) -> None:
        """Wait for the next request, up to the time limit."""
        self._since = self.loop.time()
        self.loop.call_later(limits.REQUEST_TIMEOUT_S, self._drop_if_idle, self.cycle)
        super().on_response_complete()

    @property
    def _is_idle(self) -> bool:
        between = self.cycle is None or self.cycle.response_complete
        return between and not self.transport.is_closing()

    def _drop_if_idle(self, before: RequestResponseCycle | None) -> None:
        if self.cycle is before and self in self.connections:
            self.transport.abort()


def _on_loop_exception(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Keep a client's malformed input off the terminal; its connection is closed already."""
    if not {"protocol", "transport", "socket"} & context.keys():
        loop.default_exception_handler(context)
