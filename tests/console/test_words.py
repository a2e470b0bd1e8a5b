import re
import string
from pathlib import Path

import pytest

import appliance.console
from appliance.box.status import reports
from appliance.console import health
from appliance.console.words import LOCALES, words

ROOM = Path(appliance.console.__file__).parent
ZH, EN = words("zh"), words("en")


def fields(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_words_with_the_same_facts():
    assert ZH.page.keys() == EN.page.keys()
    assert ZH.findings.keys() == EN.findings.keys()
    for key in ZH.page:
        assert fields(ZH.page[key]) == fields(EN.page[key]), key
    for code in ZH.findings:
        for place in ("what", "next"):
            assert fields(ZH.findings[code][place]) == fields(EN.findings[code][place]), code


def test_every_finding_has_words_and_every_word_a_finding():
    source = (ROOM / "health.py").read_text(encoding="utf-8")
    codes = set(re.findall(r'Finding\(\s*"([a-z_]+)"', source))
    codes |= {f"failed_{fault}" for fault in reports.Fault.__args__}
    assert codes == set(ZH.findings)


def test_every_word_that_a_page_asks_for_is_there():
    asked = set()
    for page in (ROOM / "pages").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        asked |= set(re.findall(r"w\('([a-z_]+)'[,)]", text))
    assert asked <= set(ZH.page), asked - set(ZH.page)
    counters = {
        field
        for report in (reports.CaptureReport, reports.EngineReport, reports.FeedReport)
        for field in report.__struct_fields__
    }
    told = counters - {"process", "shard", "live", "models", "seats", "ledger", "recognizer",
                       "enrolment_open", "rotation", "clock"}  # fmt: skip
    families = {
        "n": told,
        "a": set(reports.Analysis.__args__),
        "c": set(reports.Confinement.__struct_fields__),
        "sev": {*health.SEVERITIES, "ok"},
        "state": {*reports.State.__args__, "silent", "absent"},
    }
    for family, members in families.items():
        assert {f"{family}_{member}" for member in members} <= set(ZH.page)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3600, "1 h"), (90_061, "1 d 1 h")]
)
def test_a_time_is_told_in_its_two_largest_units(seconds, said):
    assert EN.span(seconds) == said


def test_an_unknown_code_is_shown_as_it_is():
    assert EN("of_a_later_version") == "of_a_later_version"
    assert LOCALES == ("zh", "en")
