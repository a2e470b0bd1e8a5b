"""`ridge console` as an admin types it on the box."""

from __future__ import annotations

import io
import re

import pytest

from appliance.cli import main
from appliance.console.password import PasswordFile
from appliance.console.token import token_holds


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "ridge.toml"
    path.write_text(
        f'[box]\nstate_directory = "{tmp_path}/state"\nruntime_directory = "{tmp_path}/run"\n'
        "[console]\nenabled = true\nport = 0\n"
    )
    return path


@pytest.fixture
def typed(monkeypatch):
    """What comes on standard input, which is no terminal."""

    def type_in(text):
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return type_in


@pytest.mark.parametrize("first", [True, False])
def test_the_password_is_set_wherever_the_configuration_is_named(tmp_path, config, typed, capsys, first):
    typed("correct horse battery\n")
    option = ["--config", str(config)]
    words = ["console", *option, "password"] if first else ["console", "password", *option]
    assert main([*words, "--stdin"]) == 0
    assert PasswordFile(tmp_path / "state/console").verify("correct horse battery")
    assert "correct" not in capsys.readouterr().out


def test_without_a_terminal_it_says_how(config, typed, capsys):
    typed("correct horse battery\n")
    assert main(["console", "password", "--config", str(config)]) == 1
    assert "--stdin" in capsys.readouterr().err


def test_a_password_that_was_typed_differently_changes_nothing(tmp_path, config, monkeypatch, capsys):
    answers = iter(["correct horse battery", "correct horse buttery"])
    monkeypatch.setattr("getpass.getpass", lambda _: next(answers))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert main(["console", "password", "--config", str(config)]) == 1
    said = capsys.readouterr().err
    assert "not the same" in said
    assert "buttery" not in said
    assert not (tmp_path / "state").exists()


def test_a_short_password_is_refused_without_being_repeated(config, typed, capsys):
    typed("secret7\n")
    assert main(["console", "password", "--stdin", "--config", str(config)]) == 1
    said = capsys.readouterr().err
    assert "15 to 256" in said
    assert "secret7" not in said


def test_a_token_is_printed_once_and_kept_as_a_hash(tmp_path, config, capsys):
    assert main(["console", "token", "--config", str(config)]) == 0
    token = capsys.readouterr().out.strip()
    directory = tmp_path / "state/console"
    assert token_holds(directory, token)
    assert not token_holds(directory, token[:-1])
    assert token not in (directory / "metrics-token").read_text()


def test_the_fingerprint_is_there_before_the_first_start_and_stays(config, capsys):
    printed = []
    for _ in range(2):
        assert main(["console", "fingerprint", "--config", str(config)]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert re.search(r"^SHA-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}$", printed[0], re.MULTILINE)


def test_the_check_of_a_configuration_tries_the_sites_certificate(tmp_path, config, capsys):
    assert main(["check", str(config)]) == 0
    assert "console https://127.0.0.1:0 with the box's own certificate" in capsys.readouterr().out
    with config.open("a") as file:
        file.write(f'certificate = "{tmp_path}/absent.pem"\nkey = "{tmp_path}/absent.key"\n')
    assert main(["check", str(config)]) == 1
    assert "absent.pem: cannot be read" in capsys.readouterr().err
