"""`ridge eval needs`: scores what is read of needs on manifests of texts and labels.

A manifest has the columns text, needs and context. `needs` is `none` or a comma list of `tag:stance`; a `?`
behind makes it optional, and an optional one may be without a stance. `context` is what the agent said
before, with what was said earlier before it, parted by ` / `.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast, get_args

from appliance.cli import CommandError
from appliance.language.evaluation import NOISE_SEED
from appliance.protocol.vocabulary import NEED_TAGS, NeedTag, Stance

if TYPE_CHECKING:
    from appliance.language.findings import NeedFinding
    from appliance.language.needs_reader import NeedReader

NONE: Final = "none"
#: Parts what was said earlier from what was said last, in a context.
EARLIER: Final = " / "
_STANCES: Final = get_args(Stance)


class Wanted(NamedTuple):
    """What a line says of one tag."""

    #: None: any stance will do
    stance: Stance | None
    #: it may be found or not
    optional: bool


class Item(NamedTuple):
    """One line of a manifest."""

    text: str
    needs: dict[NeedTag, Wanted]
    #: what was said before, the last of it by the agent
    context: str = ""


@dataclass(slots=True)
class Counts:
    """How often a tag was found as it should be."""

    right: int = 0
    missed: int = 0
    invented: int = 0
    #: of the tags found that stand in the line, how many there were, and how many had the right stance
    told: int = 0
    stance_right: int = 0

    def add(self, other: Counts) -> None:
        """Count `other` in."""
        self.right += other.right
        self.missed += other.missed
        self.invented += other.invented
        self.told += other.told
        self.stance_right += other.stance_right

    def figures(self) -> dict[str, float]:
        """Precision, recall and F1 of tag with stance, and the share of right stances among tags found."""
        found, wanted = self.right + self.invented, self.right + self.missed
        precision = self.right / found if found else 1.0
        recall = self.right / wanted if wanted else 1.0
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        stance = self.stance_right / self.told if self.told else 1.0
        return {
            "n": wanted,
            "precision": round(precision, 4),
            "recall": round(recall, 4),
            "f1": round(f1, 4),
            "stance": round(stance, 4),
        }


@dataclass(slots=True)
class Scores:
    """The counts of a manifest, by tag, and how many of its lines without any need stayed so."""

    tags: dict[str, Counts] = field(default_factory=lambda: {tag: Counts() for tag in NEED_TAGS})
    quiet: int = 0
    quiet_kept: int = 0

    def take(self, item: Item, found: Sequence[NeedFinding]) -> None:
        """Count one line."""
        for need in found:
            counts, wanted = self.tags[need.tag], item.needs.get(need.tag)
            if wanted is None:
                counts.invented += 1
                continue
            if wanted.stance is None:
                continue
            counts.told += 1
            if need.stance != wanted.stance:
                counts.invented += 1
                continue
            counts.stance_right += 1
            counts.right += not wanted.optional
        stances = {need.tag: need.stance for need in found}
        for tag, wanted in item.needs.items():
            if not wanted.optional and stances.get(tag) != wanted.stance:
                self.tags[tag].missed += 1
        if not item.needs:
            self.quiet += 1
            self.quiet_kept += not found

    def figures(self) -> dict[str, Any]:
        """All figures; `quiet` is the share of lines without any need in which none was found."""
        total = Counts()
        for counts in self.tags.values():
            total.add(counts)
        return {
            **total.figures(),
            "quiet_n": self.quiet,
            "quiet": round(self.quiet_kept / self.quiet, 4) if self.quiet else 1.0,
            "per_tag": {
                tag: counts.figures()
                for tag, counts in self.tags.items()
                if counts.right or counts.missed or counts.invented or counts.told
            },
        }


def add_eval(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `needs` to `ridge eval`."""
    parser = subparsers.add_parser("needs", help="score what is read of needs on manifests (text, needs)")
    parser.add_argument(
        "manifest",
        metavar="MANIFEST",
        type=Path,
        nargs="+",
        help="TSV with the columns text, needs (tag:stance, comma between, ? if optional), and context",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--model", default="needs-zh", metavar="NAME", help="a model of the store")
    parser.add_argument(
        "--noise", choices=["recognition"], help="put simulated recognition errors into the texts first"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Score the manifests by the rules alone and together with the model.

    Raises:
        CommandError: a manifest or the model cannot be used.
    """
    from appliance.language.needs_reader import NeedReader  # noqa: PLC0415
    from appliance.language.recognition_noise import noised_clauses  # noqa: PLC0415
    from appliance.models import ModelError, ModelStore  # noqa: PLC0415

    items = [item for path in options.manifest for item in read_manifest(path)]
    try:
        reader = NeedReader.load(ModelStore(), options.model)
    except ModelError as error:
        raise CommandError(str(error)) from error
    if options.noise:
        chance = random.Random(NOISE_SEED)
        items = [
            item._replace(text=noised_clauses(item.text, chance), context=_noised(item.context, chance))
            for item in items
        ]
    figures = {"together": judge(items, reader), "rules": judge(items, reader.without_model())}
    if options.json:
        print(json.dumps(figures, ensure_ascii=False))
    else:
        print(describe(figures["together"], figures["rules"], len(items)))
    return 0


def judge(items: Sequence[Item], reader: NeedReader) -> dict[str, Any]:
    """The figures of a reader on the items; what was said before is listened to as in a call."""
    from appliance.language.ellipsis import Topic  # noqa: PLC0415
    from appliance.language.pinyin_forms import hear  # noqa: PLC0415

    scores = Scores()
    for item in items:
        topic = Topic()
        said = [part for part in item.context.split(EARLIER) if part]
        for part in said:
            topic.heard(reader.topics(hear(part)))
        scores.take(item, reader.read(hear(item.text), said[-1] if said else "", topic))
    return scores.figures()


def read_manifest(path: Path) -> list[Item]:
    """The items of a manifest.

    Raises:
        CommandError: it cannot be read, lacks a column, has a label that does not exist or no items.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(
            f"{path} cannot be read ({error}); name a TSV file with text, needs and context"
        ) from error
    header = lines[0].split("\t") if lines else []
    if "text" not in header or "needs" not in header:
        raise CommandError(f"{path}: the first line must name the columns text and needs, tab between them")
    items = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        cells = dict(zip(header, line.split("\t"), strict=False))
        try:
            needs = parse_needs(cells.get("needs", ""))
        except ValueError as error:
            raise CommandError(f"{path}:{number}: {error}") from error
        if not cells["text"].strip():
            raise CommandError(f"{path}:{number}: the text is missing; write it before the first tab")
        items.append(Item(cells["text"], needs, cells.get("context", "")))
    if not items:
        raise CommandError(f"{path}: holds no items; add lines of text and needs")
    return items


def parse_needs(cell: str) -> dict[NeedTag, Wanted]:
    """The labels of one line: `none`, or a comma list of `tag:stance`, `tag:stance?` and `tag?`.

    Raises:
        ValueError: a label does not exist, or a tag stands twice; the message says what would be right.
    """
    if cell.strip() == NONE:
        return {}
    needs: dict[NeedTag, Wanted] = {}
    for word in cell.split(","):
        optional = word.strip().endswith("?")
        tag, _, stance = word.strip().removesuffix("?").partition(":")
        if tag not in NEED_TAGS or (stance not in _STANCES and not (optional and not stance)):
            raise ValueError(f"{word!r} is no need; write tag:stance such as deposit:has, or none")
        known = cast(NeedTag, tag)
        if known not in needs:
            needs[known] = Wanted(cast("Stance | None", stance or None), optional)
        elif optional and needs[known].optional:
            needs[known] = Wanted(None, optional=True)
        else:
            raise ValueError(f"{tag} stands twice; keep the label of its last mention")
    return needs


def _noised(context: str, chance: random.Random) -> str:
    from appliance.language.recognition_noise import noised_clauses  # noqa: PLC0415

    return EARLIER.join(noised_clauses(part, chance) for part in context.split(EARLIER) if part)


def describe(together: Mapping[str, Any], rules: Mapping[str, Any], lines: int) -> str:
    """The figures as a table for people, the rules alone beside both together."""
    rows = [f"{lines} lines", f"{'':<22}{'n':>6}{'precision':>22}{'recall':>18}{'stance':>18}"]
    named = [("all", together, rules)]
    for tag in together["per_tag"].keys() | rules["per_tag"].keys():
        empty = Counts().figures()
        named.append((tag, together["per_tag"].get(tag, empty), rules["per_tag"].get(tag, empty)))
    for name, both, alone in [named[0], *sorted(named[1:], key=lambda row: row[0])]:
        cells = [f"{both[key]:>10.3f} ({alone[key]:.3f})" for key in ("precision", "recall", "stance")]
        rows.append(f"{name:<22}{max(both['n'], alone['n']):>6}{cells[0]:>22}{cells[1]:>18}{cells[2]:>18}")
    rows.append(
        f"of {together['quiet_n']} lines without any need {together['quiet']:.3f} ({rules['quiet']:.3f}) "
        "stayed so; in brackets the rules alone"
    )
    return "\n".join(rows)
