"""`ridge check` says which models would measure the customer's voice, and which are for research only."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.affect.models import EMOTION_MODELS, PROSODY_MODELS
from appliance.cli import main


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", f"{EMOTION_MODELS[0]} (for research only), {PROSODY_MODELS[0]}"),
        (
            "[models]\nallow_research_only = false\n",
            f"{EMOTION_MODELS[1]}, {PROSODY_MODELS[0]}",
        ),
        (
            "[models]\nallow_research_only = false\n[policy]\nemotion = false\n",
            PROSODY_MODELS[0],
        ),
        ("[policy]\nemotion = false\n", PROSODY_MODELS[0]),
    ],
)
def test_the_models_that_a_site_gets_are_named(
    lines: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "site.toml"
    file.write_text(lines, encoding="utf-8")
    assert main(["check", str(file)]) == 0
    assert f"  voice   {expected}\n" in capsys.readouterr().out


def test_a_site_for_which_no_emotion_model_is_allowed_is_told_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.affect.models.EMOTION_MODELS", EMOTION_MODELS[:1])
    file = tmp_path / "site.toml"
    file.write_text("[models]\nallow_research_only = false\n", encoding="utf-8")
    assert main(["check", str(file)]) == 0
    expected = f"{PROSODY_MODELS[0]}, no emotion: models.allow_research_only is false"
    assert f"  voice   {expected}\n" in capsys.readouterr().out
