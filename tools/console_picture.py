"""`python -m tools.console_picture`: draws the console's overview during the demo call, for the documents.

A whole appliance runs on loopback, the demo call is played to it over real SIP and RTP, and a headless
Chromium logs in. Pictures with hanzi need a font that has them (Debian package `fonts-noto-cjk`).
"""

from __future__ import annotations

import subprocess
import sys

from appliance.box.config import load
from appliance.console.certificate import load_certificate
from tools.browser import Browser
from tools.running import REPOSITORY, RunningAppliance

OUT = REPOSITORY / "appliance/console"
CALL = REPOSITORY / "tools/demo_call/demo_call.wav"
PASSWORD = "only for this picture"
SETTINGS = "[console]\nenabled = true\nport = 0\n"


def main() -> int:
    with RunningAppliance(("8001", "8002", "8003"), settings=SETTINGS) as appliance:
        ridge = [sys.executable, "-m", "appliance", "console", "password", "--stdin", "--config"]
        subprocess.run([*ridge, str(appliance.config)], input=PASSWORD, text=True, check=True)
        seat = appliance.listener("8001", "--json", stdout=subprocess.DEVNULL)
        caller = subprocess.Popen(
            [
                sys.executable, "-m", "tools.callsim", str(CALL), "--quiet",
                "--target", f"127.0.0.1:{appliance.ready['udp_port']}", "--seconds", "40",
            ]
        )  # fmt: skip
        try:
            appliance.wait_for("utterance_told", seconds=60)
            draw(appliance)
        finally:
            for process in (caller, seat):
                process.terminate()
                process.wait()
    return 0


def draw(appliance: RunningAppliance) -> None:
    site = f"https://127.0.0.1:{appliance.ready['console_port']}"
    key = load_certificate(load(appliance.config)).public_key
    with Browser(width=1280, height=760, public_key=key) as browser:
        page = browser.page(f"{site}/look?language=en&theme=light")
        page.wait("document.querySelector('#password') !== null")
        page.run(f"document.querySelector('#password').value = {PASSWORD!r}")
        page.press("Enter")
        page.wait("document.querySelector('.verdict b')?.innerText === '1'", 60)
        for locale in ("en", "zh"):
            page.go(f"{site}/look?language={locale}&theme=light")
            page.wait("document.querySelector('.verdict') !== null")
            page.picture(OUT / f"console-{locale}.png")
            print(OUT / f"console-{locale}.png")


if __name__ == "__main__":
    raise SystemExit(main())
