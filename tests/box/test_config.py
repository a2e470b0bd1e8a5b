from __future__ import annotations

from pathlib import Path

import pytest

from appliance.box.config import Config, ConfigError, load


def problems_of(directory: Path, text: str | bytes) -> list[str]:
    """The problems of a file with this text, each without the file's name."""
    file = directory / "site.toml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigError) as refused:
        load(file)
    prefix = f"{file}: "
    assert all(problem.startswith(prefix) for problem in refused.value.problems)
    return [problem.removeprefix(prefix) for problem in refused.value.problems]


def test_without_a_file_everything_listens_on_loopback_only() -> None:
    config = load(None)
    assert config.siprec.bind == config.feed.bind == "127.0.0.1"
    assert config.siprec.gateways == ("127.0.0.0/8", "::1/128")
    assert not config.policy.quotes


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text("")
    assert load(file) == Config()


def test_what_the_file_says_is_taken_and_the_rest_stays(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text(
        '[siprec]\nrtp_ports = [30000, 30999]\nmedia_timeout_seconds = 20\ngateways = ["10.20.0.0/24"]\n'
        '[models]\ndirectory = "/srv/models"\n[roles.seats]\n8001 = "desk-1"\n'
    )
    config = load(file)
    assert config.siprec.rtp_ports == (30000, 30999)
    assert config.siprec.media_timeout_seconds == 20.0
    assert config.siprec.gateways == ("10.20.0.0/24",)
    assert config.models.directory == Path("/srv/models")
    assert config.roles.seats == {"8001": "desk-1"}
    assert config.feed == Config().feed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[siprec]\nbnd = '127.0.0.1'", "siprec.bnd: no such key; did you mean bind?"),
        ("[siprecs]", "siprecs: no such key; did you mean siprec?"),
        (
            "[models]\nrecording = true",
            "models.recording: no such key; known here: allow_research_only, directory",
        ),
    ],
)
def test_an_unknown_key_is_refused_with_the_one_that_was_meant(
    tmp_path: Path, text: str, problem: str
) -> None:
    assert problems_of(tmp_path, text) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            '[siprec]\nudp_port = "5060"',
            'siprec.udp_port: "5060" is not a whole number; write one, without quotes',
        ),
        (
            "[siprec]\nudp_port = true",
            "siprec.udp_port: true is not a whole number; write one, without quotes",
        ),
        (
            "[siprec]\nmax_calls = 1.5",
            "siprec.max_calls: 1.5 is not a whole number; write one, without quotes",
        ),
        (
            '[feed]\nbeat_seconds = "2"',
            'feed.beat_seconds: "2" is not a number; write one, without quotes',
        ),
        (
            "[policy]\nemotion = 1",
            "policy.emotion: 1 is not a truth value; write true or false, without quotes",
        ),
        ("[models]\ndirectory = 3", "models.directory: 3 is not a text; write one in quotes"),
        (
            "siprec = 3",
            "siprec: 3 stands where a table belongs; write [siprec] on a line of its own, then its keys",
        ),
        (
            '[roles]\nagent_numbers = "8001"',
            'roles.agent_numbers: "8001" is not a list; write one, such as [...], '
            "with its items between the brackets",
        ),
        ('[box]\nlocale = "fr"', "box.locale: \"fr\" is not one of the choices; write 'zh' or 'en'"),
    ],
)  # fmt: skip
def test_a_value_of_a_wrong_type_is_refused_and_never_converted(
    tmp_path: Path, text: str, problem: str
) -> None:
    assert problems_of(tmp_path, text) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[siprec]\nudp_port = 65536", "siprec.udp_port: 65536 is too large; write 65535 or less"),
        ("[siprec]\nudp_port = -1", "siprec.udp_port: -1 is too small; write 0 or more"),
        ("[feed]\nbeat_seconds = 0", "feed.beat_seconds: 0 is too small; write 0.2 or more"),
        ("[feed]\nbeat_seconds = inf", "feed.beat_seconds: inf is too large; write 60 or less"),
    ],
)
def test_a_number_outside_its_range_is_refused_with_the_limit(
    tmp_path: Path, text: str, problem: str
) -> None:
    assert problems_of(tmp_path, text) == [problem]


def test_not_a_number_is_no_number_of_seconds(tmp_path: Path) -> None:
    assert len(problems_of(tmp_path, "[feed]\nbeat_seconds = nan")) == 1


def test_a_network_with_host_bits_is_refused_with_the_network_that_it_lies_in(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, '[siprec]\ngateways = ["10.0.0.0/8", "10.20.0.7/24"]')
    assert problem.startswith("siprec.gateways[1]: 10.20.0.7/24 has host bits set")
    assert problem.endswith("write a network such as 10.20.0.0/24")


@pytest.mark.parametrize("value", ["gateway.example", "", "10.0.0.0/33", "10.0.0"])
def test_what_is_no_network_is_refused(tmp_path: Path, value: str) -> None:
    (problem,) = problems_of(tmp_path, f'[siprec]\ngateways = ["{value}"]')
    assert problem.startswith("siprec.gateways[0]: ")


def test_a_host_name_is_no_address_to_bind(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, '[feed]\nbind = "localhost"')
    assert problem.startswith("feed.bind: 'localhost' is not an IP address; write one such as")


def test_a_broken_pattern_of_agent_numbers_is_refused(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, '[roles]\nagent_numbers = ["80(1"]')
    assert problem.startswith("roles.agent_numbers[0]: '80(1' is not a regular expression")


@pytest.mark.parametrize("ports", ["[20999, 20000]", "[20000, 20000]", "[80, 5000]", "[60000, 65536]"])
def test_rtp_ports_run_upwards_and_stay_unprivileged(tmp_path: Path, ports: str) -> None:
    (problem,) = problems_of(tmp_path, f"[siprec]\nmax_calls = 1\nrtp_ports = {ports}")
    assert problem.endswith("write two ports from 1024 to 65535, the smaller first")


def test_too_few_rtp_ports_are_refused_with_the_number_that_the_calls_need(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, "[siprec]\nmax_calls = 60\nrtp_ports = [20000, 20099]")
    assert "widen rtp_ports to 240 ports, or lower max_calls" in problem


def test_just_enough_rtp_ports_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text("[siprec]\nmax_calls = 25\nrtp_ports = [20000, 20099]")
    assert load(file).siprec.max_calls == 25


@pytest.mark.parametrize("ports", ["[20000]", "[20000, 20001, 20002]"])
def test_rtp_ports_are_two(tmp_path: Path, ports: str) -> None:
    (problem,) = problems_of(tmp_path, f"[siprec]\nrtp_ports = {ports}")
    assert problem.startswith("siprec.rtp_ports")
    assert "write" in problem


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    problems = problems_of(
        tmp_path, '[siprec]\nbind = "here"\nudp_port = -1\n[speech]\nserch = "beam"\n[policy]\nquotes = "no"'
    )
    assert [problem.partition(":")[0] for problem in problems] == [
        "siprec.bind", "siprec.udp_port", "speech.serch", "policy.quotes",
    ]  # fmt: skip


def test_a_long_value_is_shortened_in_the_message(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, f'[box]\nname = "{"x" * 5000}"')
    assert len(problem) < 300


def test_a_file_that_is_not_toml_names_the_line(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, "[siprec]\nbind = 127.0.0.1\n")
    assert problem.startswith("is not TOML: ")
    assert "line 2" in problem


def test_a_file_that_is_not_utf8_names_the_byte(tmp_path: Path) -> None:
    assert problems_of(tmp_path, b'name = "\xff"') == ["is not UTF-8 at byte 8; save it as UTF-8"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "none.toml"
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read: .*; name an existing file"):
        load(missing)


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)


def test_the_sites_names_are_texts_or_tables(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text(
        '[speech]\nwords = ["恒悦盈", { word = "乐活宝", pinyin = "le huo bao" }]\n', encoding="utf-8"
    )
    first, second = load(file).speech.words
    assert (first.word, first.pinyin) == ("恒悦盈", None)
    assert (second.word, second.pinyin) == ("乐活宝", "le huo bao")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ('["恒"]', "speech.words[0].word: '恒' has 1 character; write a name of 2 to 16"),
        (
            f'["{"恒" * 17}"]',
            f"speech.words[0].word: '{'恒' * 17}' has 17 characters; write a name of 2 to 16",
        ),
        ('["恒悦", 3]', "speech.words[1]: 3 is neither a text nor a table; write a text in quotes"),
        ('[{ pinyin = "le" }]', "speech.words[0].word: is missing; write it: word = ..."),
        ('[{ word = "恒悦", pinyn = "le" }]', "speech.words[0].pinyn: no such key; did you mean pinyin?"),
        ('[{ word = "恒悦", pinyin = 3 }]', "speech.words[0].pinyin: 3 is not a text; write one in quotes"),
        (
            '[{ word = "恒悦", pinyin = " " }]',
            "speech.words[0].pinyin: ' ' is no pinyin of a name; "
            "write its syllables parted by spaces, such as wen3 jian4",
        ),
        (
            '[" 恒悦"]',
            "speech.words[0].word: ' 恒悦' has spaces around it or signs that cannot be seen; "
            "write the name alone",
        ),
        (
            "[" + '"恒悦",' * 2001 + "]",
            "speech.words: 2001 names are listed; keep the 2000 that are said most",
        ),
        (
            '"恒悦"',
            'speech.words: "恒悦" is not a list; write one, such as [...], '
            "with its items between the brackets",
        ),
    ],
)
def test_a_wrong_list_of_names_is_refused_with_the_remedy(tmp_path: Path, words: str, problem: str) -> None:
    assert problems_of(tmp_path, f"[speech]\nwords = {words}") == [problem]
