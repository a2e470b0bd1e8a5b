"""No library under the appliance keeps or sends notes of its own about what it is used for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from appliance.models import ModelStore
from tools.running import REPOSITORY

_PROGRAM = """
import sys, time
from pathlib import Path
from appliance.speech.networkfile import open_network
session = open_network("test", Path(sys.argv[1]))
time.sleep(0.5)
"""


def test_a_network_that_is_opened_leaves_no_note_in_the_users_cache(tmp_path: Path) -> None:
    store = ModelStore()
    network = next(
        store.open(entry.name).path(file.name)
        for entry in store.entries
        if store.locate(entry.name) is not None
        for file in entry.file
        if file.name.endswith(".onnx")
    )
    # Also where somebody sets it the other way round; under continuous integration it is off anyway.
    environment = {key: value for key, value in os.environ.items() if key not in {"CI", "XDG_CACHE_HOME"}}
    environment |= {"HOME": str(tmp_path), "ORT_DISABLE_TELEMETRY": "0"}
    subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(network)],
        cwd=REPOSITORY,
        env=environment,
        check=True,
        timeout=60,
    )
    assert list(tmp_path.rglob("*")) == []
