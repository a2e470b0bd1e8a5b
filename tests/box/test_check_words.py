"""`ridge check` names the site's words that cannot be pronounced, and shows how the others are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.cli import main


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
