"""The console's certificate: the site's own, or one that the box makes for itself at the first start.

A browser cannot know a certificate that a box made, so its fingerprint is printed on the box, for an admin to
compare when the browser asks.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.box.config import Config
from appliance.console.private import directory_of
from appliance.feed.private_file import (
    make_private_directory,
    read_private,
    write_private,
)

CERTIFICATE_FILE: Final = "certificate.pem"
KEY_FILE: Final = "key.pem"
#: Browsers of one vendor refuse certificates that are valid for longer.
VALID_DAYS: Final = 825
#: A certificate of ours is replaced at a start within this time of its end; of the site's the console warns.
RENEW_DAYS: Final = 30
_LARGEST: Final = 1024 * 1024


class CertificateError(Exception):
    """The certificate cannot be used; the text says what to do next."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate, and where it and its key lie."""

    certificate: Path
    key: Path
    #: SHA-256 of the whole certificate, as browsers show it: pairs of hexadecimal digits with colons
    fingerprint: str
    #: SHA-256 of its public key, base64 (RFC 7469, section 2.4)
    public_key: str
    since: datetime.datetime
    until: datetime.datetime
    #: made by this box
    own: bool

    def days_left(self, wall: datetime.datetime) -> int:
        """Whole days until it ends; negative where it has ended."""
        return (self.until - wall).days

    def context(self) -> ssl.SSLContext:
        """What a TLS server of this certificate needs; TLS 1.2 with forward secrecy, or later.

        Raises:
            CertificateError: certificate and key do not fit each other.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self.certificate, self.key, password=_no_password)
        except (ssl.SSLError, ValueError, OSError) as error:
            raise CertificateError(
                f"{self.certificate} and {self.key} cannot be used together: {error}; name the certificate "
                "with its chain and the key that belongs to it, without a passphrase, both PEM"
            ) from error
        return context


def load_certificate(config: Config) -> Certificate:
    """The site's own certificate, or the box's, made where there is none or its end is near.

    Raises:
        CertificateError: the site's cannot be used.
        PrivateFileError: the box's cannot be read or written.
    """
    if (of_site := site_certificate(config)) is not None:
        return of_site
    directory = directory_of(config)
    certificate, key = directory / CERTIFICATE_FILE, directory / KEY_FILE
    data = read_private(certificate)
    if data is not None and read_private(key) is not None:
        found = _read(certificate, key, data, own=True)
        if found.days_left(_now()) > RENEW_DAYS:
            return found
    make_private_directory(directory)
    private, public = _make(config)
    # The key first: a certificate without its key would be read, and found useless, at the next start.
    write_private(key, private)
    write_private(certificate, public)
    return _read(certificate, key, public, own=True)


def site_certificate(config: Config) -> Certificate | None:
    """The site's own certificate; None where the configuration names none.

    Raises:
        CertificateError: it cannot be used.
    """
    certificate, key = config.console.certificate, config.console.key
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        missing, named = ("certificate", "key") if certificate is None else ("key", "certificate")
        raise CertificateError(
            f"console.{named} is set, but console.{missing} is not: name both files, or leave both out"
        )
    found = _read(certificate, key, _bytes(certificate), own=False)
    found.context()
    return found


def _make(config: Config) -> tuple[bytes, bytes]:
    """A key and a certificate of its own signature, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, config.box.name)])
    # The clock of a box that was just unpacked may be behind or ahead of the admin's.
    now = _now()
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS - 1))
        .add_extension(x509.SubjectAlternativeName(_names(config)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, built.public_bytes(serialization.Encoding.PEM)


def _now() -> datetime.datetime:
    return datetime.datetime.fromtimestamp(time.time(), datetime.timezone.utc)


def _names(config: Config) -> list[x509.GeneralName]:
    """By what the box may be called: its name, the machine's, and the address that is bound."""
    hosts = {config.box.name, "localhost"}
    host = socket.gethostname()
    if host.isascii() and host:
        hosts.add(host)
    addresses = {ipaddress.ip_address("127.0.0.1")}
    bound = ipaddress.ip_address(config.console.bind)
    if not bound.is_unspecified:
        addresses.add(bound)
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in sorted(hosts)]
    return [*names, *(x509.IPAddress(address) for address in sorted(addresses, key=str))]


def _read(certificate: Path, key: Path, data: bytes, *, own: bool) -> Certificate:
    try:
        parsed = x509.load_pem_x509_certificate(data)
    except ValueError as error:
        remedy = f"remove {certificate} and {key}, and restart" if own else "name a PEM file"
        raise CertificateError(f"{certificate}: is no certificate: {error}; {remedy}") from error
    digest = parsed.fingerprint(hashes.SHA256()).hex().upper()
    public = parsed.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    pin = hashes.Hash(hashes.SHA256())
    pin.update(public)
    return Certificate(
        certificate,
        key,
        ":".join(digest[place : place + 2] for place in range(0, len(digest), 2)),
        base64.b64encode(pin.finalize()).decode(),
        parsed.not_valid_before_utc,
        parsed.not_valid_after_utc,
        own,
    )


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST)
    except OSError as error:
        raise CertificateError(
            f"{path}: cannot be read: {error.strerror}; let the console's user read it, or leave "
            "console.certificate and console.key out"
        ) from error


def _no_password() -> str:
    raise ValueError("the key is encrypted with a passphrase, which nobody could enter")
