"""The models that this configuration uses: genuine, allowed here, and able to be loaded."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.inspection.finding import Facts, Finding, failed, ok, warning
from appliance.inspection.ground import Ground
from appliance.models import ModelEntry, ModelError, ModelStore
from appliance.models_choice import choose_recognizer


def check(ground: Ground) -> Iterator[Finding]:
    """Verify every model in use, and load the recognizer."""
    try:
        store = ModelStore.configured(ground.config)
        used = used_models(ground, store)
    except ModelError as error:
        yield failed("models.verified", "manifest", "model_unusable", detail=error)
        return
    for entry in used:
        yield from _model(store, entry)
    yield _recognizer(ground, store)


def used_models(ground: Ground, store: ModelStore) -> list[ModelEntry]:
    """The models that the processes of this configuration load.

    Raises:
        ModelError: the manifest cannot be read, or there is no recognizer.
    """
    from appliance.affect.models import chosen_models
    from appliance.language.reader import MODELS
    from appliance.speech.lexicon import MODEL_NAME

    recognizer = store.entry(choose_recognizer(store, ground.config.speech.model).name)
    names = [MODEL_NAME] if recognizer.units == "pinyin" else []
    voice = chosen_models(store, emotion=any(one.emotion for one in ground.config.policies()))
    return [recognizer, *(store.entry(name) for name in names), *voice, *map(store.entry, MODELS)]


def _model(store: ModelStore, entry: ModelEntry) -> Iterator[Finding]:
    try:
        store.refuse_forbidden(entry)
        problems = store.problems(entry.name)
    except ModelError as error:
        problems = [str(error)]
    place = store.locate(entry.name)
    facts: Facts = {"kind": entry.kind, "bytes": entry.size, "files": len(entry.file)}
    if place is not None:
        facts["where"] = str(place)
    if problems:
        yield failed("models.verified", entry.name, "model_unusable", facts, detail=problems[0])
    else:
        yield ok("models.verified", entry.name, facts)
    licence: Facts = {"licence": entry.licence, "research_only": entry.research_only}
    if entry.research_only:
        yield warning("models.licence", entry.name, "model_research", licence, licence=entry.licence)
    else:
        yield ok("models.licence", entry.name, licence)


def _recognizer(ground: Ground, store: ModelStore) -> Finding:
    from appliance.speech.loading import load_recognizer

    try:
        _, choice = load_recognizer(store, ground.config.speech, 1)
    except ModelError as error:
        return failed(
            "models.recognizer", ground.config.speech.model, "recognizer_failed",
            detail=str(error).splitlines()[0],
        )  # fmt: skip
    return ok("models.recognizer", choice.name, {"because": choice.reason})
