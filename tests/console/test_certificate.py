import datetime
import socket
import ssl
import stat
import threading

import pytest
from cryptography import x509

from appliance.box.config import Box, Config, Console
from appliance.console import certificate as room
from appliance.console.certificate import CertificateError, load_certificate, site_certificate
from appliance.feed.private_file import PrivateFileError


def config_in(tmp_path, **console):
    return Config(
        box=Box(name="branch-12", state_directory=tmp_path / "state"),
        console=Console(enabled=True, bind="10.40.0.5", **console),
    )


def test_a_box_makes_its_certificate_once(tmp_path):
    config = config_in(tmp_path)
    first = load_certificate(config)
    assert first.own
    assert load_certificate(config) == first
    assert stat.S_IMODE(first.key.stat().st_mode) == 0o600
    assert 700 < first.days_left(datetime.datetime.now(datetime.timezone.utc)) < 825


def test_it_names_the_box_and_its_address_and_signs_nothing_else(tmp_path):
    found = load_certificate(config_in(tmp_path))
    parsed = x509.load_pem_x509_certificate(found.certificate.read_bytes())
    names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "branch-12" in names.get_values_for_type(x509.DNSName)
    assert "10.40.0.5" in [str(one) for one in names.get_values_for_type(x509.IPAddress)]
    assert not parsed.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_a_client_that_trusts_it_reaches_the_box_with_a_recent_tls_only(tmp_path):
    found = load_certificate(config_in(tmp_path))
    for version, works in ((ssl.TLSVersion.TLSv1_3, True), (ssl.TLSVersion.TLSv1_1, False)):
        client = ssl.create_default_context(cafile=str(found.certificate))
        client.minimum_version = client.maximum_version = version
        client.set_ciphers("ALL:@SECLEVEL=0")
        assert handshake(found.context(), client) is works


def handshake(server, client):
    near, far = socket.socketpair()
    failures = []

    def serve():
        try:
            server.wrap_socket(far, server_side=True).close()
        except OSError as error:
            failures.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        client.wrap_socket(near, server_hostname="branch-12").close()
    except OSError as error:
        failures.append(error)
        near.close()
    thread.join(10)
    return not failures


def test_the_fingerprint_is_of_the_certificate_that_is_served(tmp_path):
    found = load_certificate(config_in(tmp_path))
    pairs = found.fingerprint.split(":")
    assert len(pairs) == 32
    der = ssl.PEM_cert_to_DER_cert(found.certificate.read_text())
    assert x509.load_der_x509_certificate(der).fingerprint(room.hashes.SHA256()).hex().upper() == "".join(
        pairs
    )


def test_a_certificate_near_its_end_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "VALID_DAYS", room.RENEW_DAYS - 1)
    first = load_certificate(config_in(tmp_path))
    monkeypatch.undo()
    second = load_certificate(config_in(tmp_path))
    assert second.fingerprint != first.fingerprint
    assert second.days_left(datetime.datetime.now(datetime.timezone.utc)) > 700


def test_a_key_that_others_may_read_is_not_used(tmp_path):
    found = load_certificate(config_in(tmp_path))
    found.key.chmod(0o644)
    with pytest.raises(PrivateFileError, match="chmod"):
        load_certificate(config_in(tmp_path))


def test_a_damaged_certificate_says_what_to_do(tmp_path):
    found = load_certificate(config_in(tmp_path))
    found.certificate.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    with pytest.raises(CertificateError, match="remove"):
        load_certificate(config_in(tmp_path))


def test_the_sites_own_is_taken_as_it_is(tmp_path):
    made = load_certificate(config_in(tmp_path))
    config = config_in(tmp_path / "other", certificate=made.certificate, key=made.key)
    found = load_certificate(config)
    assert not found.own
    assert found.fingerprint == made.fingerprint
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("console", "message"),
    [
        ({"certificate": "c.pem"}, "console.key is not"),
        ({"key": "k.pem"}, "console.certificate is not"),
        ({"certificate": "absent.pem", "key": "absent.pem"}, "cannot be read"),
        ({"certificate": "text.pem", "key": "text.pem"}, "is no certificate"),
    ],
)
def test_a_site_certificate_that_cannot_be_used_says_why(tmp_path, console, message):
    (tmp_path / "text.pem").write_text("hello")
    settings = {name: tmp_path / value for name, value in console.items()}
    with pytest.raises(CertificateError, match=message):
        site_certificate(config_in(tmp_path, **settings))


def test_a_key_of_another_certificate_is_found_before_the_start(tmp_path):
    one, two = load_certificate(config_in(tmp_path / "one")), load_certificate(config_in(tmp_path / "two"))
    with pytest.raises(CertificateError, match="cannot be used together"):
        site_certificate(config_in(tmp_path, certificate=one.certificate, key=two.key))
