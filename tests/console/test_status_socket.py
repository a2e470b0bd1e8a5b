import asyncio
import os
import socket
import stat
import subprocess
import sys

from appliance.box.status.board import read_board
from appliance.box.status.line import STATUS_SOCKET, StatusLine
from appliance.box.status.reports import CaptureReport
from appliance.console.status_socket import StatusSocket

_OTHER = """
import sys
from pathlib import Path
from appliance.box.status.line import StatusLine
from appliance.box.status.reports import CaptureReport
StatusLine(Path(sys.argv[1])).tell(CaptureReport, 0.0)
"""


def test_reports_reach_the_board_with_the_process_that_the_kernel_names(tmp_path):
    async def scenario():
        status = StatusSocket(tmp_path, "branch")
        status.open()
        other = subprocess.Popen([sys.executable, "-c", _OTHER, str(tmp_path)])
        await asyncio.to_thread(other.wait)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        board = status.board
        status.close()
        return board, other.pid

    board, pid = asyncio.run(scenario())
    assert board.part("capture").pid == pid


def test_noise_is_counted_and_the_file_is_written(tmp_path):
    async def scenario():
        status = StatusSocket(tmp_path, "branch")
        status.open()
        mode = stat.S_IMODE((tmp_path / STATUS_SOCKET).stat().st_mode)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            for data in (b"", os.urandom(100), b"\x93" * 66_000):
                line.sendto(data, str(tmp_path / STATUS_SOCKET))
        StatusLine(tmp_path).tell(CaptureReport, 0.0)
        for _ in range(3):
            await asyncio.sleep(0)
        first = read_board(tmp_path)
        status._write()
        status.close()
        return mode, first

    mode, first = asyncio.run(scenario())
    assert mode == 0o620
    assert first.parts == ()
    board = read_board(tmp_path)
    assert board.refused.malformed == 3
    assert board.part("capture").pid == os.getpid()
    assert not (tmp_path / STATUS_SOCKET).exists()


def test_a_socket_that_is_left_is_replaced(tmp_path):
    async def scenario():
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.bind(str(tmp_path / STATUS_SOCKET))
        status = StatusSocket(tmp_path, "branch")
        status.open()
        StatusLine(tmp_path).tell(CaptureReport, 0.0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        parts = status.board.parts
        status.close()
        return parts

    assert len(asyncio.run(scenario())) == 1
