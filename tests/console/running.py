"""A console with a board of the test's, and an admin's browser that keeps cookies."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

from starlette.testclient import TestClient

from appliance.box.config import Box, Config, Console, Firewall
from appliance.box.journal import Journal
from appliance.box.status.board import Board, Part, Refused
from appliance.box.status.reports import (
    CaptureReport,
    Confinement,
    EngineReport,
    FeedReport,
    Ledger,
    LiveCall,
    Process,
    Seat,
)
from appliance.console import app
from appliance.console.certificate import load_certificate

PASSWORD = "correct horse battery"
CONFINED = Confinement(True, True, True, False, False, False)
SITE = "https://box.example"


def config_in(tmp_path: Path, **console: object) -> Config:
    return Config(
        box=Box(
            name="branch-12",
            locale="en",
            runtime_directory=tmp_path / "run",
            state_directory=tmp_path / "state",
        ),
        console=Console(enabled=True, **console),
        firewall=Firewall(admins=("10.9.0.0/24",)),
    )


def board() -> Board:
    now = time.time_ns() // 1_000_000
    process = Process(version="0.1.0", uptime=4000, watchdog=True, confinement=CONFINED)
    call = LiveCall("aB3-_x9Z", "8001", 75, ("emotion", "prosody"))
    seats = (Seat("8001", False, 1, "loans"), Seat("lead-1", True, 0, "loans"))
    parts = (
        Part("capture", 101, now, 1, CaptureReport(process, calls=1, most_calls=60, received=9000), now),
        Part(
            "engine-0", 102, now, 1,
            EngineReport(process, 0, calls=1, recognizer="asr-zh-pinyin-telephone"), now,
        ),
        Part("feed", 103, now, 1,
             FeedReport(process, enrolled=2, connected=1, leases=1, ledger=Ledger("ok", records=77),
                        seats=seats, calls=1, live=(call,)), now),
    )  # fmt: skip
    return Board(box="branch-12", written=now, parts=parts, refused=Refused())


@dataclass
class Site:
    """The console of one test."""

    console: app.Console
    guard: app.Guard

    def browser(self, address: str = "10.9.0.7") -> TestClient:
        return TestClient(self.guard, base_url=SITE, follow_redirects=False, client=(address, 40_000))

    def admin(self, address: str = "10.9.0.7") -> TestClient:
        """A browser that is logged in."""
        browser = self.browser(address)
        answer = log_in(browser, PASSWORD)
        assert answer.status_code == 303, answer.text
        return browser


def site_in(tmp_path: Path, *, password: str | None = PASSWORD, **console: object) -> Site:
    config = config_in(tmp_path, **console)
    made = app.Console(
        config, Journal("console"), board, load_certificate(config), counters_file=tmp_path / "firewall.json"
    )
    if password is not None:
        made.door._passwords.set(password)
    return Site(made, app.application(made))


def log_in(browser: TestClient, password: str, **headers: str):
    return browser.post(
        "/login", data={"proof": field(browser.get("/login").text, "proof"), "password": password},
        headers=headers,
    )  # fmt: skip


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    return found[1] if found else ""
