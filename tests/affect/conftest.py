from __future__ import annotations

import pytest

from appliance.affect.models import AffectModels
from appliance.models import ModelStore


@pytest.fixture(scope="session")
def models() -> AffectModels:
    """The models that are shipped."""
    return AffectModels.load(ModelStore(), emotion=True)
