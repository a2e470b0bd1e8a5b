"""`ridge console`: run the console, and set up on the box what nobody may set up over the network."""

from __future__ import annotations

import argparse
import getpass
import sys

from appliance.box.config_option import add_config_option, load_config
from appliance.cli import CommandError


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `console`."""
    console = commands.add_parser(
        "console",
        help="run the admin's console (systemd unit ridge-console), or set it up",
        description="Without an action: runs the console until SIGTERM.",
    )
    add_config_option(console)
    console.set_defaults(run=_run)
    actions = console.add_subparsers(dest="action", metavar="ACTION")
    password = actions.add_parser("password", help="set the admin's password; whoever is logged in is out")
    password.add_argument("--stdin", action="store_true", help="read it from standard input, one line")
    password.set_defaults(run=_password)
    token = actions.add_parser("token", help="make a new token for /metrics and print it, once")
    token.set_defaults(run=_token)
    fingerprint = actions.add_parser(
        "fingerprint", help="print the fingerprint of the certificate, to compare with what a browser shows"
    )
    fingerprint.set_defaults(run=_fingerprint)
    for action in (password, token, fingerprint):
        add_config_option(action, again=True)


def _run(options: argparse.Namespace) -> int:
    from appliance.box.runtime_directory import RuntimeDirectoryError
    from appliance.console import service
    from appliance.console.certificate import CertificateError
    from appliance.feed.private_file import PrivateFileError

    try:
        return service.run(load_config(options.config))
    except (CertificateError, service.ConsoleError, PrivateFileError, RuntimeDirectoryError) as error:
        raise CommandError(str(error)) from error


def _password(options: argparse.Namespace) -> int:
    from appliance.console.password import PasswordError, PasswordFile
    from appliance.console.private import directory_of
    from appliance.feed.private_file import PrivateFileError

    config = load_config(options.config)
    try:
        PasswordFile(directory_of(config)).set(_asked(from_stdin=options.stdin))
    except (PasswordError, PrivateFileError) as error:
        raise CommandError(str(error)) from error
    print("the password is set; whoever was logged in has to log in again")
    if not config.console.enabled:
        print("console.enabled is false, so no page is served yet; set it to true and restart ridge-console")
    return 0


def _asked(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise CommandError("there is no terminal to ask on; use --stdin and write the password as one line")
    first = getpass.getpass("new password: ")
    if getpass.getpass("the same again: ") != first:
        raise CommandError("the two are not the same; nothing was changed")
    return first


def _token(options: argparse.Namespace) -> int:
    from appliance.console.private import directory_of
    from appliance.console.token import make_token
    from appliance.feed.private_file import PrivateFileError

    try:
        print(make_token(directory_of(load_config(options.config))))
    except PrivateFileError as error:
        raise CommandError(str(error)) from error
    return 0


def _fingerprint(options: argparse.Namespace) -> int:
    from appliance.console.certificate import CertificateError, load_certificate
    from appliance.feed.private_file import PrivateFileError

    try:
        certificate = load_certificate(load_config(options.config))
    except (CertificateError, PrivateFileError) as error:
        raise CommandError(str(error)) from error
    print(f"certificate {certificate.certificate}, valid until {certificate.until:%Y-%m-%d}")
    print(f"SHA-256 {certificate.fingerprint}")
    print(f"public key, SHA-256 in base64: {certificate.public_key}")
    return 0
