"""The pages as a browser gets them: who may see them, and what every answer says."""

from __future__ import annotations

import html
import json
import os
import re
import time

import pytest
from msgspec.structs import replace

from appliance.box.config import Policy
from appliance.box.status.reports import LiveCall
from appliance.console.login import LOGIN_COOKIE, SESSION_COOKIE
from appliance.console.loginlimits import FREE_TRIES
from appliance.console.sessions import ABSOLUTE_SECONDS
from appliance.console.token import make_token
from tests.console.running import PASSWORD, SITE, board, field, log_in, site_in

PAGES = ("/", "/calls", "/seats", "/models", "/updates", "/privacy")


@pytest.fixture
def site(tmp_path):
    return site_in(tmp_path)


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("appliance.console.login.time.monotonic", lambda: now[0])
    return now


def test_every_page_sends_who_is_not_logged_in_to_the_login(site):
    for page in (*PAGES, "/privacy/report"):
        answer = site.browser().get(page)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert site.browser().post("/logout").status_code == 303


@pytest.mark.parametrize("page", PAGES)
def test_an_admin_sees_every_page(site, page):
    answer = site.admin().get(page)
    assert answer.status_code == 200
    assert "branch-12" in answer.text


def test_before_a_password_is_set_the_page_says_how_and_lets_nobody_in(tmp_path):
    browser = site_in(tmp_path, password=None).browser()
    page = browser.get("/login")
    assert "ridge console password" in page.text
    assert 'type="password"' not in page.text
    cookie = browser.cookies[LOGIN_COOKIE]
    assert cookie
    for guess in ("", "admin", "ridge"):
        answer = browser.post("/login", data={"proof": "x", "password": guess})
        assert answer.status_code == 403
        assert SESSION_COOKIE not in browser.cookies


def test_a_password_that_was_just_set_lets_in_without_a_restart(tmp_path):
    site = site_in(tmp_path, password=None)
    browser = site.browser()
    assert "ridge console password" in browser.get("/login").text
    site.console.door._passwords.set("set a moment ago")
    assert log_in(browser, "set a moment ago").status_code == 303


def test_a_password_file_that_cannot_be_used_lets_nobody_in(site):
    (site.console.directory / "password").chmod(0o644)
    browser = site.browser()
    assert browser.get("/login").status_code == 503
    admin = site.browser()
    assert admin.post("/login", data={"password": PASSWORD}).status_code in {403, 503}


def test_a_wrong_password_is_refused_and_journalled_without_itself(site, capfd):
    answer = log_in(site.browser(), "wrong password of mine")
    assert answer.status_code == 403
    assert "The password is wrong." in answer.text
    said = capfd.readouterr().err
    assert json.loads(said.splitlines()[-1])["event"] == "login_failed"
    assert "wrong password" not in said
    assert PASSWORD not in said


def test_a_login_and_a_logout_are_journalled_without_secrets(site, capfd):
    browser = site.admin()
    token = browser.cookies[SESSION_COOKIE]
    browser.post("/logout", data={"csrf": field(browser.get("/").text, "csrf")})
    said = capfd.readouterr().err
    assert [json.loads(line)["event"] for line in said.splitlines()] == ["login", "logout"]
    assert token not in said


def test_the_cookie_is_for_this_host_over_tls_and_no_script(site):
    browser = site.browser()
    cookies = log_in(browser, PASSWORD).headers.get_list("set-cookie")
    session = next(cookie for cookie in cookies if cookie.startswith(f"{SESSION_COOKIE}="))
    for part in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"):
        assert part in session
    assert "Domain" not in session
    assert len(browser.cookies[SESSION_COOKIE]) >= 40


def test_a_login_always_gets_a_new_session(site):
    browser = site.browser()
    browser.cookies.set(SESSION_COOKIE, "planted-by-somebody-else", domain="box.example")
    assert browser.get("/").status_code == 303
    assert log_in(browser, PASSWORD).status_code == 303
    first = browser.cookies[SESSION_COOKIE]
    assert first != "planted-by-somebody-else"
    # Logging in again ends the session before.
    page = site.browser()
    page.cookies.set(SESSION_COOKIE, first, domain="box.example")
    assert page.get("/").status_code == 200
    other = site.browser()
    other.cookies.set(SESSION_COOKIE, first, domain="box.example")
    proof = field(site.browser().get("/login").text, "proof")
    assert proof
    other.cookies.set(LOGIN_COOKIE, "x" * 43, domain="box.example")
    assert other.post("/login", data={"proof": proof, "password": PASSWORD}).status_code == 403


def test_a_login_form_of_another_site_is_refused(site):
    browser = site.browser()
    proof = field(browser.get("/login").text, "proof")
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        answer = browser.post("/login", data={"proof": proof, "password": PASSWORD}, headers=headers)
        assert answer.status_code == 403
    assert browser.post("/login", data={"password": PASSWORD}).status_code == 403
    good = {"origin": SITE, "sec-fetch-site": "same-origin"}
    answer = browser.post("/login", data={"proof": proof, "password": PASSWORD}, headers=good)
    assert answer.status_code == 303


def test_a_form_without_the_sessions_proof_changes_nothing(site):
    browser = site.admin()
    csrf = field(browser.get("/").text, "csrf")
    other = field(site.admin().get("/").text, "csrf")
    for data, headers in (
        ({}, {}),
        ({"csrf": "x"}, {}),
        ({"csrf": other}, {}),
        ({"csrf": csrf}, {"origin": "https://evil.example"}),
    ):
        assert browser.post("/logout", data=data, headers=headers).status_code == 403
    assert browser.get("/").status_code == 200
    assert browser.post("/logout", data={"csrf": csrf}).status_code == 303
    assert browser.get("/").status_code == 303


def test_a_logout_cannot_be_asked_for_by_a_link(site):
    browser = site.admin()
    assert browser.get("/logout").status_code == 405
    assert browser.get("/").status_code == 200


def test_guessing_gets_slower_and_one_guesser_does_not_lock_the_admin_out(site, clock):
    guesser = site.browser("10.9.0.66")
    answers = [log_in(guesser, f"guess number {number}") for number in range(FREE_TRIES + 1)]
    assert [answer.status_code for answer in answers] == [403] * FREE_TRIES + [429]
    assert int(answers[-1].headers["retry-after"]) >= 2
    # Not even the right one is tried now.
    assert log_in(guesser, PASSWORD).status_code == 429
    assert log_in(site.browser("10.9.0.7"), PASSWORD).status_code == 303
    clock[0] += 3
    assert log_in(guesser, PASSWORD).status_code == 303


def test_idle_sessions_end_and_a_page_that_refreshes_itself_is_idle(site, clock):
    browser = site.admin()
    clock[0] += 14 * 60
    assert browser.get("/").status_code == 200
    for _ in range(15):
        clock[0] += 60
        browser.get("/", headers={"x-refresh": "1"})
        browser.get("/calls?auto")
    clock[0] += 1
    answer = browser.get("/")
    assert answer.headers["location"] == "/login?ended"
    assert "Your session has ended" in browser.get("/login?ended").text


def test_a_session_ends_after_a_working_day(site, clock):
    browser = site.admin()
    for _ in range(int(ABSOLUTE_SECONDS // 600)):
        clock[0] += 600
        assert browser.get("/").status_code == 200
    clock[0] += 600
    assert browser.get("/").status_code == 303


def test_a_new_password_ends_every_session(site):
    browser = site.admin()
    site.console.door._passwords.set("another password 2")
    assert browser.get("/").status_code == 303


HEADERS = {
    "strict-transport-security": "max-age=31536000",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
}


@pytest.mark.parametrize("path", ["/login", "/", "/console.css", "/refresh.js", "/metrics", "/nowhere"])
def test_every_answer_has_the_headers_that_keep_it_safe(site, path):
    answer = site.admin().get(path)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "server" not in answer.headers


def test_no_page_has_a_script_or_style_of_its_own(site):
    browser = site.admin()
    for path in PAGES:
        text = browser.get(path).text
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", text), path
    assert browser.get("/refresh.js").headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize("address", ["10.9.1.7", "8.8.8.8", "2001:db8::1", "nonsense"])
def test_whoever_is_not_in_the_admins_networks_sees_nothing(site, address):
    browser = site.browser(address)
    for path in ("/", "/login", "/metrics", "/console.css"):
        answer = browser.get(path)
        assert answer.status_code == 403
        assert "firewall.admins" in answer.text
        assert "branch-12" not in answer.text


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:10.9.0.3"])
def test_this_machine_and_mapped_addresses_of_admins_may_ask(site, address):
    assert site.browser(address).get("/login").status_code == 200


def test_a_body_that_is_too_large_is_not_read_to_its_end(site):
    browser = site.browser()
    assert browser.post("/login", content=b"password=" + b"x" * 9000).status_code == 413
    assert browser.post("/login", content=(b"x" * 1000 for _ in range(100))).status_code == 413


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(500))),
        ("application/x-www-form-urlencoded", b"\xff\xfe=%ff%zz"),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense"),
        ("multipart/form-data", b"no boundary"),
        ("application/json", b"{}"),
    ],
)
def test_a_form_of_nonsense_is_refused_and_the_console_goes_on(site, kind, body):
    answer = site.browser().post("/login", content=body, headers={"content-type": kind})
    assert 400 <= answer.status_code < 500
    assert site.browser().get("/login").status_code == 200


def test_an_unknown_page_is_told_as_such(site):
    answer = site.admin().get("/seats/../../etc/passwd")
    assert answer.status_code == 404
    assert "There is no such page." in answer.text


def test_the_language_and_the_colours_are_the_readers_choice(site):
    browser = site.admin()
    assert '<html lang="en">' in browser.get("/").text
    answer = browser.get("/look?language=zh&back=/calls")
    assert answer.headers["location"] == "/calls"
    assert "正在进行的通话" in browser.get("/calls").text
    browser.get("/look?theme=dark&back=/calls")
    page = browser.get("/calls").text
    assert '<html lang="zh-CN" data-theme="dark">' in page
    browser.get("/look?language=klingon&theme=pink")
    assert '<html lang="zh-CN" data-theme="dark">' in browser.get("/").text


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example", "/logout"])
def test_the_choice_leads_to_no_other_site(site, back):
    answer = site.browser().get("/look", params={"language": "en", "back": back})
    assert answer.headers["location"] == "/"


def test_the_overview_says_what_is_wrong_and_what_to_do(site):
    site.console.counters_file.write_text(json.dumps({"at": int(time.time()), "counters": {}}))
    page = site.admin().get("/").text
    assert "1 things are wrong" in page
    assert "The firewall&#39;s rules are not loaded." in page
    assert "systemctl status ridge-firewall" in page


QUEUES = {
    "queue": [
        {"name": "complaints", "domains": ["c.example"], "analysis": False},
        {"name": "legal", "domains": ["l.example"], "require_announcement": True},
        {"name": "quiet", "domains": ["q.example"], "emotion": False},
    ]
}


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        (LiveCall("aaaaaaaa", "8001", 9, (), heard=False, reason="site"), "policy has it: complaints"),
        (LiveCall("aaaaaaaa", "8001", 9, (), heard=False, reason="customer"), "the customer objected"),
        (LiveCall("aaaaaaaa", "8001", 9, (), heard=False, reason="announcement"), "required: legal"),
        (LiveCall("aaaaaaaa", "8001", 9, (), heard=False, reason="unknown"), "is not known to the config"),
        (LiveCall("aaaaaaaa", "8001", 9, ("prosody",), reason="site"), "policy has it: quiet"),
    ],
)
def test_a_call_that_is_not_analysed_says_by_which_policy_and_why(site, call, shown):
    feed = replace(board().part("feed").report, live=(call,))
    parts = tuple(replace(part, report=feed) if part.name == "feed" else part for part in board().parts)
    site.console.board = lambda: replace(board(), parts=parts)
    site.console.config = site.console.config.model_copy(update={"policy": Policy.model_validate(QUEUES)})
    page = site.admin().get("/calls").text
    assert shown in html.unescape(page)
    assert ("not analysed" in page) is not call.heard


def test_the_calls_show_no_more_than_the_status_tells(site):
    page = site.admin().get("/calls").text
    assert "aB3-_x9Z…" in page
    for shown in ("8001", "1 min 15 s", "emotion · prosody"):
        assert shown in page


def test_the_seats_are_those_that_the_feed_told(site):
    page = site.admin().get("/seats").text
    for shown in ("lead-1", "supervisor", "loans", "8001"):
        assert shown in page


def test_a_seat_is_revoked_after_one_was_asked_once_more(site, tmp_path):
    (tmp_path / "run").mkdir()
    browser = site.admin()
    assert 'href="/seats/revoke?seat=8001"' in browser.get("/seats").text
    page = browser.get("/seats/revoke?seat=8001").text
    assert "Revoke seat 8001?" in page
    data = {"csrf": field(page, "csrf"), "seat": field(page, "seat")}
    assert browser.post("/seats/revoke", data={"seat": "8001"}).status_code == 403
    asked = tmp_path / "run" / "revoke.json"
    assert not asked.exists()
    answer = browser.post("/seats/revoke", data=data)
    assert answer.headers["location"] == "/seats?revoked=8001"
    assert [request["seat"] for request in json.loads(asked.read_text())["requests"]] == ["8001"]
    assert "Seat 8001 is to be revoked" in browser.get("/seats?revoked=8001").text


@pytest.mark.parametrize("seat", ["9999", "", "../x", "<script>"])
def test_only_a_seat_of_the_list_can_be_revoked(site, tmp_path, seat):
    (tmp_path / "run").mkdir()
    browser = site.admin()
    csrf = field(browser.get("/").text, "csrf")
    assert browser.get("/seats/revoke", params={"seat": seat}).status_code == 404
    assert browser.post("/seats/revoke", data={"csrf": csrf, "seat": seat}).status_code == 404
    assert "<script>" not in browser.get("/seats", params={"revoked": seat}).text
    assert not (tmp_path / "run" / "revoke.json").exists()


def test_the_models_are_those_of_the_manifest_with_licence_and_state(site):
    site.console.models._verify()
    page = site.admin().get("/models").text
    for entry in site.console.models._store.entries:
        assert entry.name in page
    assert "research only" in page
    assert "in use" in page
    assert "verified" in page


def test_the_newest_report_is_shown_in_a_cage(site, tmp_path):
    browser = site.admin()
    assert "ridge privacy report" in browser.get("/privacy").text
    assert browser.get("/privacy/report").status_code == 404
    reports = tmp_path / "state" / "reports"
    reports.mkdir()
    for age, name in ((100, "old.en.html"), (50, "new.en.html"), (0, "new.zh.html")):
        (reports / name).write_text(f"<style>p{{}}</style><p>{name}<script>alert(1)</script>")
        os.utime(reports / name, (1_700_000_000 - age,) * 2)
    assert "new.en.html" in browser.get("/privacy").text
    answer = browser.get("/privacy/report")
    assert "new.en.html" in answer.text
    assert "new.zh.html" in browser.get("/privacy/report", headers={"cookie": zh(browser)}).text
    policy = answer.headers["content-security-policy"]
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert "default-src 'none'" in policy


def zh(browser):
    """The cookies of a reader who chose Chinese."""
    return f"{SESSION_COOKIE}={browser.cookies[SESSION_COOKIE]}; ridge-look=zh."


def test_the_firewalls_counters_are_shown_as_exported(site):
    counters = {"in_dropped": {"packets": 1234567, "bytes": 99}}
    site.console.counters_file.write_text(json.dumps({"at": 1_700_000_000, "counters": counters}))
    page = site.admin().get("/privacy").text
    assert "in_dropped" in page
    assert "1,234,567" in page


def test_the_metrics_are_for_who_has_the_token(site):
    browser = site.browser()
    token = make_token(site.console.directory)
    for headers in ({}, {"authorization": "Bearer x"}, {"authorization": f"Basic {token}"}):
        answer = browser.get("/metrics", headers=headers)
        assert answer.status_code == 401
        assert "ridge console token" in answer.text
    # A session does not stand for the token.
    assert site.admin().get("/metrics").status_code == 401
    answer = browser.get("/metrics", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert "ridge_part_up" in answer.text
    make_token(site.console.directory)
    assert browser.get("/metrics", headers={"authorization": f"Bearer {token}"}).status_code == 401


def test_without_a_token_nobody_reads_the_metrics(site):
    assert site.browser().get("/metrics", headers={"authorization": "Bearer "}).status_code == 401


def test_a_fault_in_a_page_is_told_without_its_text(site, monkeypatch, capfd):
    def broken(*_):
        raise RuntimeError("secret of the fault")

    monkeypatch.setattr("appliance.console.app.pages.calls", broken)
    browser = site.admin()
    browser._transport.raise_server_exceptions = False
    answer = browser.get("/calls")
    assert answer.status_code == 500
    assert "The console failed" in answer.text
    assert "secret of the fault" not in answer.text + capfd.readouterr().err
    assert answer.headers["x-frame-options"] == "DENY"
    assert browser.get("/").status_code == 200
