import json
import stat

import pytest

from appliance.box.status.board import (
    BOARD_FILE,
    MAX_BOARD_BYTES,
    SILENT_MS,
    Board,
    Part,
    Refused,
    name_of,
    read_board,
    write_board,
)
from appliance.box.status.reports import CaptureReport, EngineReport, FeedReport, Process

PROCESS = Process(version="0.1.0", uptime=1)
BOARD = Board(
    box="branch",
    written=1_000_000,
    parts=(
        Part("capture", 10, 999_000, 1, CaptureReport(PROCESS, calls=1)),
        Part("engine-3", 11, 900_000, 2, EngineReport(PROCESS, 3)),
        Part("feed", 12, 999_000, 1, FeedReport(PROCESS)),
    ),
    refused=Refused(malformed=4),
)


def test_what_was_written_is_read(tmp_path):
    write_board(tmp_path, BOARD)
    assert read_board(tmp_path) == BOARD
    assert stat.S_IMODE((tmp_path / BOARD_FILE).stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == [BOARD_FILE]


def test_its_shape_is_what_the_page_says(tmp_path):
    write_board(tmp_path, BOARD)
    plain = json.loads((tmp_path / BOARD_FILE).read_text())
    assert set(plain) == {"v", "box", "written", "console", "parts", "refused"}
    assert set(plain["parts"][0]) == {"name", "pid", "at", "starts", "report", "progress"}
    assert plain["parts"][1]["report"]["role"] == "engine"


def test_parts_are_found_by_name_and_silent_ones_told():
    assert [name_of(part.report) for part in BOARD.parts] == ["capture", "engine-3", "feed"]
    assert BOARD.part("engine-0") is None
    capture, engine = BOARD.part("capture"), BOARD.part("engine-3")
    assert not capture.silent(BOARD.written)
    assert engine.silent(BOARD.written)
    assert not capture.silent(capture.at + SILENT_MS)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"v": 1}', b"\xff" * 9, b" " * (MAX_BOARD_BYTES + 1)])
def test_what_is_no_board_is_none(tmp_path, data):
    (tmp_path / BOARD_FILE).write_bytes(data)
    assert read_board(tmp_path) is None


def test_no_board_is_none(tmp_path):
    assert read_board(tmp_path) is None


def test_a_link_in_place_of_the_new_file_is_not_followed(tmp_path):
    (tmp_path / f".{BOARD_FILE}.new").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        write_board(tmp_path, BOARD)
    assert not (tmp_path / "elsewhere").exists()
