"""The local web application: who is let in, to what, and what others can do to it."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from voicecoach.errors import ConfigError
from voicecoach.shell.control import limits, web_app
from voicecoach.shell.control.limits import ActionLimiter
from voicecoach.shell.control.metrics import metrics_route
from voicecoach.shell.control.tell import send_command
from voicecoach.shell.control.web_app import WebServer
from voicecoach.shell.runtime.feed import Feed, NextCall, ToggleListening
from voicecoach.shell.runtime.latency import STAGES, LatencyStats
from voicecoach.shell.views.browser import BrowserPage
from voicecoach.testing import wait_until

REFUSED = (404, b"Not found\n")


class Answer(NamedTuple):
    status: int
    body: bytes


class App:
    """Everything that can be served, and clients of it."""

    def __init__(self, stages: LatencyStats) -> None:
        self.feed = Feed()
        self.server = WebServer(
            self.feed, [*BrowserPage(self.feed).routes, metrics_route(stages)], token_file=True
        )

    @property
    def port(self) -> int:
        return int(self.server.url.split(":")[2].strip("/"))

    @property
    def token(self) -> str:
        return self.server.url_with_token.split("/")[3]

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body or None, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.read())
        finally:
            connection.close()

    def connect(self, stack: ExitStack) -> socket.socket:
        return stack.enter_context(socket.create_connection(("127.0.0.1", self.port), 20))


@pytest.fixture
def stages() -> LatencyStats:
    return LatencyStats()


@pytest.fixture
def app(stages: LatencyStats, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    app = App(stages)
    with app.server:
        yield app


REQUESTS = [("GET", "/"), ("GET", "/page.js"), ("GET", "/metrics"), ("POST", "/control")]
EVERYTHING = [*REQUESTS, ("GET", "/live"), ("GET", "/no-such"), ("OPTIONS", "/control")]


@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_the_token_is_taken_as_a_header_or_in_the_path(app: App, method: str, path: str) -> None:
    body = b"next" if method == "POST" else b""
    assert app.ask(method, path, body, app.bearer).status in (200, 204)
    assert app.ask(method, f"/{app.token}{path}", body).status in (200, 204)
    assert len(app.feed.drain_actions()) == (2 if body else 0)


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
def test_without_the_token_everything_is_refused_alike(app: App, method: str, path: str) -> None:
    wrong = app.token[:-1] + ("a" if app.token[-1] != "a" else "b")
    for headers in (
        {},
        {"Authorization": f"Bearer {wrong}"},
        {"Authorization": "Bearer "},
        {"Authorization": app.token},
        {"Authorization": f"Basic {app.token}"},
        {"Authorization": f"Bearer {app.token}{app.token}"},
        {"Cookie": f"token={app.token}"},
    ):
        assert app.ask(method, path, b"quit", headers) == REFUSED, headers
    for prefix in (f"/{wrong}", f"//{app.token}", "/%ff", f"/?token={app.token}&"):
        assert app.ask(method, prefix + path, b"quit") == REFUSED, prefix
    assert app.feed.drain_actions() == []


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
def test_a_foreign_host_or_origin_is_refused_with_the_token(
    app: App, method: str, path: str
) -> None:
    for headers in (
        {"Host": "evil.example"},
        {"Host": f"evil.example:{app.port}"},
        {"Host": "127.0.0.1"},
        {"Host": f"127.0.0.1:{app.port}.evil.example"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": f"http://localhost:{app.port}"},
    ):
        assert app.ask(method, path, b"quit", app.bearer | headers) == REFUSED, headers
    assert app.feed.drain_actions() == []


def test_it_listens_on_loopback_alone(app: App) -> None:
    listening = {
        connection.laddr.ip
        for connection in psutil.Process().net_connections("inet")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == app.port
    }
    assert listening == {"127.0.0.1"}


def test_what_is_not_wanted_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with WebServer(Feed()) as server:
        port, token = server.url.split(":")[2].strip("/"), server.url_with_token.split("/")[3]
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=20)
        for path in ("/", "/live", "/metrics"):
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 404
        connection.close()


def test_a_port_that_cannot_be_had_is_said(app: App) -> None:
    for port in (app.port, 99999, -1):
        complaint = f"^--port {port}: .*; choose another, or 0 for any free port$"
        with pytest.raises(ConfigError, match=complaint), WebServer(Feed(), port=port):
            pass


@pytest.mark.parametrize("how", ["late", "foreign host", "foreign origin", "as a header", "deeper"])
def test_a_one_time_address_is_for_the_page_alone(
    app: App, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_app, "ONE_TIME_S", 0.0 if how == "late" else 60.0)
    path = "/" + app.server.one_time_url().removeprefix(app.server.url)
    headers = {
        "foreign host": {"Host": "evil.example"},
        "foreign origin": {"Origin": "http://evil.example"},
        "as a header": {"Authorization": f"Bearer {path.strip('/')}"},
    }.get(how, {})
    asked = "/" if how == "as a header" else f"{path}metrics" if how == "deeper" else path
    assert app.ask("GET", asked, headers=headers) == REFUSED
    if how != "late":
        status, body = app.ask("GET", path)
        assert (status, body) == (303, b"")
    assert app.ask("GET", path) == REFUSED, "once"
    assert app.ask("POST", f"{path}control", b"quit") == REFUSED


def test_what_clients_do_prints_nothing(
    app: App, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(limits, "REQUEST_TIMEOUT_S", 0.3)
    with ExitStack() as stack:
        clients = [app.connect(stack) for _ in range(3)]
        clients[1].sendall(b"GET /metrics HTT")
        clients[2].sendall(b"\xff\xfe\r\n\r\n")
        for client in clients:
            with suppress(ConnectionError):
                while client.recv(65_536):
                    pass
    assert app.ask("GET", "/metrics", headers=app.bearer).status == 200
    assert capfd.readouterr() == ("", "")


# What it takes


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"dance", 400), (b"pause\n", 400), (b"\xff\xfe", 400), (b"x" * 1025, 413)],
)
def test_what_is_no_command_does_nothing(app: App, body: bytes, status: int) -> None:
    assert app.ask("POST", "/control", body, app.bearer).status == status
    assert app.ask("GET", "/control", b"", app.bearer).status == 405
    assert app.feed.drain_actions() == []
    send_command("pause")
    assert app.feed.drain_actions() == [ToggleListening()]


def test_a_flood_of_commands_is_cut_to_what_hands_can_do(app: App) -> None:
    began = time.monotonic()
    statuses = [app.ask("POST", "/control", b"click-through", app.bearer).status for _ in range(60)]
    allowed = limits.MAX_ACTIONS_PER_S * (1 + time.monotonic() - began)
    assert set(statuses) <= {204, 429}
    assert limits.MAX_ACTIONS_PER_S <= statuses.count(204) <= allowed + 1


def test_actions_are_counted_by_the_second() -> None:
    now = 5.0
    limiter = ActionLimiter(lambda: now)
    most = limits.MAX_ACTIONS_PER_S
    assert [limiter.allows_another() for _ in range(most + 3)] == [True] * most + [False] * 3
    now += 0.5
    assert [limiter.allows_another() for _ in range(most)].count(True) == most // 2
    now += 60.0
    assert [limiter.allows_another() for _ in range(most + 3)].count(True) == most


# What others can do to it


def test_silent_and_half_requests_end_and_hold_nobody_up(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REQUEST_TIMEOUT_S", 0.5)
    host = f"Host: 127.0.0.1:{app.port}\r\nAuthorization: Bearer {app.token}\r\n"
    with ExitStack() as stack:
        slow = []
        for sent in (
            "",
            "POST /con",
            f"POST /control HTTP/1.1\r\n{host}",
            f"POST /control HTTP/1.1\r\n{host}Content-Length: 4\r\n\r\n",
            f"POST /control HTTP/1.1\r\n{host}Content-Length: 4\r\n\r\nne",
            f"POST /control HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n2\r\nne\r\n",
            f"GET /metrics HTTP/1.1\r\n{host}Content-Length: 9\r\n\r\n",
        ):
            client = app.connect(stack)
            client.sendall(sent.encode())
            slow.append(client)
        send_command("next")
        assert app.feed.drain_actions() == [NextCall()]
        for client in slow:
            with suppress(ConnectionError):
                while client.recv(65_536):
                    pass
    assert app.feed.drain_actions() == []


def test_a_request_that_drips_ends(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REQUEST_TIMEOUT_S", 0.5)
    with ExitStack() as stack:
        client = app.connect(stack)
        began = time.monotonic()
        assert not _takes(client, b"G", times=400, every_s=0.05)
        assert time.monotonic() < began + 10


@pytest.mark.parametrize("kind", ["line", "header", "body", "no token"])
def test_huge_requests_end(app: App, kind: str) -> None:
    post = (
        f"POST /control HTTP/1.1\r\nHost: 127.0.0.1:{app.port}\r\nContent-Length: 99999999999\r\n"
    )
    head = {
        "line": b"",
        "header": b"GET / HTTP/1.1\r\nX: ",
        "body": f"{post}Authorization: Bearer {app.token}\r\n\r\n".encode(),
        "no token": f"{post}\r\n".encode(),
    }[kind]
    with ExitStack() as stack:
        client = app.connect(stack)
        client.sendall(head)
        assert not _takes(client, b"x" * 65_536, times=10_000)
    send_command("next")
    assert app.feed.drain_actions() == [NextCall()]


def test_many_idle_clients_cannot_keep_others_out(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_CONNECTIONS", 10)
    with ExitStack() as stack:
        idle = [app.connect(stack) for _ in range(50)]
        send_command("next")
        assert app.feed.drain_actions() == [NextCall()]

        def open_clients() -> int:
            return sum(not _is_closed(client) for client in idle)

        wait_until(lambda: open_clients() <= 10)
        assert open_clients() >= 8, "no more than needed have to go"


def _takes(client: socket.socket, data: bytes, times: int, every_s: float = 0.0) -> bool:
    """Return whether a server takes so much."""
    try:
        for _ in range(times):
            client.sendall(data)
            time.sleep(every_s)
    except ConnectionError:
        return False
    return True


def _is_closed(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


# The metrics


def test_stages_are_served_to_prometheus(app: App, stages: LatencyStats) -> None:
    for seconds in (0.0005, 0.003, 9.0):
        stages["vad"].add_duration(seconds, cpu=0.001)
    stages.set_queue_depth("capture", 5)
    stages.set_queue_depth("capture", 2)
    status, body = app.ask("GET", "/metrics", headers=app.bearer)
    assert status == 200
    found = {
        (sample.name, *(label for _, label in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }
    assert found["voicecoach_stage_seconds_count", "vad"] == 3
    assert found["voicecoach_stage_seconds_sum", "vad"] == pytest.approx(9.0035)
    assert found["voicecoach_stage_seconds_bucket", "0.005", "vad"] == 2
    assert found["voicecoach_stage_seconds_bucket", "+Inf", "vad"] == 3
    assert found["voicecoach_stage_cpu_seconds_total", "vad"] == pytest.approx(0.003)
    assert found["voicecoach_queue_depth", "capture"] == 2
    assert {name[1] for name in found if name[0] == "voicecoach_stage_seconds_sum"} == set(STAGES)
    assert stages.max_queue_depths["capture"] == 5
