"""Scores the written calls by part: `python -m tools.dialogues [--failures] [--rules] [--call ID]`.

The calls of `tests/dialogues/heldout`, on which no rule was tuned, are scored apart.
"""

from __future__ import annotations

import argparse
import sys

from appliance.language.reader import LanguageReader
from appliance.models import ModelStore
from appliance.profile.catalogue import Catalogue
from tools.dialogues.playing import play
from tools.dialogues.scoring import Score, score_all
from tools.dialogues.script import WrittenCall, load


def table(name: str, written: Score, heard: Score) -> str:
    """The score of a part of the calls as text: `written` and `heard` differ in objections."""
    lines = [
        f"{name}: {written.calls} calls",
        f"  needs with stance       precision {written.needs.precision:.3f}"
        f"  recall {written.needs.recall:.3f}"
        f"  ({written.needs.right} right, {written.needs.missed} missed, {written.needs.invented} invented)",
        f"  objections (model)      macro-F1 {heard.objection_f1:.3f}  quiet turns that stay quiet "
        f"{heard.unobjecting.share:.3f} of {heard.unobjecting.asked}",
    ]
    for part, checks in written.checks.items():
        also = heard.checks[part]
        lines.append(
            f"  {part:<22}  {checks.share:.3f} of {checks.asked}"
            + (f"   with the model's objections {also.share:.3f}" if also.share != checks.share else "")
        )
    return "\n".join(lines)


def main() -> int:
    """Print the scores."""
    parser = argparse.ArgumentParser(prog="python -m tools.dialogues", description=__doc__)
    parser.add_argument("--failures", action="store_true", help="what went wrong, but not in held-out calls")
    parser.add_argument("--rules", action="store_true", help="read needs by the rules alone")
    parser.add_argument("--call", help="play one call and show the profile after each turn")
    options = parser.parse_args()
    reader, catalogue, calls = LanguageReader.load(ModelStore()), Catalogue.load(), load()
    if options.rules:
        reader = reader.by_rules()
    if options.call:
        chosen = [call for call in calls if call.id == options.call]
        if not chosen:
            parser.error(f"no call {options.call!r}; known: {', '.join(call.id for call in calls)}")
        show(chosen[0], reader, catalogue)
        return 0
    for name, part in (
        ("calls that rules may be tuned on", [call for call in calls if not call.held_out]),
        (
            "of these, customers who change their mind",
            [c for c in calls if not c.held_out and c.changes_mind],
        ),
        ("held-out calls", [call for call in calls if call.held_out]),
        ("of these, customers who change their mind", [c for c in calls if c.held_out and c.changes_mind]),
    ):
        written = score_all(part, reader, catalogue, "written")
        heard = score_all(part, reader, catalogue, "model")
        print(table(name, written, heard))
        if options.failures and not any(call.held_out for call in part):
            print(*(f"    {failed}: {text}" for failed, text in written.failures), sep="\n")
    return 0


def show(call: WrittenCall, reader: LanguageReader, catalogue: Catalogue) -> None:
    """Print a call turn by turn, with objections by the model."""
    for played in play(call, reader, catalogue, "model"):
        relationship = played.parts.relationship
        print(f"{played.turn.leg[0].upper()} {played.turn.words}")
        found = [f"{o.type}~{o.confidence:.2f}" for o in played.findings.objections]
        found += [f"{n.tag}:{n.stance}~{n.confidence:.2f}" for n in played.findings.needs]
        found += [f"{s.code}~{s.confidence:.2f}" for s in played.findings.signals]
        print(f"    read: {' '.join(found)}")
        print(
            f"    R {relationship.score} {relationship.stage}/{relationship.pace}; advice: "
            + ", ".join(advice.id for advice in played.parts.advice)
            + (f"; cues: {', '.join(cue.code for cue in played.cues)}" if played.cues else "")
        )


if __name__ == "__main__":
    sys.exit(main())
