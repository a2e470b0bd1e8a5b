"""`ridge listen --web` as a process of its own, at a real feed, and what its link is made of."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.feed.running import RunningFeed
from tools.running import REPOSITORY

LINK = re.compile(r"http://127\.0\.0\.1:\d+/#\S+")


class Panel:
    """One running panel."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        line = process.stdout.readline()
        found = LINK.search(line)
        assert found, line + process.stdout.read()
        self.link = found[0]
        parts = urlsplit(self.link)
        assert parts.port
        self.port, self.token = parts.port, parts.fragment
        self.origin = f"http://127.0.0.1:{self.port}"

    def at(self, query: str) -> str:
        """The link with a query."""
        return self.link.replace("/#", f"/?{query}#")

    def live(self, token: str | None = None, origin: str | None = None, **headers: str) -> ClientConnection:
        """A live socket as a tab opens it."""
        return connect(
            f"ws://127.0.0.1:{self.port}/live",
            origin=Origin(self.origin if origin is None else origin),
            subprotocols=[Subprotocol("ridge.panel.v1"), Subprotocol(f"token.{token or self.token}")],
            additional_headers=headers,
            proxy=None,
        )

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@contextmanager
def running_panel(feed: RunningFeed, seat: str = "8001", *arguments: str, port: int = 0) -> Iterator[Panel]:
    with listening(
        "--seat", seat, "--keys", str(feed.key_directory(seat)), "--connect",
        f"tcp://127.0.0.1:{feed.service.publish_port}", "--control",
        f"tcp://127.0.0.1:{feed.service.control_port}", "--port", str(port), *arguments,
    ) as panel:  # fmt: skip
        yield panel


@contextmanager
def listening(*arguments: str, cwd: Path = REPOSITORY) -> Iterator[Panel]:
    process = subprocess.Popen(
        [sys.executable, "-m", "appliance", "listen", "--web", *arguments],
        cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        panel = Panel(process)
        yield panel
        assert panel.stop() == 0
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
