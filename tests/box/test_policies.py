from __future__ import annotations

from pathlib import Path

import pytest

from appliance.box.command import SAMPLE
from appliance.box.config import Config, ConfigError, load
from appliance.box.policies import CallFacts, ResolvedPolicy, never_matching
from appliance.cli import main


def configured(directory: Path, text: str) -> Config:
    file = directory / "site.toml"
    file.write_text(text, encoding="utf-8")
    return load(file)


def chosen(config: Config, call: CallFacts) -> ResolvedPolicy:
    return next(policy for policy in config.policies() if policy.matches(call))


def warnings(config: Config) -> list[str]:
    return never_matching(config.policy, config.roles, config.siprec.gateways)


def test_without_queues_there_is_the_default_alone_which_matches_every_call() -> None:
    (policy,) = Config().policies()
    assert (policy.name, policy.matches(CallFacts())) == ("default", True)
    assert (policy.analysis, policy.voice, policy.emotion) == (True, True, True)
    assert (policy.quotes, policy.memory, policy.retention_days) == (False, False, None)


@pytest.mark.parametrize(
    ("match", "call"),
    [
        ('agent_numbers = ["85[0-9]{2}"]', CallFacts(agent_number="8512")),
        ('agent_numbers = ["85[0-9]{2}"]', CallFacts(agent_number="+8512")),
        ('gateways = ["10.20.0.0/25"]', CallFacts(gateway="10.20.0.7")),
        ('gateways = ["fd00::/64"]', CallFacts(gateway="fd00::7%eth0")),
        ('domains = ["sbc.bank.example"]', CallFacts(domains=frozenset(["x", "sbc.bank.example"]))),
        ('domains = ["*.Bank.example"]', CallFacts(domains=frozenset(["a.b.bank.example"]))),
        ('header = { name = "X-Queue" }', CallFacts(headers={"x-queue": ["whatever"]})),
        ('header = { name = "X-Queue", values = ["VIP"] }', CallFacts(headers={"x-queue": ["a", "vip"]})),
        ('metadata = { name = "queue", values = ["vip"] }', CallFacts(elements={"queue": ["vip"]})),
    ],
)  # fmt: skip
def test_each_kind_of_match_finds_its_calls_and_leaves_others(
    tmp_path: Path, match: str, call: CallFacts
) -> None:
    config = configured(tmp_path, f'[[policy.queue]]\nname = "one"\nanalysis = false\n{match}\n')
    assert chosen(config, call).name == "one"
    other = CallFacts(
        "8001", "192.0.2.1", frozenset(["bank.example"]), {"x-other": ["vip"]}, {"other": ["vip"]}
    )
    assert chosen(config, other).name == "default"
    assert chosen(config, CallFacts()).name == "default"


def test_every_kind_of_match_must_fit(tmp_path: Path) -> None:
    config = configured(
        tmp_path,
        '[[policy.queue]]\nname = "one"\nagent_numbers = ["8001"]\n'
        'header = { name = "X-Queue", values = ["vip"] }\n',
    )
    assert chosen(config, CallFacts("8001", headers={"x-queue": ["vip"]})).name == "one"
    assert chosen(config, CallFacts("8001", headers={"x-queue": ["plain"]})).name == "default"
    assert chosen(config, CallFacts("8002", headers={"x-queue": ["vip"]})).name == "default"


def test_the_first_entry_that_matches_counts_and_what_it_does_not_set_stands_as_in_the_default(
    tmp_path: Path,
) -> None:
    config = configured(
        tmp_path,
        "[policy]\nquotes = true\n[memory]\nenabled = true\n"
        '[[policy.queue]]\nname = "a"\nagent_numbers = ["8001"]\nemotion = false\nretention_days = 30\n'
        '[[policy.queue]]\nname = "b"\nagent_numbers = ["80.*"]\nanalysis = false\n',
    )
    first = chosen(config, CallFacts("8001"))
    assert (first.name, first.emotion, first.voice, first.quotes, first.retention_days) == (
        "a", False, True, True, 30
    )  # fmt: skip
    second = chosen(config, CallFacts("8002"))
    assert second.name == "b"
    assert not (second.analysis or second.voice or second.emotion or second.quotes or second.memory)
    assert chosen(config, CallFacts("8101")).retention_days == 180


def test_without_the_voice_there_is_no_emotion_and_memory_needs_its_master_switch(tmp_path: Path) -> None:
    config = configured(tmp_path, "[policy]\nvoice = false\nmemory = true\n")
    (policy,) = config.policies()
    assert (policy.analysis, policy.voice, policy.emotion, policy.memory) == (True, False, False, False)


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            '[[policy.queue]]\nname = "a"\nagent_numbers = ["8.*"]\n'
            '[[policy.queue]]\nname = "b"\nagent_numbers = ["8001", "8002"]\n',
            "policy.queue[1] (b): every call of it is taken by a above; put it above that one",
        ),
        (
            '[[policy.queue]]\nname = "a"\ngateways = ["127.0.0.0/16"]\n'
            '[[policy.queue]]\nname = "b"\ngateways = ["127.0.0.1"]\nagent_numbers = ["8001"]\n',
            "policy.queue[1] (b): every call of it is taken by a above; put it above that one",
        ),
        (
            '[[policy.queue]]\nname = "a"\ndomains = ["*.bank.example"]\n'
            '[[policy.queue]]\nname = "b"\ndomains = ["*.north.bank.example"]\n',
            "policy.queue[1] (b): every call of it is taken by a above; put it above that one",
        ),
        (
            '[[policy.queue]]\nname = "a"\nheader = { name = "X-Queue" }\n'
            '[[policy.queue]]\nname = "b"\nheader = { name = "x-queue", values = ["vip"] }\n',
            "policy.queue[1] (b): every call of it is taken by a above; put it above that one",
        ),
        (
            '[[policy.queue]]\nname = "a"\ngateways = ["192.0.2.0/24"]\n',
            "policy.queue[0] (a): 192.0.2.0/24 is outside siprec.gateways, so no call comes from it; "
            "add it there",
        ),
        (
            '[[policy.queue]]\nname = "a"\nagent_numbers = ["9001"]\n',
            "policy.queue[0] (a): 9001 is no agent's number by roles.agent_numbers; correct one of the two",
        ),
    ],
)
def test_entries_that_no_call_can_reach_are_told(tmp_path: Path, text: str, warning: str) -> None:
    assert warnings(configured(tmp_path, text)) == [warning]


@pytest.mark.parametrize(
    "text",
    [
        '[[policy.queue]]\nname = "a"\nagent_numbers = ["8001"]\n'
        '[[policy.queue]]\nname = "b"\nagent_numbers = ["8.*"]\n',
        '[[policy.queue]]\nname = "a"\nagent_numbers = ["8001"]\nheader = { name = "X-Queue" }\n'
        '[[policy.queue]]\nname = "b"\nagent_numbers = ["8001"]\n',
        '[[policy.queue]]\nname = "a"\nheader = { name = "X-Queue", values = ["vip"] }\n'
        '[[policy.queue]]\nname = "b"\nheader = { name = "X-Queue" }\n',
        '[roles]\ndirection = "inbound"\n[[policy.queue]]\nname = "a"\nagent_numbers = ["9001"]\n',
    ],
)
def test_entries_that_calls_can_reach_are_not_complained_about(tmp_path: Path, text: str) -> None:
    assert warnings(configured(tmp_path, text)) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[[policy.queue]]\nname = "a"\n', "queue 'a' names no calls"),
        ('[[policy.queue]]\nagent_numbers = ["8001"]\n', "policy.queue[0].name: is missing"),
        ('[[policy.queue]]\nname = "a"\nagent_number = ["8001"]\n', "did you mean agent_numbers?"),
        (
            2 * '[[policy.queue]]\nname = "a"\nagent_numbers = ["8001"]\n',
            "the queue 'a' is named twice",
        ),
        ('[[policy.queue]]\nname = "default"\nagent_numbers = ["8001"]\n', "rename one"),
        (
            '[[policy.queue]]\nname = "a"\nagent_numbers = ["8001"]\nretention_days = 200\n',
            "policy.queue[0].retention_days: 200 is more than memory.retention_days = 180",
        ),
        ('[[policy.queue]]\nname = "a"\ndomains = ["two words"]\n', "is no domain"),
        ('[[policy.queue]]\nname = "a"\nheader = { name = "Via" }\n', "has another meaning in SIP"),
        ('[policy.consent]\nrefused = ["no"]\ngranted = ["no"]\n', "'no' stands in refused and in granted"),
        (
            '[policy]\nrequire_announcement = true\n[policy.announcement]\nheader = ""\n',
            "name where the gateway says that it was played",
        ),
    ],
)
def test_a_policy_that_says_nothing_or_contradicts_itself_is_refused(
    tmp_path: Path, text: str, problem: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        configured(tmp_path, text)
    assert problem in str(refused.value)


def test_check_prints_what_holds_for_which_calls_and_warns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "site.toml"
    file.write_text(
        "[memory]\nenabled = true\n"
        '[[policy.queue]]\nname = "private"\nagent_numbers = ["85[0-9]{2}"]\nanalysis = false\n'
        '[[policy.queue]]\nname = "vip"\nheader = { name = "X-Queue", values = ["vip"] }\n'
        "require_announcement = true\nretention_days = 30\n"
        '[[policy.queue]]\nname = "lost"\nagent_numbers = ["9001"]\n',
        encoding="utf-8",
    )
    assert main(["check", str(file)]) == 0
    lines = [
        line for line in capsys.readouterr().out.splitlines() if line.startswith(("  policy", "  warning"))
    ]
    assert lines == [
        "  policy  private  agent 85[0-9]{2}: analysis off",
        "  policy  vip      header X-Queue = vip: analysis on (voice on, emotion on, quotes off, "
        "memory 30 days, after the announcement)",
        "  policy  lost     agent 9001: analysis on (voice on, emotion on, quotes off, memory 180 days)",
        "  policy  default  every call that no queue matches: analysis on (voice on, emotion on, quotes off, "
        "memory 180 days)",
        "  warning policy.queue[2] (lost): 9001 is no agent's number by roles.agent_numbers; "
        "correct one of the two",
    ]


def test_the_sample_has_the_default_alone() -> None:
    assert [policy.name for policy in load(SAMPLE).policies()] == ["default"]
