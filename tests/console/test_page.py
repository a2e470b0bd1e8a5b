"""The console's pages in a headless Chromium that knows the box's certificate by its key."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.console.appliance import (
    address_of,
    appliance_with_console,
    calling,
    certificate_of,
)
from tests.console.running import PASSWORD
from tests.seat.test_panel_page import CONTRAST
from tools.browser import Browser, BrowserError, Page
from tools.running import RunningAppliance

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(300)]

PAGES = ("", "calls", "seats", "models", "updates", "privacy")
#: Text that must be readable: contrast of 4.5 to 1 (WCAG 2.2, 1.4.3).
READ = (
    "h1", "h2", ".how", ".zone", "dt", "dd", ".what", ".then", ".where", ".chip", ".quiet", ".menu a",
    ".look a", ".as-of", "summary", "td", "th", "pre", ".go", ".note", "label", "button", "p a",
)  # fmt: skip


@pytest.fixture(scope="module")
def appliance() -> Iterator[RunningAppliance]:
    with appliance_with_console() as running:
        yield running


@pytest.fixture(scope="module")
def browser(appliance: RunningAppliance) -> Iterator[Browser]:
    with Browser(public_key=certificate_of(appliance).public_key) as opened:
        yield opened


def logged_in(browser: Browser, appliance: RunningAppliance, language: str = "en") -> Page:
    page = browser.page(f"{address_of(appliance)}/look?language={language}&theme=system")
    page.wait("location.pathname === '/login' || location.pathname === '/'")
    if page.run("location.pathname") == "/login":
        enter(page, PASSWORD)
        page.wait("document.querySelector('.menu') !== null")
    return page


def enter(page: Page, password: str) -> None:
    # The field gets the focus when the page is whole; a key pressed before goes nowhere.
    page.wait("document.readyState === 'complete' && document.activeElement.id === 'password'")
    page.run(f"document.querySelector('#password').value = {password!r}")
    page.press("Enter")


def test_logging_in_with_a_wrong_and_the_right_password_and_out_again(browser, appliance):
    page = browser.page(address_of(appliance))
    # The field has the focus, so that an admin types and presses Enter.
    page.wait("location.pathname === '/login' && document.activeElement.id === 'password'")
    enter(page, "not the password of it")
    page.wait("document.querySelector('[role=alert]') !== null")
    assert page.text("[role=alert]") == "密码不对。"
    enter(page, PASSWORD)
    page.wait("document.querySelector('.verdict') !== null")
    assert page.run("document.cookie") == ""
    page.click(".out button")
    page.wait("location.pathname === '/login'")
    page.go(address_of(appliance))
    page.wait("location.pathname === '/login'")
    assert [text for text in page.complaints() if "403" not in text] == []
    page.close()


def test_a_call_appears_and_goes_without_a_click(browser, appliance):
    page = logged_in(browser, appliance)
    page.go(f"{address_of(appliance)}/calls")
    page.wait("document.body.innerText.includes('No call is on.')")
    call = calling(appliance)
    page.wait("document.querySelector('tbody code') !== null", 60)
    assert page.text("tbody td:nth-child(2)") == "8001"
    assert call.wait(60) == 0
    page.wait("document.body.innerText.includes('No call is on.')", 60)
    assert page.complaints() == []
    page.close()


def test_what_is_open_stays_open_when_the_page_is_taken_anew(browser, appliance):
    page = logged_in(browser, appliance)
    page.wait("document.querySelector('#numbers-feed') !== null", 60)
    page.run("document.querySelector('#numbers-feed').open = true")
    before = page.text(".as-of time")
    page.wait(f"document.querySelector('.as-of time').innerText !== {before!r}")
    assert page.run("document.querySelector('#numbers-feed').open") is True
    assert page.run("document.querySelector('#numbers-capture').open") is False
    page.close()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_everything_can_be_read_in_both_languages_and_themes(browser, appliance, language, dark):
    page = logged_in(browser, appliance, language)
    page.appear(dark=dark)
    for path in PAGES:
        page.go(f"{address_of(appliance)}/{path}")
        page.wait("document.querySelector('h1') !== null")
        for selector in READ:
            contrast = page.run(f"({CONTRAST})({selector!r})")
            assert contrast is None or contrast >= 4.5, f"/{path} {selector}: {contrast}"
        assert page.run("document.documentElement.lang") == {"zh": "zh-CN", "en": "en"}[language]
    assert page.complaints() == []
    page.close()


@pytest.mark.parametrize("width", [360, 768])
def test_a_phone_scrolls_no_page_sideways(browser, appliance, width):
    page = logged_in(browser, appliance)
    page.resize(width, 800)
    for path in PAGES:
        page.go(f"{address_of(appliance)}/{path}")
        page.wait("document.querySelector('h1') !== null")
        wide = page.run("document.documentElement.scrollWidth")
        assert wide <= width, f"/{path} is {wide} wide"
    page.close()


def test_without_scripts_everything_is_there_and_the_page_refreshes_itself(browser, appliance):
    page = logged_in(browser, appliance)
    page.ask("Emulation.setScriptExecutionDisabled", value=True)
    for path in PAGES:
        page.ask("Page.navigate", url=f"{address_of(appliance)}/{path}")
        page.wait(f"location.pathname === '/{path}' && document.querySelector('.as-of') !== null")
    page.wait("location.search === '?auto'", 30)
    page.close()


def test_a_seat_is_revoked_from_the_page_and_goes_from_the_list(browser, appliance):
    page = logged_in(browser, appliance)
    page.go(f"{address_of(appliance)}/seats")
    page.wait("document.body.innerText.includes('8002')", 60)
    page.go(page.run("[...document.querySelectorAll('.revoke')].find((a) => a.href.endsWith('=8002')).href"))
    page.click(".danger")
    page.wait("document.querySelector('.done') !== null")
    page.wait("![...document.querySelectorAll('td b')].some((one) => one.innerText === '8002')", 30)
    appliance.wait_for("seats_revoked")
    assert "8001" in page.text("table")
    page.close()


def test_the_pages_ask_for_nothing_from_elsewhere(browser, appliance):
    page = logged_in(browser, appliance)
    for path in PAGES:
        page.go(f"{address_of(appliance)}/{path}")
    asked = page.requested()
    assert len(asked) > len(PAGES)
    assert {url for url in asked if not url.startswith((address_of(appliance), "about:"))} == set()
    page.close()


def test_a_browser_that_does_not_know_the_certificate_shows_no_page(appliance):
    with Browser() as stranger:
        page = stranger.page("about:blank")
        with pytest.raises(BrowserError):
            page.go(address_of(appliance))
            page.wait("document.querySelector('.mark') !== null", 3)
