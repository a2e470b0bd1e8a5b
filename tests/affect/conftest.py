from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.affect.models import AffectModels
from appliance.models import ModelStore

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = Path(os.environ.get("RIDGE_SHARED", CHECKOUT.parent / "shared")) / "data"
    assert folder.is_dir(), (
        f"{folder} is missing: put the shared data there, or set RIDGE_SHARED to its folder"
    )
    return folder


@pytest.fixture(scope="session")
def models() -> AffectModels:
    """The models that are shipped."""
    return AffectModels.load(ModelStore(), emotion=True)
