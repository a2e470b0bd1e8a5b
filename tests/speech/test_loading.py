"""Which models of the store may become the recognizer."""

from __future__ import annotations

import pytest

from appliance.box.config import Speech
from appliance.models import ModelError, ModelStore
from appliance.speech.loading import load_recognizer


def test_a_model_of_another_kind_is_refused() -> None:
    with pytest.raises(ModelError, match="lexicon-zh is of kind lexicon and recognizes no speech"):
        load_recognizer(ModelStore(), Speech(model="lexicon-zh"), 1)
