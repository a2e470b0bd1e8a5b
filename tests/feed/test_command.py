"""`ridge seats` as an admin types it."""

from __future__ import annotations

import json

import pytest

from appliance.cli import CommandError
from appliance.feed.keys import box_keys
from appliance.seat.keys import SeatKeys


def test_enrol_list_and_revoke(ridge, tmp_path, capsys):
    out = str(tmp_path / "keys")
    assert ridge("seats", "enrol", "8001", "8002", "--out", out) == 0
    keys = SeatKeys.load(tmp_path / "keys", "8002")
    assert keys.box == box_keys(tmp_path / "state" / "feed").public
    assert keys.addresses() == ("tcp://10.1.2.3:5570", "tcp://10.1.2.3:5571")
    capsys.readouterr()
    assert ridge("seats", "list", "--json") == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(entry["seat"], entry["role"]) for entry in listed] == [("8001", "seat"), ("8002", "seat")]
    assert listed[1]["key"] == keys.public.decode()
    assert ridge("seats", "revoke", "8001") == 0
    ridge("seats", "list")
    assert "8001" not in capsys.readouterr().out.replace("seat 8001 is revoked", "")


def test_the_address_that_seats_dial_can_be_given(ridge, tmp_path):
    ridge("seats", "enrol", "8001", "--out", str(tmp_path / "k"), "--host", "ridge.example")
    assert SeatKeys.load(tmp_path / "k", "8001").addresses()[0] == "tcp://ridge.example:5570"


def test_failures_are_sentences_with_a_next_step(ridge, tmp_path):
    out = str(tmp_path / "keys")
    with pytest.raises(CommandError, match="no seat id"):
        ridge("seats", "enrol", "../8001", "--out", out)
    assert not (tmp_path / "8001").exists()
    ridge("seats", "enrol", "8001", "--out", out)
    with pytest.raises(CommandError, match="revoke it first"):
        ridge("seats", "enrol", "8001", "--out", out)
    ridge("seats", "revoke", "8001")
    with pytest.raises(CommandError, match="exists already"):
        ridge("seats", "enrol", "8001", "--out", out)
    ridge("seats", "enrol", "8001", "--out", out + "2")
    with pytest.raises(CommandError, match="revoke it first"):
        ridge("seats", "enrol", "8001", "--out", str(tmp_path / "elsewhere"))
    with pytest.raises(CommandError, match="not enrolled"):
        ridge("seats", "revoke", "8009")


def test_a_grant_whose_keys_cannot_be_written_is_taken_back(ridge, tmp_path, capsys):
    (tmp_path / "blocked").write_text("a file, and no directory")
    with pytest.raises(CommandError, match="cannot be made"):
        ridge("seats", "enrol", "8001", "--out", str(tmp_path / "blocked"))
    ridge("seats", "list")
    assert "no seat is enrolled" in capsys.readouterr().out
