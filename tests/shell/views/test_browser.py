"""The page of a live call: who may have it, what it takes, and what a browser makes of it."""

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
import pytest
from selenium.webdriver import ActionChains, Chrome
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from scripts.support.chromium import CHROMIUM, DRIVER
from scripts.support.chromium import chromium as browse
from voicecoach.shell.control import limits
from voicecoach.shell.control.web_app import WebServer
from voicecoach.shell.runtime.feed import (
    CustomerDeclines,
    Feed,
    MarkCue,
    NextCall,
    ToggleListening,
    UndoDecline,
    UserAction,
)
from voicecoach.shell.views import browser
from voicecoach.shell.views.browser import BrowserPage
from voicecoach.testing import wait_until
from voicecoach.types.doubt import DOUBT_EXPLANATION
from voicecoach.types.stream import Speaker
from voicecoach.views.display import CardDisplay, ChannelMeter, Display, NewestLine, ValueBar

A, C = Speaker.AGENT, Speaker.CUSTOMER
NASTY = "<b>bold</b> <img src=x onerror=alert(1)> &amp; \u202eright\u2066 \x00\x1b[31m\x85"
CALM = Display(state="listening", line=NewestLine(C, "the light is on", "but nobody"))
CUE = msgspec.structs.replace(
    CALM,
    channels=(ChannelMeter(A, True, 7, "ok", ""), ChannelMeter(C, True, 14, "ok", "")),
    overlap=True,
    card=CardDisplay("acknowledge", 4096, "Acknowledge", "They sound upset.", "I see.", None),
    agitation=ValueBar("Customer agitation", 0.71, 0.65, "0.71, 80% sure", "louder than usual"),
)


class Served(NamedTuple):
    """A page that is served, and where."""

    url: str
    page: BrowserPage


@contextmanager
def serve(feed: Feed) -> Iterator[Served]:
    page = BrowserPage(feed)
    with WebServer(feed, page.routes) as server:
        yield Served(server.url_with_token, page)


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest.fixture
def page(feed: Feed) -> Iterator[Served]:
    with serve(feed) as page:
        yield page


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def wished(feed: Feed, many: int = 1) -> list[UserAction]:
    """Wait for so many wishes."""
    found: list[UserAction] = []

    def come() -> bool:
        found.extend(feed.drain_actions())
        return len(found) >= many

    wait_until(come)
    return found


def host(page: Served) -> str:
    return urlsplit(page.url).netloc


def path(page: Served) -> str:
    return urlsplit(page.url).path


def get(page: Served, where: str, name: str = "") -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(page.url).port or 0, timeout=30)
    try:
        connection.request("GET", where, headers={"Host": name or host(page)})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def view(page: Served, where: str = "", origin: str | None = "own", name: str = "") -> Any:
    """Return a connection to its WebSocket."""
    own = f"http://{name or host(page)}"
    return connect(
        f"ws://{name or host(page)}{where or path(page) + 'live'}",
        sock=socket.create_connection(("127.0.0.1", urlsplit(page.url).port or 0)),
        origin=own if origin == "own" else origin,  # type: ignore[arg-type]
        proxy=None,
        max_size=None,
    )


def shown(viewer: ClientConnection) -> Display:
    return msgspec.json.decode(viewer.recv(30), type=Display)


def goes_on(page: Served, feed: Feed) -> None:
    """Hold the page to being there still, for who may see it."""
    assert get(page, path(page))[0] == 200
    with view(page) as viewer:
        assert shown(viewer) == feed.newest.display
    assert feed.drain_troubles() == [], "what somebody sends is no failure of ours"


def ending(viewer: ClientConnection) -> tuple[int | None, str | None]:
    """Return how a connection was closed, after what was still shown."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            viewer.recv(30)
    return viewer.close_code, viewer.close_reason


# Who may have it


@pytest.mark.parametrize(
    ("name", "kind"),
    [("", "html"), ("page.js", "javascript"), ("page.css", "css"), ("icon.svg", "svg+xml")],
)
def test_the_page_is_served_strictly(page: Served, name: str, kind: str) -> None:
    status, headers, body = get(page, path(page) + name)
    assert status == 200
    assert kind in headers["content-type"]
    assert body
    whole = headers["content-security-policy"]
    policy = dict(part.strip().split(" ", 1) for part in whole.split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert "unsafe" not in whole
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers


def test_it_is_on_this_machine_alone_and_its_name_is_new_each_time(feed: Feed) -> None:
    with serve(feed) as one, serve(feed) as other:
        assert urlsplit(one.url).hostname == "127.0.0.1"
        assert path(one) != path(other)
        assert len(path(one)) > 40


@pytest.mark.parametrize(
    "where",
    ["/", "/live", "/page.js", "/docs", "//", "/wrong/", "/%ff/", "TOKENx", "TOKEN../", "*"],
)
def test_without_the_token_there_is_nothing(page: Served, feed: Feed, where: str) -> None:
    token = path(page).strip("/")
    where = where.replace("TOKEN", f"/{token[:-1]}")
    status, headers, body = get(page, where)
    assert (status, body) == (404, b"Not found\n")
    assert headers["content-security-policy"].startswith("default-src 'none'")
    if where.startswith("/"):
        with pytest.raises(InvalidStatus, match="403"):
            view(page, where)
    goes_on(page, feed)


@pytest.mark.parametrize("name", ["evil.example", "evil.example:PORT", "127.0.0.1", "localhost:1"])
def test_a_foreign_host_is_refused(page: Served, feed: Feed, name: str) -> None:
    name = name.replace("PORT", str(urlsplit(page.url).port))
    assert get(page, path(page), name)[0] == 404
    with pytest.raises(InvalidStatus, match="403"):
        view(page, name=name)
    goes_on(page, feed)


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://127.0.0.1:1"])
def test_a_foreign_origin_is_refused(page: Served, feed: Feed, origin: str | None) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        view(page, origin=origin)
    goes_on(page, feed)


def test_localhost_is_the_page_too_but_another_origin(page: Served, feed: Feed) -> None:
    name = f"localhost:{urlsplit(page.url).port}"
    assert get(page, path(page), name)[0] == 200
    with view(page, name=name) as viewer:
        assert shown(viewer) == Display()
    with pytest.raises(InvalidStatus, match="403"):
        view(page, origin=f"http://{name}")
    goes_on(page, feed)


# What it shows and takes


def test_the_newest_display_is_sent_as_it_is(page: Served, feed: Feed) -> None:
    with view(page) as viewer:
        assert shown(viewer) == Display()
        for display in (CALM, CUE, msgspec.structs.replace(CALM, line=NewestLine(A, NASTY, NASTY))):
            feed.publish(display, 0.0)
            assert shown(viewer) == display


def test_wishes_arrive(page: Served, feed: Feed) -> None:
    wishes: list[UserAction] = [
        ToggleListening(),
        MarkCue("acknowledge", 4096, True),
        NextCall(),
        CustomerDeclines(),
        UndoDecline(),
    ]
    with view(page) as viewer:
        for wish in wishes:
            viewer.send(msgspec.json.encode(wish).decode())
        assert wished(feed, len(wishes)) == wishes


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (json.dumps({"type": "toggle", "more": "x" * 1024}), 1009),
        ("toggle", 1008),
        ("", 1008),
        ("[" * 1000, 1008),
        ('{"type": "format_disk"}', 1008),
        ('{"type": "mark", "id": "x", "start": 1}', 1008),
        ('{"type": "mark", "id": "x", "start": "1", "helpful": true}', 1008),
        ('{"type": "mark", "id": "x", "start": 1e23, "helpful": true}', 1008),
        ('{"type": "mark", "id": "x", "start": -1, "helpful": true}', 1008),
        (json.dumps({"type": "mark", "id": 101 * "x", "start": 1, "helpful": True}), 1008),
        (b'{"type": "toggle"}', 1008),
    ],
    ids=[
        "large",
        "not JSON",
        "empty",
        "deep",
        "unknown",
        "a part",
        "another kind",
        "a time too late",
        "a time too early",
        "a long id",
        "bytes",
    ],
)
def test_what_is_no_wish_ends_its_connection(
    page: Served, feed: Feed, message: str | bytes, code: int
) -> None:
    with view(page) as other:
        with view(page) as viewer:
            viewer.send(message)
            ended, why = ending(viewer)
            assert ended == code
            assert code != 1008 or why == "not an action of this page"
        assert shown(other) == Display()
        feed.publish(CALM, 0.0)
        assert shown(other) == CALM
    assert feed.drain_actions() == []
    goes_on(page, feed)


def test_a_flood_ends_its_connection(page: Served, feed: Feed) -> None:
    with view(page) as viewer:
        with contextlib.suppress(ConnectionClosed):
            while True:
                viewer.send('{"type":"toggle"}')
        assert ending(viewer)[0] == 1008
    goes_on(page, feed)


def test_a_ninth_viewer_is_turned_away_until_there_is_room(
    page: Served, feed: Feed, stack: ExitStack
) -> None:
    viewers = [stack.enter_context(view(page)) for _ in range(8)]
    assert [shown(viewer) for viewer in viewers] == [Display()] * 8
    with view(page) as ninth:
        assert ending(ninth) == (1013, "already open in 8 places")
    viewers[0].close()
    wait_until(lambda: page.page.viewers == 7)
    goes_on(page, feed)


def test_who_does_not_read_holds_nothing_up(
    feed: Feed, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SEND_TIMEOUT_S", 0.1)
    stuck = stack.enter_context(socket.socket())
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    with serve(feed) as page:
        stuck.connect(("127.0.0.1", urlsplit(page.url).port or 0))
        stuck.sendall(
            f"GET {path(page)}live HTTP/1.1\r\nHost: {host(page)}\r\n"
            f"Origin: http://{host(page)}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        wait_until(lambda: page.page.viewers == 1)
        with view(page) as viewer:
            assert shown(viewer) == Display()
            for n in range(3):
                large = Display(notice=str(n) * 4_000_000)
                feed.publish(large, 0.0)
                while shown(viewer) != large:
                    pass
            wait_until(lambda: page.page.viewers == 1)
            feed.publish(CALM, 0.0)
            assert shown(viewer) == CALM
    assert stuck.recv(12) == b"HTTP/1.1 101", "it was there, and is still stuck"


def test_what_fails_in_it_is_said_to_the_session(
    page: Served, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(self: BrowserPage, viewer: WebSocket) -> None:
        raise ValueError("nineteen crates")

    with view(page) as viewer:
        assert shown(viewer) == Display()
        with monkeypatch.context() as broken:
            broken.setattr(BrowserPage, "_send_displays", fails)
            with view(page) as other:
                ending(other)
        feed.publish(CALM, 0.0)
        assert shown(viewer) == CALM, "others see on"
    ((stage, reason, lasts),) = feed.drain_troubles()
    assert (stage, lasts) == ("page", False)
    assert "ValueError at test_browser.py" in reason
    goes_on(page, feed)


@pytest.mark.parametrize(
    "rubbish", [b"\xff\xfe" * 400, b"GET\0 / HTTP/9\r\n\r\n", b"GET / HTTP/1.1\r\n: \r\n\r\n"]
)
def test_rubbish_is_no_matter(
    page: Served, feed: Feed, rubbish: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(page.url).port or 0), 30) as other:
        other.sendall(rubbish)
        other.shutdown(socket.SHUT_WR)
        while other.recv(4096):
            pass
    goes_on(page, feed)
    assert capfd.readouterr().err == ""


def test_a_frame_that_is_no_text_ends_its_connection_and_is_not_printed(
    page: Served, feed: Feed, capfd: pytest.CaptureFixture[str]
) -> None:
    with view(page) as viewer:
        assert shown(viewer) == Display()
        viewer.send(b"\xff\xfe", text=True)
        assert ending(viewer)[0] == 1007
    goes_on(page, feed)
    assert capfd.readouterr().err == ""


def test_who_asks_for_nothing_has_to_go(
    feed: Feed, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REQUEST_TIMEOUT_S", 0.5)
    monkeypatch.setattr(limits, "MAX_CONNECTIONS", 10)
    with serve(feed) as page:
        address = "127.0.0.1", urlsplit(page.url).port or 0
        with view(page) as viewer:
            assert shown(viewer) == Display()
            idle = [stack.enter_context(socket.create_connection(address, 30)) for _ in range(30)]
            for other in idle:
                with contextlib.suppress(ConnectionError):
                    assert other.recv(1) == b""
            goes_on(page, feed)
            feed.publish(CALM, 0.0)
            assert shown(viewer) == CALM


def test_it_ends_with_viewers_there(feed: Feed) -> None:
    with ExitStack() as stack:
        with serve(feed) as page:
            viewer = stack.enter_context(view(page))
            assert shown(viewer) == Display()
        assert ending(viewer)[0] == 1012
        with pytest.raises(ConnectionRefusedError):
            get(page, path(page))


# What a browser makes of it

installed = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="Chromium with its chromedriver is not installed"
)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with browse(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


class Seen:
    """A page in a browser, as a person has it."""

    def __init__(self, driver: Chrome, page: Served) -> None:
        self.driver = driver
        driver.get(page.url)

    def text(self, id: str) -> str:
        return str(self.driver.find_element("id", id).get_property("textContent"))

    def reads(self, id: str, text: str) -> None:
        """Wait until it does."""
        wait_until(lambda: self.text(id) == text)

    def click(self, id: str) -> None:
        self.driver.find_element("id", id).click()

    def run(self, script: str) -> Any:
        return self.driver.execute_script(script)

    def log(self, kind: str) -> list[dict[str, Any]]:
        """Return what was logged since the last time."""
        found: list[dict[str, Any]] = self.driver.get_log(kind)  # type: ignore[no-untyped-call]
        return found


@pytest.fixture
def seen(chromium: Chrome, page: Served) -> Iterator[Seen]:
    chromium.get("about:blank")
    chromium.get_log("browser")  # type: ignore[no-untyped-call]
    chromium.get_log("performance")  # type: ignore[no-untyped-call]
    seen = Seen(chromium, page)
    yield seen
    chromium.get("about:blank")


@installed
def test_a_browser_shows_what_is_published_and_takes_clicks(
    seen: Seen, page: Served, feed: Feed
) -> None:
    seen.reads("state", "Ready")
    feed.publish(CALM, 0.0)
    seen.reads("state", "Listening")
    assert (seen.text("title"), seen.text("toggle")) == ("No cue", "Pause")
    assert (seen.text("said"), seen.text("tentative")) == ("the light is on", "but nobody")
    assert seen.text("doubt") == ""
    line = NewestLine(C, "the (ship?) is", "late", DOUBT_EXPLANATION)
    feed.publish(msgspec.structs.replace(CALM, line=line), 0.0)
    seen.reads("said", "the (ship?) is")
    assert seen.text("doubt") == "(word?): may be misheard"
    top = "return part.agitation.getBoundingClientRect().top"
    before = seen.run(top)
    feed.publish(CUE, 0.0)
    seen.reads("title", "Acknowledge")
    assert (seen.text("evidence"), seen.text("say")) == ("They sound upset.", "\u201cI see.\u201d")
    assert seen.run(top) == before, "its place is kept"
    agitation, customer = (
        seen.driver.find_element("css selector", f"#{id} [role=meter]")
        for id in ("agitation", "customer")
    )
    assert agitation.get_attribute("aria-valuenow") == "0.71"
    assert agitation.get_attribute("aria-valuetext") == "0.71, 80% sure"
    assert customer.get_attribute("aria-valuenow") == "14"
    assert "both speaking" in seen.text("customer")
    seen.click("helpful")
    assert wished(feed) == [MarkCue("acknowledge", 4096, True)]
    seen.click("wrong")
    assert wished(feed) == [MarkCue("acknowledge", 4096, False)]
    seen.click("toggle")
    assert wished(feed) == [ToggleListening()]
    ActionChains(seen.driver).send_keys(" ").perform()
    assert wished(feed) == [ToggleListening()]
    seen.click("next")
    assert wished(feed) == [NextCall()]
    for answer in ("keep", "delete"):  # it asks first
        seen.click("decline")
        seen.reads("question", "Delete this call and everything stored of it?")
        seen.click(answer)
    assert wished(feed) == [CustomerDeclines()]
    feed.answer, feed.can_undo = "This call is deleted.", True
    feed.publish(msgspec.structs.replace(CUE, state="ready"), 0.0)
    seen.reads("answer", "This call is deleted.")
    seen.click("undo")
    assert wished(feed) == [UndoDecline()]
    feed.answer, feed.can_undo = "", False
    card = msgspec.structs.replace(CUE.card, helpful=False) if CUE.card else None
    feed.publish(msgspec.structs.replace(CUE, state="paused", card=card), 0.0)
    seen.reads("state", "Paused")
    assert seen.text("toggle") == "Resume"
    assert seen.driver.find_element("id", "wrong").get_attribute("aria-pressed") == "true"
    assert seen.log("browser") == []
    asked = [json.loads(entry["message"])["message"] for entry in seen.log("performance")]
    urls = {
        str(m["params"].get("url") or m["params"]["request"]["url"])
        for m in asked
        if m["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated")
    }
    assert {urlsplit(url).netloc for url in urls} == {host(page)}
    assert f"ws://{host(page)}{path(page)}live" in urls


@installed
def test_whatever_is_said_stays_text(seen: Seen, feed: Feed) -> None:
    bar = ValueBar(NASTY, 0.5, 0.5, NASTY, NASTY)
    nasty = Display(
        "listening",
        (ChannelMeter(A, False, 0, NASTY, NASTY), ChannelMeter(C, False, 0, NASTY, NASTY)),
        False,
        CardDisplay(NASTY, 0, NASTY, NASTY, NASTY, None),
        bar,
        bar,
        NewestLine(C, NASTY, NASTY),
        NASTY,
    )
    elements = "return document.querySelectorAll('*').length"
    seen.reads("state", "Ready")
    before = seen.run(elements)
    feed.publish(nasty, 0.0)
    seen.reads("notice", NASTY)
    assert seen.text("said") == seen.text("tentative") == seen.text("title") == NASTY
    assert seen.run(elements) == before
    assert seen.log("browser") == []


@installed
@pytest.mark.parametrize(("width", "text"), [(280, 100), (560, 200)])
def test_it_is_narrow_without_scrolling_sideways(
    seen: Seen, feed: Feed, width: int, text: int
) -> None:
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    seen.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        seen.run(f"document.documentElement.style.fontSize = '{text}%'")
        feed.publish(CUE, 0.0)
        seen.reads("title", "Acknowledge")
        assert seen.run("return document.documentElement.scrollWidth <= innerWidth")
    finally:
        seen.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@installed
def test_a_lost_connection_is_said_and_made_again(
    chromium: Chrome, feed: Feed, stack: ExitStack
) -> None:
    page = stack.enter_context(serve(feed))
    feed.publish(CUE, 0.0)
    seen = Seen(chromium, page)
    seen.reads("state", "Listening")
    seen.run(
        "window.states = [];"
        "const now = () => part.state.textContent + '; ' + part.title.textContent;"
        "new MutationObserver(() => states.push(now()))"
        ".observe(part.state, {childList: true})"
    )
    seen.run("socket.send('nonsense')")
    wait_until(lambda: len(seen.run("return states")) > 1)
    assert seen.run("return states") == [
        "Connection lost: not an action of this page. Retrying in 1 s; Not connected",
        "Listening; Acknowledge",
    ]
    stack.close()
    wait_until(lambda: seen.text("state").startswith("Connection lost"))
    assert (seen.text("title"), seen.text("said")) == ("Not connected", "")
    assert not seen.driver.find_element("id", "toggle").is_enabled()
    chromium.get("about:blank")


@installed
def test_it_floats_in_a_window_of_its_own(seen: Seen, feed: Feed) -> None:
    if seen.run("return part.float.hidden"):
        pytest.skip("this browser has no windows that stay above the others")
    feed.publish(CALM, 0.0)
    seen.reads("state", "Listening")
    seen.click("float")
    wait_until(lambda: seen.run("return own !== null && own.document.body.contains(part.call)"))
    feed.publish(CUE, 0.0)
    wait_until(lambda: seen.run("return part.title.textContent") == "Acknowledge")
    wait_until(lambda: seen.run("return own.getComputedStyle(part.call).display") == "grid")
    seen.run("part.toggle.click()")
    assert wished(feed) == [ToggleListening()]
    seen.click("back")
    wait_until(lambda: seen.run("return own === null && document.body.contains(part.call)"))
    assert seen.text("title") == "Acknowledge"
    assert seen.log("browser") == []


def test_the_page_has_no_code_or_style_inside_and_names_no_other_place() -> None:
    html = (browser.PAGE_FOLDER / "index.html").read_text("utf-8")
    script = (browser.PAGE_FOLDER / "page.js").read_text("utf-8")
    for word in ("<style", "style=", "onclick", "javascript:", "://"):
        assert word not in html
    for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "://"):
        assert word not in script
    there = {file.name for file in browser.PAGE_FOLDER.iterdir()}
    assert there == {file for file, _ in browser.PAGE_FILES.values()}
