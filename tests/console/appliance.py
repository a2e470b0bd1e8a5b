"""A whole appliance with its console, and an admin who knows its certificate and its password."""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from appliance.box.config import load
from appliance.console.certificate import Certificate, load_certificate
from tests.console.running import PASSWORD, field
from tools.running import REPOSITORY, RunningAppliance

CALL = REPOSITORY / "tools/demo_call/second_call.wav"
#: The simulator's customer; digits that nobody may find anywhere.
CUSTOMER = "13971205846"


@contextmanager
def appliance_with_console() -> Iterator[RunningAppliance]:
    with RunningAppliance(("8001", "8002"), settings="[console]\nenabled = true\nport = 0\n") as appliance:
        ridge = [sys.executable, "-m", "appliance", "console", "--config", str(appliance.config)]
        subprocess.run([*ridge, "password", "--stdin"], input=PASSWORD, text=True, check=True, cwd=REPOSITORY)
        yield appliance


def certificate_of(appliance: RunningAppliance) -> Certificate:
    return load_certificate(load(appliance.config))


def address_of(appliance: RunningAppliance) -> str:
    return f"https://127.0.0.1:{appliance.ready['console_port']}"


@contextmanager
def admin_of(appliance: RunningAppliance) -> Iterator[httpx.Client]:
    """A client that trusts this certificate and no other, logged in."""
    trust = ssl.create_default_context(cafile=str(certificate_of(appliance).certificate))
    with httpx.Client(base_url=address_of(appliance), verify=trust, timeout=30) as client:
        proof = field(client.get("/login").text, "proof")
        answer = client.post("/login", data={"proof": proof, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        yield client


def calling(appliance: RunningAppliance) -> subprocess.Popen[bytes]:
    """The short call, as a gateway plays it."""
    return subprocess.Popen(
        [
            sys.executable, "-m", "tools.callsim", str(CALL), "--quiet", "--customer", CUSTOMER,
            "--target", f"127.0.0.1:{appliance.ready['udp_port']}",
        ],
        cwd=REPOSITORY,
    )  # fmt: skip
