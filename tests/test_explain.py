"""Every number of a profile leads back to where it started, and its steps name their evidence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from appliance.affect.readings import EmotionReading, VoiceReading
from appliance.cli import main
from appliance.explanation import explain, lines
from appliance.language.findings import NeedFinding
from appliance.language.reader import LanguageReader
from appliance.models import ModelStore
from appliance.profile.catalogue import Catalogue
from appliance.profile.tracing import TracedProfile, numbers
from appliance.seat.words import Words
from tools.dialogues.playing import play
from tools.dialogues.script import load

CALLS = {call.id: call for call in load()}


@pytest.fixture(scope="module")
def reader() -> LanguageReader:
    return LanguageReader.load(ModelStore())


def explained(reader: LanguageReader, identifier: str) -> tuple[TracedProfile, dict[str, Any]]:
    profile = TracedProfile(Catalogue.load(), quotes=True)
    last = 0
    for played in play(CALLS[identifier], reader, Catalogue.load(), "written", profile=profile):
        last = played.at_ms
    return profile, explain(profile, last)


@pytest.mark.parametrize(
    "identifier", ["full-review", "hostile-then-calms", "pressed-elder", "two-noes", "silent-customer"]
)
def test_the_steps_of_every_number_lead_from_its_start_to_its_value(
    reader: LanguageReader, identifier: str
) -> None:
    profile, explanation = explained(reader, identifier)
    assert {path: number["value"] for path, number in explanation["numbers"].items() if number["value"]} == {
        path: value for path, value in numbers(profile).items() if value
    }
    for path, number in explanation["numbers"].items():
        at = number["start"]
        for step in number["steps"]:
            assert step["before"] == at, path
            at = step["after"]
        assert at == number["value"], path


@pytest.mark.parametrize("identifier", ["full-review", "hostile-then-calms", "pressed-elder"])
def test_what_words_move_names_evidence_that_is_listed(reader: LanguageReader, identifier: str) -> None:
    _, explanation = explained(reader, identifier)
    listed = {item["id"] for item in explanation["evidence"]}
    for path, number in explanation["numbers"].items():
        for step in number["steps"]:
            assert set(step["evidence"]) <= listed
            if step["cause"] != "time":
                assert step["evidence"] or step["measured"], (path, step)
    for advice in explanation["advice"]:
        assert advice["evidence"]
        assert set(advice["evidence"]) <= listed


def leaves(path: str, value: Any) -> Iterator[tuple[str, float]]:
    """Every number of a part of a profile, by the path that `ridge explain` gives it."""
    if isinstance(value, dict):
        name = value.get("type") or value.get("tag")
        for key, inner in value.items():
            yield from leaves(f"{path}.{name}.{key}" if name else f"{path}.{key}", inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(path, inner)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield path, value


def voiced(number: int) -> VoiceReading:
    """How an utterance of a lively customer may have sounded."""
    return VoiceReading(
        number * 1000, number * 1000 + 900, 210.0, 1.5, 9.0 + number, 0.4, 2.0, 6.0, 0.7, 5.0, 1.2, 100, 0.8
    )


@pytest.mark.parametrize("identifier", [*CALLS][::7])
def test_every_number_of_the_final_profile_has_a_trace(reader: LanguageReader, identifier: str) -> None:
    """With a voice, emotions, lost audio and a record besides the words, so that every part moves."""
    profile = TracedProfile(Catalogue.load(), quotes=True)
    profile.known_before([NeedFinding("deposit", "has", 0.8, 200_000)], (70.0, 0.4))
    said = profile.customer_said
    count = iter(range(1000))
    profile.customer_said = lambda utterance, findings, _: said(  # type: ignore[method-assign]
        utterance, findings, voiced(next(count))
    )
    last = 0
    for played in play(CALLS[identifier], reader, Catalogue.load(), "written", profile=profile):
        last = played.at_ms
        feeling = {"angry": 0.7, "happy": 0.1, "neutral": 0.1, "sad": 0.1}
        profile.emotion(EmotionReading(last, "angry", 0.7, feeling, -0.5, 0.6, True))
        profile.audio(lost_ms=40, heard_ms=last, dropped_ms=20)
    explanation = explain(profile, last)
    parts = profile.snapshot(last, final=True)
    shown = {
        path: value
        for part in ("relationship", "influence", "demand", "audio")
        for path, value in leaves(part, msgspec.to_builtins(getattr(parts, part)))
    }
    assert len(shown) > 30
    listed = {item["id"] for item in explanation["evidence"]}
    for path, value in shown.items():
        number = explanation["numbers"][path]
        assert number["value"] == value, path
        if value == number["start"]:
            continue
        assert number["steps"], path
        assert number["steps"][-1]["after"] == value, path
        told = [step for step in number["steps"] if step["cause"] != "time"]
        assert told, (path, "moved by time alone")
        assert all(set(step["evidence"]) <= listed for step in told)
        assert all(step["evidence"] or step["measured"] for step in told), path
    assert {item.id for item in parts.evidence} <= listed


def test_a_traced_profile_says_what_an_untraced_one_says(reader: LanguageReader) -> None:
    _, explanation = explained(reader, "full-review")
    *_, last = play(CALLS["full-review"], reader, Catalogue.load(), "written")
    traced = TracedProfile(Catalogue.load(), quotes=True)
    *_, beside = play(CALLS["full-review"], reader, Catalogue.load(), "written", profile=traced)
    assert beside.parts == last.parts
    assert explanation["numbers"]["relationship.score"]["value"] == last.parts.relationship.score


def test_evidence_of_a_need_says_whether_the_rules_or_the_model_read_it(reader: LanguageReader) -> None:
    _, explanation = explained(reader, "full-review")
    needs = [item for item in explanation["evidence"] if item["code"].startswith("need.")]
    assert needs
    assert {item["basis"] for item in needs} <= {"rules", "model", "both"}
    assert all("basis" not in item for item in explanation["evidence"] if item not in needs)
    text = "\n".join(lines(explanation, Words.load("en")))
    signs = {"rules": "by the rules", "model": "by the model", "both": "by rules and model"}
    assert all(signs[item["basis"]] in text for item in needs)


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_people_can_read_it(reader: LanguageReader, locale: str) -> None:
    _, explanation = explained(reader, "full-review")
    words = Words.load(locale)  # type: ignore[arg-type]
    text = "\n".join(lines(explanation, words))
    assert "relationship.score" in text
    assert words.evidence("need.education") in text
    assert "“" in text, "quotes where the site's policy allows them"
    assert "None" not in text
    only = list(lines(explanation, words, "relationship.score"))
    assert only[0].startswith("relationship.score")
    assert not any(line.startswith("demand") for line in only)


def test_a_file_that_is_no_call_is_named(tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "no.wav"
    path.write_bytes(b"nothing")
    assert main(["explain", str(path)]) == 1
    assert "no.wav" in capsys.readouterr().err
