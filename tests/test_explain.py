"""Every number of a profile leads back to where it started, and its steps name their evidence."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.cli import main
from appliance.explanation import explain, lines
from appliance.language.reader import LanguageReader
from appliance.models import ModelStore
from appliance.profile.catalogue import Catalogue
from appliance.profile.tracing import TracedProfile, numbers
from appliance.seat.words import Words
from tools.dialogues.playing import play
from tools.dialogues.script import load

CALLS = {call.id: call for call in load()}
#: Numbers that are measured from the voice and the length of speech; they have no evidence of their own.
MEASURED = ("influence.style", "influence.indices", "influence.style_confidence", "influence.emotion")


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
            if step["cause"] in ("customer", "agent") and not path.startswith(MEASURED):
                assert step["evidence"], (path, step)
    for advice in explanation["advice"]:
        assert advice["evidence"]
        assert set(advice["evidence"]) <= listed


def test_a_traced_profile_says_what_an_untraced_one_says(reader: LanguageReader) -> None:
    profile, explanation = explained(reader, "full-review")
    *_, last = play(CALLS["full-review"], reader, Catalogue.load(), "written")
    assert profile.snapshot(last.at_ms, final=True) == last.parts
    assert explanation["numbers"]["relationship.score"]["value"] == last.parts.relationship.score


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
