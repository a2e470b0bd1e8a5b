"""The file of results: `.cache/evidence/adversary.json` of the checkout, or where RIDGE_EVIDENCE says."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adversary.attempts import ROOT, Attempts


@pytest.fixture(scope="session")
def attempts() -> Iterator[Attempts]:
    made = Attempts()
    yield made
    directory = Path(os.environ.get("RIDGE_EVIDENCE", ROOT / ".cache/evidence"))
    made.write(directory / "adversary.json", "adversary", importlib.metadata.version("ridge-appliance"))
