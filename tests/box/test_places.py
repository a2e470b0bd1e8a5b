from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.box.config import Box


@pytest.fixture(autouse=True)
def an_ordinary_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4711)


def without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)


def test_the_state_lies_in_the_users_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/li")
    assert Box().state_directory == Path("/home/li/.local/state/ridge")


def test_the_state_lies_where_the_environment_says_even_for_a_user_without_a_home(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_a_home(monkeypatch)
    monkeypatch.setenv("XDG_STATE_HOME", "/srv/state")
    assert Box().state_directory == Path("/srv/state/ridge")


@pytest.mark.parametrize("value", ["", "state"])
def test_an_empty_or_relative_path_in_the_environment_counts_as_none(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", value)
    monkeypatch.setenv("HOME", "/home/li")
    assert Box().state_directory == Path("/home/li/.local/state/ridge")


def test_a_user_without_a_home_keeps_the_state_where_a_service_does(monkeypatch: pytest.MonkeyPatch) -> None:
    without_a_home(monkeypatch)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert Box().state_directory == Path("/var/lib/ridge")
