"""Fetches an archive over HTTPS into a file, and goes on where an earlier attempt stopped.

Range requests are RFC 9110 section 14; `If-Range` (section 13.1.5) makes the server send the whole file
where it has changed since the first part was fetched.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import re
import socket
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from appliance.models import ModelError
from appliance.models_install import explained

#: The largest archive that is fetched where the manifest does not know the size; upstream ones have at most
#: some hundred MB.
LARGEST: Final = 1 << 30
_READ_BYTES: Final = 1 << 16
_PERMANENT: Final = frozenset({400, 401, 403, 404, 405, 406, 407, 410, 451})
_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a download tries."""

    #: connections in a row that bring nothing new
    attempts: int = 5
    #: connections altogether, so that a server that sends a byte each time is left
    connections: int = 100
    #: seconds before the second attempt; doubled each time
    first_wait: float = 1.0
    longest_wait: float = 30.0
    #: seconds in which a connection must be made, and in which something must arrive
    timeout: float = 30.0
    wait: Callable[[float], None] = time.sleep


#: Called with the bytes that are there, and all that there will be (None where the server does not say).
Progress = Callable[[int, int | None], None]


class _Part(msgspec.Struct):
    """What is known about a partial download; lies beside it as JSON."""

    url: str
    #: a strong ETag, or the Last-Modified date; without one the part cannot be continued
    validator: str | None = None
    total: int | None = None


class _NothingNewError(Exception):
    """An attempt failed in a way that may pass; the text says how."""


def is_this_machine(host: str | None) -> bool:
    """Whether a host of a URL is loopback."""
    if host == "localhost":
        return True
    try:
        return host is not None and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_insecure(url: str) -> None:
    """Refuse what is neither https nor http to this machine.

    Raises:
        ModelError: it is neither.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and is_this_machine(parts.hostname):
        return
    raise ModelError(
        f"models are fetched over https only, not from {_shown(url)}; fetch the archive on another way and "
        "import it with --from"
    )


def _shown(url: str) -> str:
    """A URL without what redirects sign into its query, and without credentials."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class _SecureRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to https; to this machine only where the download began there."""

    def redirect_request(  # noqa: PLR0917  (urllib's signature)
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        refuse_insecure(newurl)
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise ModelError(
                f"{_shown(req.full_url)} redirects to {_shown(newurl)}, which is not https; "
                "fetch the archive on another way and import it with --from"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(url: str) -> urllib.request.OpenerDirector:
    # Only what is needed: the standard opener would also read file: and ftp: addresses.
    opener = urllib.request.OpenerDirector()
    direct = is_this_machine(urllib.parse.urlsplit(url).hostname)
    for handler in (
        urllib.request.ProxyHandler({} if direct else None),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        _SecureRedirects(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


class Download:
    """One archive on its way into `path`; the bytes that have arrived stay there until `discard`."""

    def __init__(self, url: str, path: Path, *, size: int | None = None) -> None:
        """Fetch `url` into `path`; `size` is what the manifest says it has, where it says so.

        Raises:
            ModelError: the address is not https.
        """
        refuse_insecure(url)
        self.url = url
        self.path = path
        self._record = path.with_name(path.name + ".json")
        self._size = size
        self._limit = LARGEST if size is None else size
        self._part = self._read_record()

    def discard(self) -> None:
        """Forget what has arrived."""
        for file in (self.path, self._record):
            with explained(f"{file} cannot be removed"):
                file.unlink(missing_ok=True)
        self._part = _Part(self.url)

    def run(self, progress: Progress, patience: Patience | None = None) -> Path:
        """Fetch all that is missing; returns the path of the whole archive.

        Raises:
            ModelError: the network, the server or the disk did not allow it. What has arrived is kept, and
                the next run goes on there, unless the archive cannot be the right one.
        """
        patience = patience or Patience()
        failures = 0
        for _ in range(patience.connections):
            had = self._arrived()
            if self._part.total is not None and had == self._part.total:
                return self.path
            try:
                self._attempt(had, progress, patience.timeout)
                return self.path
            except _NothingNewError as error:
                failures = 0 if self._arrived() > had else failures + 1
                reason = str(error)
            if failures >= patience.attempts:
                break
            patience.wait(min(patience.first_wait * 2 ** max(failures - 1, 0), patience.longest_wait))
        arrived = self._arrived()
        kept = f"the first {arrived} bytes are kept and the next run goes on there; " if arrived else ""
        raise ModelError(
            f"{_shown(self.url)} could not be fetched: {reason}; {kept}check the network and the proxy "
            "(environment variable https_proxy) and run the command again, or bring the archive on a disk "
            "and import it with --from"
        )

    def _read_record(self) -> _Part:
        with contextlib.suppress(OSError, msgspec.DecodeError):
            part = msgspec.json.decode(self._record.read_bytes(), type=_Part)
            if part.url == self.url:
                return part
        return _Part(self.url)

    def _arrived(self) -> int:
        """How many bytes are there that can be gone on with."""
        try:
            size = self.path.stat().st_size
        except OSError:
            return 0
        usable = self._part.validator is not None or size == self._part.total
        return size if usable and size <= self._limit else 0

    def _attempt(self, had: int, progress: Progress, timeout: float) -> None:
        # identity: a content coding would change the bytes that ranges and sums count
        request = urllib.request.Request(  # noqa: S310  (the scheme was checked)
            self.url, headers={"User-Agent": "ridge", "Accept-Encoding": "identity"}
        )
        if had and self._part.validator is not None:
            request.add_header("Range", f"bytes={had}-")
            request.add_header("If-Range", self._part.validator)
        try:
            with _opener(self.url).open(request, timeout=timeout) as response:
                self._receive(response, had, progress)
        except urllib.error.HTTPError as error:
            self._refused(error)
        except urllib.error.URLError as error:
            self._unreachable(error)
        # Errors of the disk have become sentences before they come here; what is left is the network's.
        except (http.client.HTTPException, OSError) as error:
            raise _NothingNewError(f"the connection broke off ({error or type(error).__name__})") from error

    def _refused(self, error: urllib.error.HTTPError) -> None:
        error.close()
        if error.code == 416:  # the part is longer than what the server has now
            self.discard()
            raise _NothingNewError("the archive has changed since its first part was fetched")
        # urllib leaves a redirect in place that it does not follow: to another scheme, or in a loop.
        if error.code in _PERMANENT or 300 <= error.code < 400:
            raise ModelError(
                f"{_shown(self.url)} could not be fetched: the server answered {error.code} {error.reason}; "
                "check the proxy (environment variable https_proxy), or bring the archive on a disk and "
                "import it with --from"
            ) from error
        raise _NothingNewError(f"the server answered {error.code} {error.reason}") from error

    def _unreachable(self, error: urllib.error.URLError) -> None:
        reason = error.reason
        host = urllib.parse.urlsplit(self.url).hostname
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise ModelError(
                f"the certificate of {host} is not valid ({reason.verify_message}); check the clock of this "
                "machine and whether a proxy stands between, or import the archive with --from"
            ) from error
        if isinstance(reason, socket.gaierror):
            raise _NothingNewError(f"the name {host} cannot be resolved") from error
        raise _NothingNewError(f"{host} cannot be reached ({reason})") from error

    def _receive(self, response: Any, had: int, progress: Progress) -> None:
        start, total = self._answered(response, had)
        if total is not None and (total > self._limit or (self._size is not None and total != self._size)):
            self.discard()
            known = f"{self._size} bytes" if self._size is not None else f"at most {self._limit} bytes"
            raise ModelError(
                f"{_shown(self.url)} has {total} bytes, and should have {known}: it is another archive; "
                "nothing was kept, use an appliance whose manifest knows this one"
            )
        self._part = _Part(self.url, _validator(response.headers), total)
        arrived = start
        with explained(f"{_shown(self.url)} cannot be kept in {self.path}"):
            # Unbuffered: what has arrived is there after an interruption, too. Opened first: bytes of an
            # older archive must be gone before the record describes a newer one.
            out = self.path.open("r+b" if start else "wb", buffering=0)
            self._record.write_bytes(msgspec.json.encode(self._part))
            out.seek(start)
        with out:
            progress(arrived, total)
            while data := response.read(_READ_BYTES):
                arrived += len(data)
                if arrived > self._limit:
                    self.discard()
                    raise ModelError(
                        f"{_shown(self.url)} sends more than {self._limit} bytes; nothing was kept, it is "
                        "another archive than the manifest means"
                    )
                with explained(f"{_shown(self.url)} cannot be kept in {self.path}"):
                    _write(out, data)
                progress(arrived, total)
        if total is not None and arrived != total:
            raise _NothingNewError(f"the connection ended after {arrived} of {total} bytes")
        if total is None:
            self._finish_unannounced(arrived)

    def _finish_unannounced(self, arrived: int) -> None:
        """Where the server gave no length, the end of the answer is the end of the archive."""
        if self._size is not None and arrived != self._size:
            raise _NothingNewError(f"the connection ended after {arrived} of {self._size} bytes")
        self._part = _Part(self.url, self._part.validator, arrived)
        with explained(f"{self._record} cannot be written"):
            self._record.write_bytes(msgspec.json.encode(self._part))

    def _answered(self, response: Any, had: int) -> tuple[int, int | None]:
        """Where the answer begins in the archive, and the size of the archive where the server says it."""
        if response.status == 206:
            found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
            if found is None or int(found[1]) != had:
                self.discard()
                raise _NothingNewError("the server sent another part than it was asked for")
            return had, None if found[2] == "*" else int(found[2])
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None


def _validator(headers: Any) -> str | None:
    """What `If-Range` may carry: a strong ETag, else the date of the last change."""
    etag = headers.get("ETag")
    if etag is not None and etag.startswith('"'):
        return str(etag)
    changed = headers.get("Last-Modified")
    return None if changed is None else str(changed)


def _write(out: Any, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[out.write(view) :]
