"""`python -m tools.report_pictures`: draws the first page of the privacy report, for the documents.

Starts an appliance on loopback, writes its report in both languages and draws what A4 shows of it in a
headless Chromium. Pictures with hanzi need a font that has them (Debian package `fonts-noto-cjk`).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.browser import Browser
from tools.running import REPOSITORY, RunningAppliance

OUT = REPOSITORY / "appliance/inspection/report"
#: A4 at 96 pixels an inch
A4 = (794, 1123)


def main() -> int:
    fonts = subprocess.run(["fc-list"], capture_output=True, text=True, check=False).stdout
    if "Noto Sans CJK" not in fonts:
        print("the pictures need hanzi; run: apt-get install fonts-noto-cjk")
        return 1
    with RunningAppliance(settings=SETTINGS) as box:
        reports = box.directory / "reports"
        subprocess.run(
            [sys.executable, "-m", "appliance", "privacy", "report", "--config", str(box.config),
             "--output", str(reports), "--locale", "both"],
            check=True, stdout=subprocess.DEVNULL, cwd=REPOSITORY,
        )  # fmt: skip
        with Browser(width=A4[0], height=A4[1]) as browser:
            for locale in ("zh", "en"):
                draw(browser, next(reports.glob(f"*.{locale}.html")), OUT / f"first-page-{locale}.png")
    return 0


#: A site with a queue of its own, so that the pages have what a bank's would have.
SETTINGS = """
[memory]
enabled = true
retention_days = 90
[[policy.queue]]
name = "complaints"
domains = ["complaints.bank.example"]
analysis = false
"""


def draw(browser: Browser, report: Path, picture: Path) -> None:
    """Draw what the first sheet shows."""
    page = browser.page(report.as_uri(), size=A4)
    page.picture(picture)
    page.close()


if __name__ == "__main__":
    raise SystemExit(main())
