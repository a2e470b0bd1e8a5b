"""`ridge doctor`: complete words in both languages, a next step for each failure, an exit status."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from appliance.cli import main
from appliance.inspection.finding import CHECK_IDS, OUTCOMES, REASONS, Finding, failed
from appliance.inspection.ground import Ground
from appliance.inspection.inspect import Inspection, inspect
from appliance.inspection.words import Words, catalogue
from tests.inspection.machine import Machine

HANZI = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(
        f'[box]\nruntime_directory = "{tmp_path}/run"\nstate_directory = "{tmp_path}/state"\nlocale = "en"\n'
        "[feed]\npublish_port = 0\ncontrol_port = 0\n",
        encoding="utf-8",
    )
    return path


def test_both_catalogues_have_every_code_and_nothing_else() -> None:
    for locale in ("zh", "en"):
        words = catalogue(locale)
        assert set(words["check"]) == set(CHECK_IDS)
        assert set(words["reason"]) == set(REASONS)
        assert set(words["outcome"]) == set(OUTCOMES)
        assert set(words["group"]) == {check.partition(".")[0] for check in CHECK_IDS}
    assert set(catalogue("zh")["fact"]) == set(catalogue("en")["fact"])


def test_both_languages_use_the_same_values_and_their_own_script() -> None:
    for reason in REASONS:
        en, zh = (catalogue(locale)["reason"][reason] for locale in ("en", "zh"))
        for part in ("what", "next"):
            assert set(re.findall(r"\{\w+\}", en[part])) == set(re.findall(r"\{\w+\}", zh[part])), reason
            assert not HANZI.search(en[part])
            assert HANZI.search(re.sub(r"\{\w+\}", "字", zh[part]))


def test_the_values_of_a_finding_stand_in_its_sentences() -> None:
    finding = failed("process.memory", "engine-0", "core_limit", detail="unlimited", unit="ridge-engine@0")
    assert Words("en").reason(finding).endswith("(limit unlimited).")
    assert "systemctl cat ridge-engine@0" in Words("zh").next_step(finding)


def test_a_check_that_breaks_hides_no_other(tmp_path: Path) -> None:
    def broken(_ground: Ground) -> Iterator[Finding]:
        raise RuntimeError

    def failing(_ground: Ground) -> Iterator[Finding]:
        yield failed("feed.stranger", "feed", "feed_open")

    checks = (("clock.steady", broken), ("feed.stranger", failing))
    inspection = inspect(Machine(tmp_path).ground(), checks)  # type: ignore[arg-type]
    assert [finding.reason for finding in inspection.findings] == ["check_broken", "feed_open"]
    assert not inspection.sound


def test_a_box_that_does_not_run_fails_with_a_next_step(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--config", str(site)]) == 1
    page = capsys.readouterr().out
    assert "✗ capture  the process runs  [failed]" in page
    assert page.count("→") == page.count("[failed]") + page.count("[note]") + page.count("[not checked]")
    assert not HANZI.search(page)
    assert not re.search(r"\{\w+\}", page)


def test_looking_changes_nothing(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(site.parent.rglob("*"))
    main(["doctor", "--config", str(site)])
    assert capsys.readouterr().out
    assert sorted(site.parent.rglob("*")) == before == [site]


def test_programs_get_the_same_as_json(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "--config", str(site)]) == 1
    inspection = msgspec.json.decode(capsys.readouterr().out, type=Inspection)
    assert {finding.subject for finding in inspection.of("failed")} == {"feed", "engine-0", "capture"}
    assert {name for finding in inspection.findings for name in finding.facts} <= set(catalogue("en")["fact"])
    models = [finding for finding in inspection.findings if finding.check == "models.recognizer"]
    assert [finding.outcome for finding in models] == ["ok"]


def test_a_configuration_that_cannot_be_used_is_told_and_the_machine_looked_at_still(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.write_text("[feed]\nbaet_seconds = 2\nbind = 7\n", encoding="utf-8")
    assert main(["doctor", "--json", "--config", str(site)]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    problems = [one["values"]["problem"] for one in findings if one["reason"] == "configuration_invalid"]
    assert any("did you mean beat_seconds?" in problem for problem in problems)
    assert any("feed.bind" in problem for problem in problems)
    assert any(one["check"] == "host.swap" for one in findings)
    assert main(["doctor", "--locale", "zh", "--config", str(site)]) == 1
    assert "不符合" in capsys.readouterr().out
