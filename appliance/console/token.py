"""The token with which a Prometheus server may read the metrics; only its hash is kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Final

from appliance.feed.private_file import make_private_directory, read_private, write_private

TOKEN_FILE: Final = "metrics-token"  # noqa: S105 - the file's name
#: What a token may look like; the rest is no token and is not hashed.
_LONGEST: Final = 128


def make_token(directory: Path) -> str:
    """A new token, in place of the one before.

    Raises:
        PrivateFileError: its hash cannot be written.
    """
    token = secrets.token_urlsafe(32)
    make_private_directory(directory)
    write_private(directory / TOKEN_FILE, _digest(token).encode() + b"\n")
    return token


def token_is_set(directory: Path) -> bool:
    """Whether there is a token.

    Raises:
        PrivateFileError: its file cannot be used.
    """
    return read_private(directory / TOKEN_FILE) is not None


def token_holds(directory: Path, token: str) -> bool:
    """Whether this is the token.

    Raises:
        PrivateFileError: its file cannot be used.
    """
    data = read_private(directory / TOKEN_FILE)
    if data is None or len(token) > _LONGEST:
        return False
    return hmac.compare_digest(_digest(token).encode(), data.strip())


def _digest(token: str) -> str:
    # 256 random bits need no slow hash.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
