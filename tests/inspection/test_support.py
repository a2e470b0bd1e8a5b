"""`ridge support`: canaries are planted wherever a site or a call leaves something, and none gets through."""

from __future__ import annotations

import json
import re
import stat
import sys
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.box.config import Config, load
from appliance.cli import main
from appliance.inspection.support.journal import JournalFilter
from appliance.inspection.support.scrubbing import Scrubber, rounded
from appliance.inspection.support.settings import redacted

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PHONE, SPLIT_PHONE, CARD = "13800138000", "138-0013-8000", "11010519491231002X"
NAME, PINYIN_NAME = "张伟民", "zhangweimin"
HEX_KEY, Z85_KEY = "5f" * 32, "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
CANARIES = (PHONE, SPLIT_PHONE, CARD, NAME, PINYIN_NAME, HEX_KEY, Z85_KEY, "203.0.113.77", "2001:db8::77")
SITE = f"""
[box]
name = "{PINYIN_NAME}-13800138"
runtime_directory = "{{0}}/{PINYIN_NAME}/run"
state_directory = "{{0}}/{PINYIN_NAME}/state"
[siprec]
bind = "203.0.113.77"
gateways = ["203.0.113.77/32", "2001:db8::77/128"]
[roles]
agent_numbers = ["{PHONE}", "86{PHONE}"]
labels = {{{{ "{PHONE}" = "agent" }}}}
seats = {{{{ "{PHONE}" = "{PINYIN_NAME}" }}}}
default_seat = "{PINYIN_NAME}"
[speech]
words = ["{NAME}"]
[feed]
bind = "203.0.113.77"
publish_port = 0
control_port = 0
[models]
directory = "{{0}}/{PINYIN_NAME}/models"
[record]
url = "http://203.0.113.77/{PINYIN_NAME}/{HEX_KEY}/{{{{number}}}}"
[policy.consent]
header = "X-{PINYIN_NAME}"
refused = ["{PHONE}"]
[[policy.queue]]
name = "{PINYIN_NAME}"
domains = ["{PINYIN_NAME}.example"]
header = {{{{ name = "X-{PINYIN_NAME}", values = ["{PHONE}"] }}}}
"""


def spoken() -> list[str]:
    """The words of the demo call."""
    script = tomllib.loads((ROOT / "tools/demo_call/script.toml").read_text(encoding="utf-8"))
    texts = re.findall(r"[\u4e00-\u9fff]{4,}", json.dumps(script, ensure_ascii=False))
    assert len(texts) > 20
    return texts


def journal() -> list[str]:
    """Good events, and canaries in every place that a line has."""
    good = {"at": 1764130531.123, "process": "feed", "event": "feed_ready", "seats": 2, "publish_port": 5570}
    lines = [
        json.dumps(good),
        "Traceback (most recent call last):",
        f"ValueError: {PHONE}",
        f"{NAME} {CARD}",
        "",
    ]
    for canary in (*CANARIES, *spoken()):
        lines += [
            json.dumps({**good, "reason": canary}),
            json.dumps({**good, canary: 1}),
            json.dumps({**good, "event": canary}),
            json.dumps({**good, "process": canary}),
            json.dumps({**good, "call": canary, "seat": canary}),
            json.dumps({**good, "hint": [canary], "error": {"reason": canary}}),
            canary,
        ]
    lines.append(json.dumps({**good, "seats": int(PHONE), "publish_port": 11010519491231002}))
    return lines


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The texts of a bundle of a box that is full of canaries."""
    directory = tmp_path_factory.mktemp("support")
    place = directory / PINYIN_NAME
    (place / "run").mkdir(parents=True)
    (place / "state/feed/ledger").mkdir(parents=True)
    for name in ("feed/grants.json", "feed/box.key_secret", "feed/ledger/ledger-00000001.jsonl", "note"):
        (place / "state" / name).write_text("\n".join((*CANARIES, *spoken())), encoding="utf-8")
    (place / "state/feed/ledger.key").write_text(HEX_KEY, encoding="ascii")
    (place / "state/feed/box.key").write_text(Z85_KEY, encoding="ascii")
    (place / "run/status.json").write_text(
        json.dumps({"box": NAME, "parts": list(CANARIES)}), encoding="utf-8"
    )
    site = directory / f"{PINYIN_NAME}.toml"
    site.write_text(SITE.format(directory), encoding="utf-8")
    lines = directory / "journal"
    lines.write_text("\n".join(journal()), encoding="utf-8")
    path = directory / "bundle.tar.gz"
    arguments = ["support", "--config", str(site), "--journal", str(lines), "--output", str(path)]
    assert main(arguments) == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with tarfile.open(path) as tar:
        assert all(entry.isfile() and entry.uname == "" and entry.mtime == 0 for entry in tar)
        return {
            Path(entry.name).name: tar.extractfile(entry).read().decode("ascii")  # type: ignore[union-attr]
            for entry in tar
        }


@pytest.mark.parametrize("canary", CANARIES)
def test_no_canary_gets_through(bundle: dict[str, str], canary: str) -> None:
    for name, text in bundle.items():
        assert canary not in text, name
        assert canary.replace("-", "") not in re.sub(r"[^0-9A-Za-z]", "", text), name


def test_no_word_of_a_call_gets_through(bundle: dict[str, str]) -> None:
    for text in bundle.values():
        # Not one Chinese character, escaped or not.
        assert text.isascii()
        assert "\\u" not in text


def test_no_long_number_gets_through(bundle: dict[str, str]) -> None:
    for name, text in bundle.items():
        # The commit of this program is nobody's number.
        known = r'"commit": "[0-9a-f]+"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ'
        for number in re.findall(r"\d{7,}", re.sub(known, "", text)):
            assert re.fullmatch(r"\d{3}0+", number), (name, number)


def test_what_helps_is_there(bundle: dict[str, str]) -> None:
    assert set(bundle) == {
        "MANIFEST.txt", "doctor.json", "configuration.json", "versions.json", "units.json", "counters.json",
        "journal.jsonl",
    }  # fmt: skip
    for name in bundle:
        assert name == "MANIFEST.txt" or re.search(
            rf"^{re.escape(name)} +\d+ bytes  \S", bundle["MANIFEST.txt"], re.M
        )
    events = [json.loads(line) for line in bundle["journal.jsonl"].splitlines()]
    assert events[0] == {
        "at": "2025-11-26T04:15:31Z", "process": "feed", "event": "feed_ready", "seats": 2,
        "publish_port": 5570,
    }  # fmt: skip
    assert (events[-1]["seats"], events[-1]["publish_port"]) == (13800000000, 11000000000000000)
    assert {event["event"] for event in events} == {"feed_ready"}
    findings = json.loads(bundle["doctor.json"])["findings"]
    assert any(finding["reason"] == "not_running" for finding in findings)
    settings = json.loads(bundle["configuration.json"])
    assert settings["siprec"]["bind"] == "IPv4, private"
    assert settings["roles"]["agent_numbers"] == "2 entries"
    assert settings["box"]["state_directory"] == "set"
    assert settings["feed"]["ledger_failure"] == "stop"
    assert settings["siprec"]["rtp_ports"] == [20000, 20999]
    assert len(settings["policy"]["queue"]) == 1
    assert "pyzmq" in json.loads(bundle["versions.json"])["packages"]


def test_list_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["support", "--list"]) == 0
    assert "doctor.json" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bundle.tar.gz"
    path.write_text("mine", encoding="ascii")
    assert main(["support", "--output", str(path)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert path.read_text(encoding="ascii") == "mine"


def test_calls_and_seats_are_numbered_so_that_lines_can_be_put_together() -> None:
    lines = [
        json.dumps({"process": "engine-0", "event": "call_failed", "call": call})
        for call in ("a7", "b8", "a7")
    ]
    calls = [json.loads(line)["call"] for line in JournalFilter().lines(lines)]
    assert calls == ["call-1", "call-2", "call-1"]


def test_what_is_counted_of_a_call_is_kept_and_what_is_not_declared_is_not() -> None:
    line = {"process": "capture", "event": "call_ended", "reason": "bye", "customer_received": 400}
    (told,) = JournalFilter().lines([json.dumps({**line, "zhangwei": 7})])
    assert json.loads(told) == {"at": None, **line}


def test_the_default_configuration_is_told_as_it_is(tmp_path: Path) -> None:
    told = redacted(Config())
    assert told["policy"]["consent"]["header"] == "X-Ridge-Consent"
    assert told["feed"]["bind"] == "127.0.0.1"
    site = tmp_path / "site.toml"
    site.write_text('[speech]\nmodel = "asr-zhangwei"\n', encoding="utf-8")
    assert redacted(load(site))["speech"]["model"] == "set"


@given(st.text(st.characters(codec="utf-8"), max_size=60), st.from_regex(r"[0-9]{7,20}", fullmatch=True))
def test_whatever_stands_around_a_number_it_does_not_get_through(around: str, number: str) -> None:
    text = Scrubber({}).text(f"{around}{number}{around}")
    assert number not in text
    assert text.isascii() or set(text) - {chr(one) for one in range(128)} <= set("→✓✗")


@given(st.integers(10**6, 10**18))
def test_a_large_number_keeps_three_digits(number: int) -> None:
    assert re.fullmatch(r"\d{1,3}0*", str(rounded(number)))
    assert abs(rounded(number) - number) <= number / 100
