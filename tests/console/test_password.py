import json
import stat

import pytest

from appliance.console.password import LONGEST, PASSWORD_FILE, SHORTEST, PasswordError, PasswordFile
from appliance.feed.private_file import PrivateFileError

GOOD = "correct horse battery"


def test_nobody_gets_in_while_none_is_set(tmp_path):
    passwords = PasswordFile(tmp_path / "console")
    assert passwords.generation() is None
    for guess in ("", "admin", "ridge", "password"):
        assert not passwords.verify(guess)


def test_the_password_and_no_other_is_right(tmp_path):
    passwords = PasswordFile(tmp_path / "console")
    passwords.set(GOOD)
    assert passwords.verify(GOOD)
    assert not passwords.verify(GOOD + " ")
    assert not passwords.verify(GOOD.upper())
    assert PasswordFile(tmp_path / "console").verify(GOOD)


def test_the_file_is_private_and_does_not_hold_the_password(tmp_path):
    directory = tmp_path / "console"
    PasswordFile(directory).set("密码密码密码密码密码密码密码密码")
    text = (directory / PASSWORD_FILE).read_text(encoding="utf-8")
    assert "密码" not in text
    assert stat.S_IMODE((directory / PASSWORD_FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_the_same_password_is_never_hashed_alike(tmp_path):
    for name in ("one", "two"):
        PasswordFile(tmp_path / name).set(GOOD)
    stored = [json.loads((tmp_path / name / PASSWORD_FILE).read_text()) for name in ("one", "two")]
    assert stored[0]["hash"] != stored[1]["hash"]


@pytest.mark.parametrize("length", [0, SHORTEST - 1, LONGEST + 1])
def test_a_password_that_is_too_short_or_long_is_refused_with_what_would_be_right(tmp_path, length):
    with pytest.raises(PasswordError, match=f"{SHORTEST} to {LONGEST}"):
        PasswordFile(tmp_path).set("x" * length)


def test_a_changed_password_is_seen_without_a_restart(tmp_path):
    passwords = PasswordFile(tmp_path / "console")
    passwords.set(GOOD)
    before = passwords.generation()
    PasswordFile(tmp_path / "console").set("another good password")
    assert passwords.generation() != before
    assert not passwords.verify(GOOD)
    assert passwords.verify("another good password")
    (tmp_path / "console" / PASSWORD_FILE).unlink()
    assert passwords.generation() is None


@pytest.mark.parametrize("text", ["", "{}", "null", '{"v":1,"cost":2,"salt":"00","hash":"00"}', "\xff"])
def test_a_damaged_file_lets_nobody_in_and_says_what_to_do(tmp_path, text):
    path = tmp_path / PASSWORD_FILE
    path.write_text(text, encoding="latin-1")
    path.chmod(0o600)
    with pytest.raises(PrivateFileError, match="ridge console password"):
        PasswordFile(tmp_path).verify(GOOD)


def test_a_file_that_others_may_read_lets_nobody_in(tmp_path):
    PasswordFile(tmp_path).set(GOOD)
    (tmp_path / PASSWORD_FILE).chmod(0o644)
    with pytest.raises(PrivateFileError, match="chmod"):
        PasswordFile(tmp_path).verify(GOOD)
