"""The panel's files, read once at the start: pages, scripts, styles, and the words of both languages.

No path of a request ever reaches the disk.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from appliance.seat.words import Locale, Words

TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
LOCALES: Final[tuple[Locale, ...]] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class PanelFile:
    """One answer to a GET."""

    content_type: str
    body: bytes


def panel_files(settings: dict[str, Any], catalogue: Path | None = None) -> dict[str, PanelFile]:
    """Every path of the panel and what lies there.

    Args:
        settings: what the page has to know at its start.
        catalogue: the site's own catalogue of strategies.

    Raises:
        WordsError: the site's catalogue cannot be read.
    """
    package = resources.files("appliance.seat")
    files = {f"/{entry.name}": found for entry in (package / "web").iterdir() if (found := _file(entry))}
    files["/"] = files["/index.html"]
    for locale in LOCALES:
        files[f"/words/{locale}.json"] = _json(Words.load(locale, catalogue).catalogue())
    files["/settings.json"] = _json(settings)
    return files


def _file(entry: Traversable) -> PanelFile | None:
    suffix = "." + entry.name.rpartition(".")[2]
    return PanelFile(TYPES[suffix], entry.read_bytes()) if suffix in TYPES else None


def _json(value: object) -> PanelFile:
    return PanelFile(TYPES[".json"], json.dumps(value, ensure_ascii=False).encode())
