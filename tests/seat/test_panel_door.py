"""The panel's locks, without sockets."""

from __future__ import annotations

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.seat.panel_door import PanelDoor, PanelError, checked_origin, kept_token, new_token
from appliance.seat.panel_messages import Mark, Watch, decode_tab_message

TOKEN = new_token()
DOOR = PanelDoor(8730, TOKEN)


def test_only_loopbacks_own_names_with_the_port_are_the_panel():
    assert DOOR.host_allowed(["127.0.0.1:8730"])
    assert DOOR.host_allowed(["LOCALHOST:8730"])
    for hosts in (
        [],
        ["127.0.0.1"],
        ["127.0.0.1:8731"],
        ["127.0.0.1:8730", "evil.example"],
        ["a.127.0.0.1:8730"],
    ):
        assert not DOOR.host_allowed(hosts)


def test_an_origin_is_the_panels_or_nobodys():
    assert DOOR.origin_allowed(["http://localhost:8730"], needed=True)
    assert DOOR.origin_allowed([], needed=False)
    assert not DOOR.origin_allowed([], needed=True)
    for origin in (
        "null",
        "http://localhost",
        "https://localhost:8730",
        "http://localhost:8730.evil.example",
    ):
        assert not DOOR.origin_allowed([origin], needed=False)


@given(st.lists(st.text(), max_size=4))
def test_no_other_word_is_the_token(words):
    assert not DOOR.token_allowed([f"token.{word}" for word in words])
    assert not DOOR.token_allowed(words)
    assert DOOR.token_allowed([*words, f"token.{TOKEN}"])


def test_tokens_are_all_different_and_fit_a_subprotocol():
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) == 43 and token.replace("-", "").replace("_", "").isalnum() for token in tokens)


def test_a_kept_token_is_private_and_stays(tmp_path):
    path = tmp_path / "panel.key"
    token = kept_token(path)
    assert kept_token(path) == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "short", "a" * 44, "ü" * 43])
def test_a_damaged_token_file_is_said_with_a_next_step(tmp_path, content):
    path = tmp_path / "panel.key"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(PanelError, match="remove the file"):
        kept_token(path)


def test_a_token_file_that_cannot_be_made_is_said(tmp_path):
    with pytest.raises(PanelError, match="name a file"):
        kept_token(tmp_path / "nowhere" / "panel.key")


@pytest.mark.parametrize(
    ("text", "origin"),
    [("https://crm.bank.example", "https://crm.bank.example"), ("https://CRM.bank.example/", "https://crm.bank.example"),
     ("https://crm.bank.example:8443", "https://crm.bank.example:8443"), ("https://crm.bank.example:443", "https://crm.bank.example"),
     ("http://127.0.0.1:9000", "http://127.0.0.1:9000")],
)  # fmt: skip
def test_an_origin_is_written_as_browsers_do(text, origin):
    assert checked_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    ["*", "crm.bank.example", "https://*.bank.example", "https://crm.bank.example/page", "ftp://a.example",
     "http://crm.bank.example", "https://a.example; script-src *", "https://a@b.example",
     "https://a.example:x", "'self'", ""],
)  # fmt: skip
def test_what_is_no_origin_is_refused_with_an_example(text):
    with pytest.raises(PanelError, match="--embed"):
        checked_origin(text)


@given(st.one_of(st.text(max_size=600), st.binary(max_size=600)))
def test_bytes_of_a_tab_are_a_message_or_none(data):
    message = decode_tab_message(data)
    assert message is None or isinstance(message, Watch | Mark)
