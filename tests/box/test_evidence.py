"""Results of test suites that attack the box: written, read, and refused where they are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.box.evidence import (
    MAX_RESULTS_BYTES,
    Attempt,
    EvidenceError,
    Quantity,
    Results,
    Tried,
    read_results,
    write_results,
)

RESULTS = Results(
    suite="adversary",
    version="0.1.0",
    at="2026-11-26T04:15:31Z",
    commit="6c0acbc",
    attempts=(
        Attempt(
            id="engine.pcm_in_numbers",
            by="engine",
            tried=Tried(zh="把语音样本藏进数值字段", en="Hide samples of speech in numbers"),
            outcome="within_budget",
            budget=Quantity(1024, "byte/s"),
            measured=Quantity(310.5, "byte/s"),
        ),
    ),
)


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "evidence/adversary.json"
    write_results(path, RESULTS)
    assert read_results(path) == RESULTS
    assert [entry.name for entry in path.parent.iterdir()] == ["adversary.json"]


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"at": "yesterday"},
        {"suite": "An attack"},
        {"commit": "HEAD"},
        {"more": 1},
        {"attempts": [{"id": "a", "by": "b", "tried": {"zh": "", "en": "x"}, "outcome": "stopped"}]},
        {"attempts": [{"id": "a", "by": "b", "tried": {"zh": "x", "en": "x"}, "outcome": "fine"}]},
    ],
)
def test_what_does_not_fit_the_schema_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "adversary.json"
    write_results(path, RESULTS)
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **change}), encoding="utf-8")
    with pytest.raises(EvidenceError, match=r"adversary\.json: holds no results"):
        read_results(path)


def test_a_file_that_is_not_there_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="cannot be read"):
        read_results(tmp_path / "none.json")
    path = tmp_path / "large.json"
    path.write_bytes(b" " * (MAX_RESULTS_BYTES + 1))
    with pytest.raises(EvidenceError, match="more than"):
        read_results(path)


def test_results_that_nobody_could_read_are_not_written(tmp_path: Path) -> None:
    path = tmp_path / "adversary.json"
    with pytest.raises(EvidenceError, match="was not written"):
        write_results(path, Results(suite="Not a code", version="1", at=RESULTS.at, attempts=()))
    assert list(tmp_path.iterdir()) == []
