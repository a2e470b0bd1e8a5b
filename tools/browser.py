"""A headless Chromium, driven through the DevTools protocol: for the panel's tests and pictures.

Needs the program `chromium` (Debian package of that name; `tools/setup test` installs it) and `websockets`.
"""

from __future__ import annotations

import base64
import json
import queue
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from websockets.sync.client import connect

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
#: Starting a browser takes a second or two; a busy machine may need many more.
START_SECONDS = 60.0
ANSWER_SECONDS = 30.0
#: A full-page picture or a list of messages; more would be a mistake.
MAX_ANSWER_BYTES = 64 * 2**20
_LISTENING = re.compile(r"DevTools listening on (ws://\S+)")


class BrowserError(RuntimeError):
    """The browser is not there, ended, or did not do what was asked."""


class Browser:
    """One browser process with a profile of its own that is thrown away."""

    def __init__(self, *, width: int = 1280, height: int = 800, public_key: str | None = None) -> None:
        """Start it; `public_key` (SHA-256, base64) belongs to a certificate that nobody else vouches for."""
        program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
        if program is None:
            raise BrowserError("Chromium is not installed; run: apt-get install chromium")
        self._profile = tempfile.TemporaryDirectory(prefix="ridge-browser-", ignore_cleanup_errors=True)
        trusted = [f"--ignore-certificate-errors-spki-list={public_key}"] if public_key else []
        # Its sandbox is not to be had for root or in most containers, and only our own pages are opened.
        self._process = subprocess.Popen(
            [
                program, "--headless=new", "--no-sandbox", "--remote-debugging-port=0", "--no-first-run",
                "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions", "--disable-sync",
                "--disable-background-networking", "--disable-component-update", "--mute-audio",
                "--hide-scrollbars", "--font-render-hinting=none", f"--window-size={width},{height}",
                f"--user-data-dir={self._profile.name}", *trusted, "about:blank",
            ],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self._size = (width, height)
        self._open = ExitStack()
        try:
            self._connection = self._open.enter_context(
                connect(self._address(), max_size=MAX_ANSWER_BYTES, compression=None, ping_interval=None)
            )
        except BaseException:
            self.close()
            raise
        self._answers: dict[int, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self._last = 0

    def page(self, url: str, **options: Any) -> Page:
        """Open a page in a tab of its own."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, target, session)
        width, height = options.pop("size", self._size)
        page.resize(width, height)
        page.appear(**options)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.ask(f"{domain}.enable")
        page.go(url)
        return page

    def ask(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """One command, and its answer."""
        self._last += 1
        number = self._last
        command: dict[str, Any] = {"id": number, "method": method, "params": params}
        if session:
            command["sessionId"] = session
        self._connection.send(json.dumps(command))
        end = time.monotonic() + ANSWER_SECONDS
        while number not in self._answers:
            self._take(end)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def pump(self, seconds: float) -> None:
        """Take in events for that long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self._take(end)
            except TimeoutError:
                return

    def close(self) -> None:
        """End the browser."""
        self._open.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._profile.cleanup()

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._lines.put(line)

    def _address(self) -> str:
        end = time.monotonic() + START_SECONDS
        said = []
        while (left := end - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=min(left, 0.5))
            except queue.Empty:
                if self._process.poll() is not None:
                    break
                continue
            said.append(line)
            if found := _LISTENING.search(line):
                return found[1]
        raise BrowserError(f"Chromium did not start: {''.join(said[-8:])}")

    def _take(self, end: float) -> None:
        message = json.loads(self._connection.recv(max(0.001, end - time.monotonic())))
        if "id" in message:
            self._answers[message["id"]] = message
        else:
            self.events.append(message)


class Page:
    """One tab."""

    def __init__(self, browser: Browser, target: str, session: str) -> None:
        self._browser = browser
        self._target = target
        self._session = session

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of the DevTools protocol to this tab."""
        return self._browser.ask(method, self._session, **params)

    def go(self, url: str) -> None:
        """Load a page and wait until it has been loaded."""
        self.ask("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def resize(self, width: int, height: int) -> None:
        """The size of the window, in CSS pixels."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def show(self) -> None:
        """Bring the tab to the front; a browser does not draw the others."""
        self.ask("Page.bringToFront")

    def appear(self, *, dark: bool = False) -> None:
        """What the system's appearance is."""
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.ask("Emulation.setEmulatedMedia", features=features)

    def run(self, script: str) -> Any:
        """The value of an expression (a promise is waited for)."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description") or details["text"])
        return answer["result"].get("value")

    def wait(self, condition: str, seconds: float = 20.0) -> Any:
        """Wait until an expression is true; its value."""
        return self.wait_for(lambda: self.run(condition), condition, seconds)

    def wait_for(self, condition: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
        """Wait until `condition` returns something true."""
        end = time.monotonic() + seconds
        error: Exception | None = None
        while time.monotonic() < end:
            try:
                if found := condition():
                    return found
            except BrowserError as failed:  # the page is between two documents
                error = failed
            self._browser.pump(0.05)
        raise BrowserError(f"waited {seconds:g} s for: {what}" + (f" ({error})" if error else ""))

    def frame(self, origin: str, seconds: float = 20.0) -> Page:
        """The frame in this tab that shows a page of that origin (a process of its own, or this one)."""

        def find() -> Page | None:
            for target in self._browser.ask("Target.getTargets")["targetInfos"]:
                if target["type"] == "iframe" and target["url"].startswith(origin):
                    found = self._browser.ask(
                        "Target.attachToTarget", targetId=target["targetId"], flatten=True
                    )
                    return Page(self._browser, target["targetId"], found["sessionId"])
            return None

        frame: Page = self.wait_for(find, f"a frame of {origin}", seconds)
        return frame

    def text(self, selector: str) -> str:
        """The text of the first element that is found, as it is shown."""
        return str(self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    def press(self, key: str, *, modifiers: int = 0) -> None:
        """Press and release a key; one character, or a name such as `Tab`."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowUp": 38, "ArrowDown": 40, " ": 32}
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        known = {
            "key": key,
            "windowsVirtualKeyCode": codes.get(key, ord(key.upper()[0])),
            "modifiers": modifiers,
        }
        self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **known)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **known)

    def hover(self, selector: str) -> None:
        """Move the mouse to the middle of an element."""
        self._mouse(selector, "mouseMoved")

    def click(self, selector: str) -> None:
        """Press the mouse in the middle of an element."""
        self._mouse(selector, "mouseMoved", "mousePressed", "mouseReleased")

    def _mouse(self, selector: str, *kinds: str) -> None:
        x, y = self.wait_for(lambda: self._at_rest(selector), f"{selector} to be at rest")
        for kind in kinds:
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def _at_rest(self, selector: str) -> list[float] | None:
        """The middle of an element once the page is whole and moves it no more; else None."""
        where = (
            "document.readyState !== 'complete' ? null : (() => { const b = "
            f"document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            "return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        before: list[float] | None = self.run(where)
        self._browser.pump(0.05)
        return before if before == self.run(where) else None

    def picture(self, path: Path) -> None:
        """Draw what the window shows, as PNG."""
        data = self.ask("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))

    def complaints(self) -> list[str]:
        """What the console was told that is wrong: exceptions, and errors such as those of CSP."""
        found = []
        self._browser.pump(0.05)
        for event in self._browser.events:
            if event.get("sessionId") != self._session:
                continue
            if event["method"] == "Runtime.exceptionThrown":
                details = event["params"]["exceptionDetails"]
                found.append(details.get("exception", {}).get("description") or details["text"])
            elif event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
                found.append(event["params"]["entry"]["text"])
        return found

    def requested(self) -> list[str]:
        """The addresses that the page has asked for."""
        self._browser.pump(0.05)
        return [
            event["params"]["request"]["url"]
            for event in self._browser.events
            if event.get("sessionId") == self._session and event["method"] == "Network.requestWillBeSent"
        ]

    def close(self) -> None:
        """Close the tab."""
        self._browser.ask("Target.closeTarget", targetId=self._target)
