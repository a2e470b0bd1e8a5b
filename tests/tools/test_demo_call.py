from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from appliance.box.config import Config
from appliance.engine.rooms import load_rooms
from appliance.protocol.vocabulary import CUE_CODES, NEED_TAGS, OBJECTION_TYPES, SIGNALS, Stance
from appliance.telephony.band import TELEPHONE_RATE
from tools.demo_call import assembly, hearing, measure, readings, rehearse, script, sweep
from tools.demo_call.generate import SCRIPTS
from tools.demo_call.listening import Understood

#: `python -m tools.demo_call.measure` measured this on the stored audio; another processor's
#: arithmetic may differ in a syllable or two.
SYLLABLE_ERROR = {
    ("script", "customer"): 0.286,
    ("script", "agent"): 0.329,
    ("second_script", "customer"): 0.142,
    ("second_script", "agent"): 0.271,
}
MARGIN = 0.04
#: The line's noise lies near -66 dB of full scale, speech above -35 dB.
SILENT_DECIBELS, SPEECH_DECIBELS = -55.0, -32.0


@cache
def call_of(name: str) -> tuple[script.Script, NDArray[np.int16], list[assembly.Placed]]:
    call = script.load(name)
    samples, placed = measure.read(call)
    return call, samples, placed


def decibels(samples: NDArray[np.int16]) -> float:
    return float(10 * np.log10(np.mean((samples / 32768.0) ** 2) + 1e-12))


def cut(samples: NDArray[np.int16], place: assembly.Placed, leg: script.Leg) -> NDArray[np.int16]:
    """What a leg carries from the begin to the end of a turn."""
    first, last = int(place.start * TELEPHONE_RATE), int(place.end * TELEPHONE_RATE)
    return samples[first:last, assembly.LEGS.index(leg)]


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_annotation_is_a_word_of_the_vocabulary(name: str) -> None:
    for turn in call_of(name)[0].turns:
        assert set(turn.objections) <= set(OBJECTION_TYPES), turn.text
        assert {need.tag for need in turn.needs} <= set(NEED_TAGS), turn.text
        assert {need.stance for need in turn.needs} <= set(get_args(Stance)), turn.text
        assert set(turn.signals) <= set(SIGNALS), turn.text
        assert set(turn.cues) <= CUE_CODES, turn.text


@pytest.mark.parametrize("name", SCRIPTS)
def test_only_the_customer_objects_and_needs(name: str) -> None:
    for turn in call_of(name)[0].turns:
        if turn.leg == "agent":
            assert not turn.objections
            assert not turn.needs
        assert all(signal.startswith("agent_") == (turn.leg == "agent") for signal in turn.signals), turn.text


def test_the_customer_comes_from_refusal_to_an_agreed_follow_up() -> None:
    turns = [turn for turn in call_of("script")[0].turns if turn.leg == "customer"]
    directions = [turn.direction for turn in turns]
    assert directions[0] == "down"
    assert directions.index("up") > max(i for i, direction in enumerate(directions) if direction == "down")
    assert len({objection for turn in turns for objection in turn.objections}) >= 4
    assert any("follow_up_agreed" in turn.signals for turn in turns[-2:])


def test_the_agent_sells_too_hard_once_and_promises_nothing() -> None:
    turns = [turn for turn in call_of("script")[0].turns if turn.leg == "agent"]
    assert [turn.cues for turn in turns if turn.cues] == [("pacing.hard_sell",)]
    signals = {signal for turn in turns for signal in turn.signals}
    assert "agent_promise_return" not in signals
    assert {"agent_empathy", "agent_proof", "agent_risk_disclosure"} <= signals


def test_the_second_customer_refuses_for_good() -> None:
    turns = [turn for turn in call_of("second_script")[0].turns if turn.leg == "customer"]
    assert all(turn.direction == "down" and turn.objections for turn in turns)
    assert all("hostile_resistance" in turn.objections for turn in (turns[0], turns[-1]))
    assert "final_refusal" in turns[-1].signals


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_phrase_has_a_reading_that_its_mood_allows(name: str) -> None:
    call, chosen = call_of(name)[0], readings.load(name)
    said = {
        readings.Key(turn.leg, turn.mood, phrase) for turn in call.turns for phrase in turn.phrases
    }  # fmt: skip
    assert said <= set(chosen)
    for key in said:
        assert chosen[key].pitch in call.moods[key.mood].pitches
        assert chosen[key].speed in call.moods[key.mood].speeds


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_audio_is_a_stereo_a_law_telephone_call(name: str) -> None:
    call = call_of(name)[0]
    path = script.HERE / call.audio
    info = soundfile.info(path)
    assert (info.format, info.subtype, info.samplerate, info.channels) == ("WAV", "ALAW", 8000, 2)
    assert call.shortest <= info.duration <= call.longest


def test_the_audio_of_both_calls_is_small_enough_for_the_repository() -> None:
    assert sum((script.HERE / call_of(name)[0].audio).stat().st_size for name in SCRIPTS) <= 1_500_000


@pytest.mark.parametrize("name", SCRIPTS)
def test_who_does_not_speak_is_silent(name: str) -> None:
    _, samples, placed = call_of(name)
    overlapped = [place for place in placed if place.turn.overlapped]
    for place in placed:
        other: script.Leg = "agent" if place.turn.leg == "customer" else "customer"
        assert decibels(cut(samples, place, place.turn.leg)) > SPEECH_DECIBELS, place.turn.text
        if place.turn.overlapped or any(place.start < one.start < place.end for one in overlapped):
            continue
        assert decibels(cut(samples, place, other)) < SILENT_DECIBELS, place.turn.text


def test_a_back_channel_lies_inside_the_customers_turn() -> None:
    _, samples, placed = call_of("script")
    ((number, place),) = [(i, one) for i, one in enumerate(placed) if one.turn.overlapped]
    around = placed[number - 1]
    assert around.start < place.start < place.end < around.end
    assert place.turn.leg != around.turn.leg
    assert decibels(cut(samples, place, "customer")) > SPEECH_DECIBELS


@pytest.mark.parametrize("name", SCRIPTS)
def test_turns_follow_each_other_with_natural_gaps(name: str) -> None:
    placed = [place for place in call_of(name)[2] if not place.turn.overlapped]
    gaps = [after.start - before.end for before, after in pairwise(placed)]
    assert all(0.25 <= gap <= 1.05 for gap in gaps)


def test_an_annoyed_customer_is_louder_than_a_cold_one() -> None:
    _, samples, placed = call_of("script")

    def level(mood: str) -> float:
        return float(
            np.mean(
                [decibels(cut(samples, place, "customer")) for place in placed if place.turn.mood == mood]
            )
        )

    assert level("annoyed") > level("cold") + 1.5


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_recognizer_understands_both_legs_as_well_as_measured(name: str) -> None:
    hearings = measure.listen(script.load(name))
    for leg in assembly.LEGS:
        assert measure.error_of(hearings, leg) <= SYLLABLE_ERROR[name, leg] + MARGIN


@pytest.fixture(scope="module")
def replayed() -> dict[str, sweep.Findings]:
    """What a seat is told of each call, by the real rooms."""
    config = Config()
    rooms = load_rooms(config)
    return {name: sweep.replay(name, 0, rooms, config) for name in SCRIPTS}


def test_the_replayed_call_brings_every_cue_of_its_script_and_no_hostility(
    replayed: dict[str, sweep.Findings],
) -> None:
    turns = call_of("script")[0].turns
    expected = {f"objection.{one}" for turn in turns for one in turn.objections}
    expected |= {code for turn in turns for code in turn.cues}
    assert expected <= set(replayed["script"].cues)
    assert "objection.hostile_resistance" not in replayed["script"].cues


def test_the_replayed_call_warms_up_to_trust(replayed: dict[str, sweep.Findings]) -> None:
    assert replayed["script"].stages[:3] == ("cold", "warming", "trusting")


def test_the_replayed_call_tells_means_family_and_the_next_contact(
    replayed: dict[str, sweep.Findings],
) -> None:
    needs = {need.split()[1] for need in replayed["script"].needs}
    assert {"idle_money", "principal_safety", "child", "education", "spouse", "call_weekend"} <= needs


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_replayed_call_ends_with_advice_that_names_its_evidence(
    name: str, replayed: dict[str, sweep.Findings]
) -> None:
    assert replayed[name].advice


def test_the_replayed_final_refusal_tells_the_agent_to_stop(replayed: dict[str, sweep.Findings]) -> None:
    cues = replayed["second_script"].cues
    assert cues.index("objection.hostile_resistance") < cues.index("pacing.stop_asking")
    assert "wants no_calls" in replayed["second_script"].needs
    assert replayed["second_script"].stages == ("cold",)


def understood(text: str, **found: dict[str, float] | dict[str, str]) -> Understood:
    parts = {"objections": {}, "signals": {}, "needs": {}, **found}
    return Understood(text, hearing.syllables(text), **parts)  # type: ignore[arg-type]


def test_a_rehearsed_turn_is_better_the_more_of_its_annotations_are_found() -> None:
    turn = next(turn for turn in call_of("script")[0].turns if "doubt" in turn.objections)
    nothing = rehearse.merit(turn, understood(turn.text))
    found = rehearse.merit(turn, understood(turn.text, objections={"doubt": 0.9}))
    both = rehearse.merit(turn, understood(turn.text, objections={"doubt": 0.9}, signals={"distrust": 0.8}))
    misread = rehearse.merit(turn, understood(turn.text, objections={"hostile_resistance": 0.9}))
    assert misread < nothing < found < both


def test_of_two_readings_with_the_same_findings_the_one_with_fewer_wrong_syllables_is_better() -> None:
    turn = call_of("script")[0].turns[0]
    assert rehearse.merit(turn, understood(turn.text[:4])) < rehearse.merit(turn, understood(turn.text))


@pytest.mark.parametrize(
    ("expected", "heard", "count"),
    [
        ("wo mei shi jian", "wo mei shi jian", 0),
        ("wo mei shi jian", "wo shi jian", 1),
        ("wo mei shi jian", "wo mei mei shi jian", 1),
        ("wo mei shi jian", "ni mei shi qian", 2),
        ("", "wo", 1),
    ],
)
def test_syllable_edits_are_counted(expected: str, heard: str, count: int) -> None:
    assert hearing.edits(expected.split(), heard.split()) == count


def test_hanzi_become_syllables_without_tones_or_punctuation() -> None:
    assert hearing.syllables("你好，我是女的。") == ["ni", "hao", "wo", "shi", "nv", "de"]
