"""The privacy report: facts and page say the same in both languages, and claim nothing that was not seen."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from appliance.box.evidence import Attempt, Quantity, Results, Tried, write_results
from appliance.cli import main
from appliance.inspection.report import files
from appliance.inspection.report.content import Report
from appliance.inspection.report.mapping import ARTICLES
from appliance.inspection.words import catalogue
from appliance.models import Kind
from tools.browser import Browser, Page

HANZI = re.compile(r"[\u4e00-\u9fff]")
#: A4 at 96 pixels an inch
A4 = (794, 1123)
RESULTS = Results(
    suite="adversary", version="0.1.0", at="2026-11-26T04:15:31Z",
    attempts=(
        Attempt("engine.numbers", "engine", Tried(zh="把语音藏进数值", en="Hide speech in numbers"),
                "within_budget", Quantity(1024, "byte/s"), Quantity(310.5, "byte/s")),
        Attempt("debugger.memory", "debugger", Tried(zh="用调试器读取<内存>", en="Read <memory> by ptrace"),
                "succeeded", reason="ptrace_scope"),
        Attempt("outsider.feed", "outsider", Tried(zh="无密钥连接", en="Connect without a key"), "stopped"),
    ),
)  # fmt: skip
SITE = """
[box]
name = "ridge-branch-12"
runtime_directory = "{0}/run"
state_directory = "{0}/state"
[feed]
publish_port = 0
control_port = 0
[memory]
enabled = true
retention_days = 90
[[policy.queue]]
name = "complaints"
domains = ["complaints.bank.example"]
analysis = false
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report in both languages of a box that does not run, with the results of a suite."""
    directory = tmp_path_factory.mktemp("report")
    site = directory / "site.toml"
    site.write_text(SITE.format(directory), encoding="utf-8")
    write_results(directory / "state/evidence/adversary.json", RESULTS)
    (directory / "state/evidence/broken.json").write_text("{}", encoding="utf-8")
    assert main(["privacy", "report", "--config", str(site), "--locale", "both"]) == 0
    return directory / "state/reports"


def page_of(written: Path, locale: str) -> str:
    path = files.newest(written, f".{locale}.html")
    assert path is not None
    return path.read_text(encoding="utf-8")


def facts_of(written: Path) -> Report:
    path = files.newest(written, ".json")
    assert path is not None
    return msgspec.json.decode(path.read_bytes(), type=Report)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser(width=A4[0], height=A4[1]) as one:
        yield one


def shape(value: Any) -> Any:
    """A catalogue without its words."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items() if key not in {"text"}} | (
            {"text": True} if "text" in value else {}
        )
    return [shape(one) for one in value] if isinstance(value, list) else None


@pytest.mark.parametrize("name", ["report", "mapping", "assessment"])
def test_both_languages_are_complete(name: str) -> None:
    zh, en = catalogue(f"{name}_zh"), catalogue(f"{name}_en")
    assert shape(dict(zh)) == shape(dict(en))
    assert not HANZI.search(json.dumps(en, ensure_ascii=False))


def test_every_article_that_is_asked_for_has_its_words() -> None:
    ids = {article.id for article in ARTICLES}
    assert set(catalogue("mapping_zh")["article"]) == ids
    assert {f"pipl_{number}" for number in (6, 13, 14, 19, 24, 28, 29, 55, 56)} <= ids
    assert "eu_5_1_f" in ids
    assert {article.law for article in ARTICLES} == set(catalogue("mapping_en")["law"])


def test_the_files_are_for_their_group_and_whole(written: Path) -> None:
    names = sorted(path.name for path in written.iterdir())
    assert [name.partition(".")[2] for name in names] == ["en.html", "json", "zh.html"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in written.iterdir()} == {0o640}


def test_the_page_binds_itself_to_its_facts(written: Path) -> None:
    path = files.newest(written, ".json")
    assert path is not None
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert digest in page_of(written, "zh")
    assert digest in page_of(written, "en")


def test_facts_have_what_the_officer_needs(written: Path) -> None:
    report = facts_of(written)
    assert report.box == "ridge-branch-12"
    assert [policy.name for policy in report.policies] == ["complaints", "default"]
    assert report.policies[0].calls == {"domains": ("complaints.bank.example",)}
    assert report.policies[1].retention_days == 90
    assert report.tests == (RESULTS,)
    assert len(report.test_problems) == 1
    assert {model.name for model in report.models if model.used} >= {"lexicon-zh", "objection-zh", "needs-zh"}
    assert all(not model.problems for model in report.models)
    cited = {one.article: one.evidence for one in report.mapping}
    assert cited["pipl_6"] == {
        "policy.analysis": "ok",
        "policy.retention": "ok",
        "ledger.verified": "not_checked",
    }
    # The processes do not run, so their confinement is evidence for nothing.
    assert cited["pipl_28"]["process.network"] is None


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_a_page_tells_all_findings_and_leaves_no_value_out(written: Path, locale: str) -> None:
    page, report = page_of(written, locale), facts_of(written)
    assert page.count("<script") == page.count("http://") == page.count("https://") == page.count("src=") == 0
    text = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    assert not re.search(r"\{\w+\}", text)
    for finding in report.inspection.findings:
        assert finding.check in page
    limits = page[page.index('id="limits"') : page.index('id="findings"')]
    for finding in report.inspection.of("not_checked"):
        assert finding.check in limits
    assert page.count('class="blank"') > 15
    words = {"zh": "符合", "en": "in order"}[locale]
    assert words in page
    # No units run where tests do, and an officer must not take this for a box in service.
    assert catalogue(f"report_{locale}")["summary"]["development"] in page
    assert {"zh": "已突破", "en": "GOT THROUGH"}[locale] in page
    assert {"zh": "有 1 次尝试", "en": "1 attempts got"}[locale] in page[: page.index('id="processed"')]
    assert {"zh": "用调试器读取&lt;内存&gt;", "en": "Read &lt;memory&gt; by"}[locale] in page
    if locale == "en":
        assert not HANZI.search(page)


@pytest.mark.parametrize("locale", ["zh", "en"])
@pytest.mark.parametrize("size", [A4, (390, 844)])
def test_a_browser_shows_the_page_without_anything_from_elsewhere(
    written: Path, browser: Browser, locale: str, size: tuple[int, int]
) -> None:
    path = files.newest(written, f".{locale}.html")
    assert path is not None
    page = browser.page(path.as_uri(), size=size)
    assert page.complaints() == []
    assert page.requested() == [path.as_uri()]
    assert page.run("document.documentElement.scrollWidth") <= size[0]
    assert cut_off(page) == []
    assert page.run("document.querySelectorAll('h2').length") == 14
    assert page.run("document.querySelector('svg').getBoundingClientRect().width") > 200
    page.close()


def cut_off(page: Page) -> list[str]:
    """Texts that stick out of their place; a closing bracket of Chinese may by half of its width."""
    return list(
        page.run(
            "[...document.querySelectorAll('td, th, p, pre, h1, h2, h3, li')]"
            ".filter(one => one.scrollWidth > one.clientWidth + 7 && one.clientWidth > 0)"
            ".map(one => one.textContent.slice(0, 60))"
        )
    )


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_it_prints_on_a4(written: Path, browser: Browser, locale: str) -> None:
    path = files.newest(written, f".{locale}.html")
    assert path is not None
    page = browser.page(path.as_uri(), size=A4)
    data = base64.b64decode(page.ask("Page.printToPDF", preferCSSPageSize=True)["data"])
    boxes = set(re.findall(rb"/MediaBox ?\[([^\]]*)\]", data))
    assert len(boxes) == 1
    width, height = (float(one) for one in boxes.pop().split()[2:])
    assert (round(width), round(height)) in {(595, 842), (596, 842), (595, 841)}
    page.close()


def test_a_format_or_place_that_cannot_be_used_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["privacy", "report", "--format", "pdf"]) == 1
    assert "write html, json or html,json" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert main(["privacy", "report", "--format", "json", "--output", str(tmp_path / "file/reports")]) == 1
    assert "name a directory of yours with --output" in capsys.readouterr().err


def test_old_reports_make_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_KEPT", 2)
    for day in (1, 2, 3):
        for ending in ("json", "zh.html"):
            (tmp_path / f"ridge-privacy-2026110{day}T000000Z.{ending}").touch()
    (tmp_path / "signed-by-somebody.html").touch()
    assert files.clear_old(tmp_path) == 2
    assert files.newest(tmp_path, ".json") == tmp_path / "ridge-privacy-20261103T000000Z.json"
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize("locale", ["en", "zh"])
def test_the_report_has_a_word_for_every_kind_of_model(locale: str) -> None:
    assert set(catalogue(f"report_{locale}")["models"]["kind"]) == set(get_args(Kind))
