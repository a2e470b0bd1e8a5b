"""The appliance's processes in the sandboxes of their units, measured as on a box."""

from __future__ import annotations

import pwd
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from appliance.box.config import Box, Config
from appliance.inspection.checks import processes
from appliance.inspection.ground import Ground
from tests.systemd.sandbox import NUMBERS, make_box
from tests.systemd.test_sandbox import SITE, UNITS, Running, missing

_missing = missing()
pytestmark = [
    pytest.mark.skipif(_missing is not None, reason=str(_missing)),
    pytest.mark.end_to_end,
]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Path]:
    for directory in (tmp_path, *tmp_path.parents[:-2]):
        directory.chmod(directory.stat().st_mode | 0o011)
    made = tmp_path / "box"
    made.mkdir()
    make_box(made)
    (made / "var/lib/ridge/ridge.toml").write_text(SITE, encoding="utf-8")
    running = []
    try:
        running.extend(Running(command, made) for command in UNITS)
        yield made
    finally:
        for one in running:
            one.process.kill()
            one.process.wait()


def test_the_sandboxes_are_measured_as_they_are(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert box.is_dir()
    names = {number: name for name, number in NUMBERS.items()}
    monkeypatch.setattr(pwd, "getpwuid", lambda number: SimpleNamespace(pw_name=names[number]))
    config = Config(box=Box(runtime_directory=Path("/run/ridge"), state_directory=Path("/var/lib/ridge")))
    ground = Ground(config, Path("/var/lib/ridge/ridge.toml"))
    findings = list(processes.check(ground))
    assert [(o.check, o.subject, o.reason, o.facts) for o in findings if o.outcome != "ok"] == []
    assert len(findings) == 3 * 7
    engine = next(one for one in findings if (one.check, one.subject) == ("process.network", "engine-0"))
    assert engine.facts["own_network"] is True
    assert engine.facts["interfaces"] == ["lo"]
    assert "sockets_tcp" not in engine.facts
