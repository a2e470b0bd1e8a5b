"""A model's entry in the manifest, with the sizes and sums of its files, and the filling in of its card."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """What the manifest says of a model that was trained here."""

    kind: str
    licence: str
    research_only: bool
    #: the program that trained it
    source: str
    purpose: str
    #: keys that only some kinds have, such as `units` of a recognizer
    more: Mapping[str, str] = field(default_factory=dict)


def fill(template: Path, values: Mapping[str, object]) -> str:
    """The template with every {{name}} replaced by its value."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: str(values[match[1]]), template.read_text(encoding="utf-8"))


def enter(folder: Path, entry: Entry, files: Iterable[str]) -> None:
    """Put the model of a folder into the manifest beside the folder, in its old place or last."""
    manifest = folder.parent / "manifest.toml"
    lines = [
        "[[model]]",
        f'name = "{folder.name}"',
        f'kind = "{entry.kind}"',
        f'licence = "{entry.licence}"',
        f"research_only = {str(entry.research_only).lower()}",
        f'source = "{entry.source}"',
        f'purpose = "{entry.purpose}"',
        f'card = "{folder.name}/CARD.md"',
        *(f'{key} = "{value}"' for key, value in entry.more.items()),
    ]
    for name in files:
        content = (folder / name).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        lines += ["", "[[model.file]]", f'name = "{name}"', f"bytes = {len(content)}", f'sha256 = "{digest}"']
    text = manifest.read_text(encoding="utf-8") if manifest.is_file() else ""
    parts = re.split(r"(?m)^(?=\[\[model\]\]$)", text)
    places = [number for number, part in enumerate(parts) if f'\nname = "{folder.name}"\n' in part]
    if places:
        parts[places[0]] = "\n".join(lines)
    else:
        parts.append("\n".join(lines))
    kept = [part.rstrip("\n") for part in parts]
    manifest.write_text("\n\n".join(kept).lstrip("\n") + "\n", encoding="utf-8")
