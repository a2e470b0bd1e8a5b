"""From the name of a recognizer to a loaded one: choose, verify, check, open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from appliance.box.config import SiteWord, Speech
from appliance.box.journal import Journal
from appliance.models import InstalledModel, ModelError, ModelStore
from appliance.models_choice import Choice, choose_recognizer
from appliance.speech.lexicon import CONFUSIONS_FILE
from appliance.speech.reading import PinyinReading, Reading
from appliance.speech.sitelexicon import load_lexicon
from appliance.speech.speech_events import SiteWordLeftOut
from appliance.speech.streamingmodel import StreamingModel
from appliance.speech.tonectc import ToneCtcModel
from appliance.speech.transducer import load_transducer


def load_recognizer(store: ModelStore, speech: Speech, threads: int) -> tuple[StreamingModel, Choice]:
    """The recognizer of a configuration, and why it is this one.

    Raises:
        ModelError: it is unknown, missing, altered, forbidden, no recognizer, or not the network that the
            manifest says.
    """
    choice = choose_recognizer(store, speech.model)
    model = store.open(choice.name)
    if model.entry.network == "tone-ctc":
        units = model.entry.units
        assert units is not None
        tokens = model.path("tokens.txt")
        confusions = None
        if any(file.name == CONFUSIONS_FILE for file in model.entry.file):
            confusions = model.path(CONFUSIONS_FILE)
        network = model.path(_network_file(model))
        return ToneCtcModel(choice.name, network, tokens, units, threads, confusions=confusions), choice
    return load_transducer(model, speech, threads), choice


def load_reading(
    store: ModelStore, model: StreamingModel, words: Sequence[SiteWord], journal: Journal
) -> Callable[[], Reading]:
    """What begins the reading of an utterance of this model, with the site's names in it.

    Names that cannot be listened for are noted in the journal by their place.

    Raises:
        ModelError: the lexicon is needed, and is not installed, altered, or of another format.
    """
    if model.units == "pinyin":
        return partial(PinyinReading, load_lexicon(store, words, journal, model.confusions))
    # pypinyin's dictionaries are large, and recognizers of syllables do without them.
    from appliance.speech.characters import CharacterReading  # noqa: PLC0415
    from appliance.speech.spelling import Spelling  # noqa: PLC0415

    spelling = Spelling(words, model.symbols)
    for place in spelling.left_out:
        journal.write(SiteWordLeftOut(place=place))
    return partial(CharacterReading, spelling)


def _network_file(model: InstalledModel) -> str:
    """The one network of a CTC model.

    Raises:
        ModelError: the manifest lists none, or several.
    """
    networks = [file.name for file in model.entry.file if file.name.endswith(".onnx")]
    if len(networks) != 1:
        raise ModelError(
            f"model {model.entry.name}: the manifest lists {len(networks)} networks, a CTC model has one; "
            "choose another recognizer as speech.model"
        )
    return networks[0]
