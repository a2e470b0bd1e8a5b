"""`ridge capture`: what a person is told when it cannot begin."""

from __future__ import annotations

import argparse
import socket
from pathlib import Path

import pytest

from appliance.capture.command import add_commands
from appliance.cli import CommandError


def _run(path: Path) -> int:
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())
    options = parser.parse_args(["capture", "--config", str(path)])
    return int(options.run(options))


def test_a_wrong_configuration_is_named(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text("[siprec]\nudp_prot = 5060\n", encoding="utf-8")
    with pytest.raises(CommandError, match=r"udp_prot: no such key; did you mean udp_port\?"):
        _run(path)


def test_without_a_source_there_is_nothing_to_do(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text("[siprec]\nenabled = false\n", encoding="utf-8")
    with pytest.raises(CommandError, match="set it to true"):
        _run(path)


@pytest.mark.parametrize(("kind", "key"), [(socket.SOCK_DGRAM, "udp_port"), (socket.SOCK_STREAM, "tcp_port")])
def test_a_port_that_is_taken_is_named(tmp_path: Path, kind: socket.SocketKind, key: str) -> None:
    other_key = "tcp_port" if key == "udp_port" else "udp_port"
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        path = tmp_path / "site.toml"
        path.write_text(
            f'[box]\nruntime_directory = "{tmp_path}"\n'
            f"[siprec]\n{key} = {other.getsockname()[1]}\n{other_key} = 0\n",
            encoding="utf-8",
        )
        with pytest.raises(CommandError, match=r"siprec\.udp_port, siprec\.tcp_port or siprec\.bind"):
            _run(path)
