"""Find for every phrase of a script the speed, pitch and grouping that the appliance understands best.

    python -m tools.demo_call.rehearse script

writes `<script>.readings.toml`, from which `generate` speaks. Each phrase is first read alone in every way
that its mood allows; the ways with the fewest wrong syllables are then tried together, turn by turn, over the
telephone band. A turn is understood well where the speech and language rooms find what the script annotates,
find nothing else that matters, and hear few syllables wrong. Phrases that have a reading keep it, unless
`--all` is given.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed

import numpy as np
from numpy.typing import NDArray

from appliance.protocol.vocabulary import Signal
from appliance.telephony.band import telephone_band
from tools.demo_call import hearing, script, synthesis
from tools.demo_call.assembly import NOISE, join
from tools.demo_call.listening import Listener, Understood
from tools.demo_call.readings import Key, load, write

#: Silence before the turn. The appliance cuts audio into frames of 20 ms, and its recognizer begins at one of
#: them, so that places within a frame matter.
_LEADS_SECONDS = (0.5, 0.507, 0.513)
_FINAL_LEADS_SECONDS = (0.5, 0.505, 0.509, 0.514, 0.547, 0.558, 0.591, 0.626)
#: Silence behind it, longer than the appliance's endpoint.
_TAIL_SECONDS = 0.9
#: Readings of a phrase that are tried together with those of the turn's other phrases.
_KEPT = 6
#: Attempts at a whole turn: drawn at random, then varied from the best three.
_DRAWN, _VARIED, _FINALISTS = 30, 40, 3
#: Signals that mislead where the script does not have them.
_MISLEADING: frozenset[Signal] = frozenset(
    ["refusal", "final_refusal", "abuse", "complaint", "agent_promise_return"]
)

#: A reading for each phrase of a turn.
Choice = tuple[synthesis.Reading, ...]


def merit(turn: script.Turn, understood: Understood) -> float:
    """How well a turn was understood; higher is better. Objections weigh most, wrong syllables least."""
    needs = {need.tag: need.stance for need in turn.needs}
    value = 0.0
    for kind, sure in understood.objections.items():
        value += 4.0 * (sure >= 0.55) if kind in turn.objections else -4.0 * (sure >= 0.5)
    for tag, stance in understood.needs.items():
        value += 2.0 + (needs[tag] == stance) if tag in needs else -0.5
    for code, sure in understood.signals.items():
        value += 2.0 * (sure >= 0.6) if code in turn.signals else -2.0 * (code in _MISLEADING)
    expected = hearing.syllables(turn.text)
    return value - 4.0 * hearing.edits(expected, understood.syllables) / max(1, len(expected))


def rehearse(
    call: script.Script, turn: script.Turn, known: dict[Key, synthesis.Reading], agent_before: str
) -> dict[Key, synthesis.Reading]:
    """The best readings found for the phrases of a turn; those in `known` stay as they are."""
    listener = Listener()
    mood = call.moods[turn.mood]
    with synthesis.synthesizer(call.variants) as voices:
        spoken: dict[tuple[str, synthesis.Reading], NDArray[np.float64]] = {}

        def over_the_line(choice: Choice, phrases: tuple[str, ...], lead: float) -> NDArray[np.int16]:
            for key in zip(phrases, choice, strict=True):
                if key not in spoken:
                    spoken[key] = voices.phrase(key[0], turn.leg, key[1])
            said = [spoken[key] for key in zip(phrases, choice, strict=True)]
            return _over_the_line(said, mood.level, lead, call.seed)

        def alone(phrase: str) -> list[synthesis.Reading]:
            kept = known.get(Key(turn.leg, turn.mood, phrase))
            if kept is not None:
                return [kept]
            grid = itertools.product(mood.speeds, mood.pitches, synthesis.GROUPINGS)
            expected = hearing.syllables(phrase)

            def errors(reading: synthesis.Reading) -> int:
                line = over_the_line((reading,), (phrase,), _LEADS_SECONDS[1])
                return hearing.edits(expected, listener.listen(line, turn.leg).syllables)

            return sorted((synthesis.Reading(*point) for point in grid), key=errors)[:_KEPT]

        def judge(choice: Choice, leads: tuple[float, ...]) -> float:
            merits = [
                merit(
                    turn,
                    listener.listen(over_the_line(choice, turn.phrases, lead), turn.leg, agent_before),
                )
                for lead in leads
            ]
            # The worst position counts once more: a finding must not depend on where the chunks fall.
            return sum(merits) / len(merits) + 0.5 * min(merits)

        options = [alone(phrase) for phrase in turn.phrases]
        finalists = _search(options, lambda choice: judge(choice, _LEADS_SECONDS), random.Random(call.seed))
        judged = {choice: judge(choice, _FINAL_LEADS_SECONDS) for choice in finalists}
        best = max(judged, key=lambda choice: judged[choice])
        heard = listener.listen(over_the_line(best, turn.phrases, _LEADS_SECONDS[0]), turn.leg, agent_before)
    print(f"{turn.leg} {judged[best]:5.1f} {turn.text}: {heard.text}", flush=True)
    return {
        Key(turn.leg, turn.mood, phrase): reading for phrase, reading in zip(turn.phrases, best, strict=True)
    }


def _search(
    options: list[list[synthesis.Reading]], judge: Callable[[Choice], float], chance: random.Random
) -> list[Choice]:
    """The best choices of one option each: random first, then with one phrase changed in the best three."""
    judged: dict[Choice, float] = {}

    def best(count: int) -> list[Choice]:
        return sorted(judged, key=lambda choice: -judged[choice])[:count]

    for attempt in range(_DRAWN + _VARIED):
        if attempt < _DRAWN:
            choice = tuple(chance.choice(some) for some in options)
        else:
            varied = list(chance.choice(best(3)))
            place = chance.randrange(len(varied))
            varied[place] = chance.choice(options[place])
            choice = tuple(varied)
        if choice not in judged:
            judged[choice] = judge(choice)
    return best(_FINALISTS)


def _over_the_line(
    phrases: list[NDArray[np.float64]], level: float, lead: float, seed: int
) -> NDArray[np.int16]:
    """The phrases of a turn as the far end hears them: 8 kHz, telephone band, with the line's noise."""
    wide = np.concatenate(
        [
            np.zeros(int(lead * synthesis.RATE)),
            join(phrases) * (level * 32767),
            np.zeros(int(_TAIL_SECONDS * synthesis.RATE)),
        ]
    )
    wide = wide + np.random.default_rng(seed).normal(0.0, NOISE, len(wide))
    return telephone_band(np.clip(np.rint(wide), -32767, 32767).astype(np.int16), synthesis.RATE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("script", help="name of a script in this directory, such as `script`")
    parser.add_argument("--all", action="store_true", help="rehearse turns again that have readings")
    options = parser.parse_args()
    call = script.load(options.script)
    known = {} if options.all else load(options.script)
    said = [Key(turn.leg, turn.mood, phrase) for turn in call.turns for phrase in turn.phrases]
    readings: dict[Key, synthesis.Reading] = dict(known)
    with ProcessPoolExecutor(2) as pool:
        agent_before, waiting = "", []
        for turn in call.turns:
            if any(Key(turn.leg, turn.mood, phrase) not in known for phrase in turn.phrases):
                waiting.append(pool.submit(rehearse, call, turn, known, agent_before))
            if turn.leg == "agent":
                agent_before = turn.text
        for rehearsed in as_completed(waiting):
            for key, reading in rehearsed.result().items():
                readings.setdefault(key, reading)
            # After every turn, so that a rehearsal that was interrupted can be taken up again.
            write(options.script, {key: readings[key] for key in said if key in readings})
    write(options.script, {key: readings[key] for key in said if key in readings})
    return 0


if __name__ == "__main__":
    sys.exit(main())
