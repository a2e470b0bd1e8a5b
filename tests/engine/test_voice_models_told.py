from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from appliance.box.config import Config
from appliance.box.journal import Journal
from appliance.engine import service
from appliance.engine.rooms import Rooms
from appliance.models import ModelStore


def test_the_engine_says_at_its_start_which_voice_models_are_for_research_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = [ModelStore().entry(name) for name in ("emotion-telephone-cnn", "emotion-telephone-open")]
    speech, affect = SimpleNamespace(choice=None), SimpleNamespace(entries=entries)
    rooms = Rooms(speech, affect, language=None, catalogue=None)  # type: ignore[arg-type]
    monkeypatch.setattr(service, "load_rooms", lambda _: rooms)
    monkeypatch.setattr(service, "Scheduler", lambda *_, **__: None)
    service.EngineService(Config(), 0, Journal("engine", 0))
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(e["event"], e["model"], e["research_only"]) for e in events] == [
        ("voice_model", "emotion-telephone-cnn", True),
        ("voice_model", "emotion-telephone-open", False),
    ]
