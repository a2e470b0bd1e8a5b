"""Where the console keeps its secrets: `console/` in the state directory, for its own user alone."""

from __future__ import annotations

from pathlib import Path

from appliance.box.config import Config


def directory_of(config: Config) -> Path:
    """The console's directory in the state directory."""
    return config.box.state_directory / "console"
