"""What all calls of one engine process share: the loaded models and the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from appliance.affect.models import AffectModels
from appliance.affect.voice import CustomerVoice
from appliance.box.config import Config
from appliance.engine.memory import CallMemory
from appliance.language.reader import LanguageReader
from appliance.models import ModelStore
from appliance.profile.call import CallProfile
from appliance.profile.catalogue import Catalogue
from appliance.speech.recognizer import SpeechEngine


@dataclass(frozen=True, slots=True)
class Rooms:
    """The rooms that a call passes through."""

    speech: SpeechEngine
    affect: AffectModels
    language: LanguageReader
    catalogue: Catalogue
    #: what is remembered between calls; None where nothing is
    memory: CallMemory | None = None
    #: the names of all models that were loaded
    models: tuple[str, ...] = ()
    #: makes the profile of a call, from catalogue and whether it may quote
    profile: Callable[[Catalogue, bool], CallProfile] = CallProfile
    #: listens to a call's customer
    voice: type[CustomerVoice] = CustomerVoice


def load_rooms(config: Config) -> Rooms:
    """Load every model that the configuration names.

    Raises:
        ModelError: a model is missing, altered, or forbidden by the configuration.
        CatalogueError: the site's catalogue of strategies cannot be used.
    """
    store = ModelStore.configured(config)
    rooms = Rooms(
        speech=SpeechEngine.load(store, config.speech, threads=config.engine.threads),
        affect=AffectModels.load(store, emotion=any(policy.emotion for policy in config.policies())),
        language=LanguageReader.load(store),
        catalogue=Catalogue.load(config.advice.catalogue),
    )
    return replace(rooms, models=tuple(dict.fromkeys(store.opened)))
