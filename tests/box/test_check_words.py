"""`ridge check` names the site's words that cannot be said or written, and shows how the others are heard."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.box.config import SiteWord
from appliance.box.words_check import NamesError, checked_names
from appliance.cli import main
from appliance.models import ModelError, ModelStore
from tests.speech.toy_networks import installed, tokens_text

RECOGNIZER = "toy-characters"
TOKENS = ("<blk>", *"恒悦盈三号百零享", "A", "▁fund", "<unk>")


def store(place: Path, tokens: str) -> ModelStore:
    files = {"tokens.txt": tokens.encode()}
    return installed(place, RECOGNIZER, files, network="transducer", units="characters")


def words(*names: str) -> tuple[SiteWord, ...]:
    return tuple(SiteWord(word=name) for name in names)


def test_each_name_that_cannot_be_pronounced_is_named_with_file_key_and_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "site.toml"
    file.write_text(
        '[speech]\nwords = ["恒悦盈", "稳利🙂", { word = "泰康", pinyin = "tai4 kang9" }]\n', encoding="utf-8"
    )
    assert main(["check", str(file)]) == 1
    _, first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"{file}: speech.words[1]: 稳利🙂: '🙂'")
    assert "leave it out" in first
    assert second.startswith(f"{file}: speech.words[2]: 泰康: kang9 is no syllable of Mandarin; write pinyin")


def test_readings_are_shown_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "site.toml"
    file.write_text('[speech]\nwords = ["恒悦盈", "A享"]\n', encoding="utf-8")
    assert main(["check", str(file)]) == 0
    assert "words   2 names of the site" in capsys.readouterr().out
    assert main(["check", "--words", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "恒悦盈  heng2 yue4 ying2\n" in shown
    assert "A享  A xiang3 / ei1 xiang3\n" in shown


def test_a_recognizer_of_characters_must_have_a_token_for_each_of_them(tmp_path: Path) -> None:
    names = words("恒悦盈", "睿远宝3号", "稳利🙂", "恒悦300")
    with pytest.raises(NamesError, match=f"cannot be written by {RECOGNIZER}") as caught:
        checked_names(names, store(tmp_path, tokens_text(TOKENS)), RECOGNIZER)
    first, second = caught.value.problems
    assert first.startswith(f"speech.words[1]: 睿远宝3号: {RECOGNIZER} has no token for 睿 and 远 and 宝; ")
    assert "recognizer of syllables" in first
    assert second.startswith(f"speech.words[2]: 稳利🙂: {RECOGNIZER} has no token for 稳 and 利 and 🙂; ")


def test_the_tokens_that_are_listened_for_are_shown(tmp_path: Path) -> None:
    names = checked_names(
        words("恒悦3号", "a享", "恒悦300"), store(tmp_path, tokens_text(TOKENS)), RECOGNIZER
    )
    assert names == ["恒悦3号  恒 悦 三 号", "a享  A 享", "恒悦300  恒 悦 三 百 / 恒 悦 三 零 零"]


def test_pinyin_that_is_no_mandarin_is_named_whatever_the_recognizer_is(tmp_path: Path) -> None:
    with pytest.raises(NamesError) as caught:
        checked_names(
            (SiteWord(word="恒悦", pinyin="heng2 kang9"),), store(tmp_path, tokens_text(TOKENS)), RECOGNIZER
        )
    assert caught.value.problems[0].startswith("speech.words[0]: 恒悦: kang9 is no syllable")


def test_tokens_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"tokens\.txt: line 1 is no new symbol"):
        checked_names(words("恒悦"), store(tmp_path, "no tokens\n"), RECOGNIZER)
