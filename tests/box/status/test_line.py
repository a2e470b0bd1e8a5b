import socket

import pytest

from appliance.box.clock.jumps import Moment
from appliance.box.notify import ServiceManager
from appliance.box.status.line import REPORT_SECONDS, STATUS_SOCKET, StatusLine
from appliance.box.status.reports import CaptureReport, FeedReport, decode


@pytest.fixture
def listener(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / STATUS_SOCKET))
        line.settimeout(5)
        yield line


def test_a_report_says_what_the_watchdog_was_told(tmp_path, listener):
    manager = ServiceManager({})
    manager.turn(1.0, 12, 11)
    StatusLine(tmp_path, manager).tell(lambda process: CaptureReport(process, calls=2), 0.0)
    report = decode(listener.recv(65536))
    assert isinstance(report, CaptureReport)
    assert (report.calls, report.process.asked, report.process.done) == (2, 12, 11)
    assert report.process.state == "running"
    assert not report.process.watchdog


def test_reports_are_due_at_their_interval(tmp_path):
    line = StatusLine(tmp_path)
    assert line.due(100.0)
    assert not line.due(100.0 + REPORT_SECONDS / 2)
    assert line.due(100.0 + REPORT_SECONDS)


def test_nobody_there_costs_nothing(tmp_path):
    line = StatusLine(tmp_path / "not" / "there")
    line.tell(CaptureReport, 0.0)
    StatusLine(tmp_path / ("long" * 40)).tell(CaptureReport, 0.0)


def test_a_console_that_does_not_read_blocks_nobody(tmp_path, listener):
    line = StatusLine(tmp_path)
    for _ in range(2000):
        line.tell(CaptureReport, 0.0)


def test_a_counter_out_of_its_bounds_is_a_report_that_the_other_side_refuses(tmp_path, listener):
    def wrong(process):
        raise ZeroDivisionError

    line = StatusLine(tmp_path)
    line.tell(wrong, 0.0)
    line.tell(FeedReport, 0.0)
    assert isinstance(decode(listener.recv(65536)), FeedReport)


def test_the_last_word_of_a_process_that_cannot_go_on_has_its_reason(tmp_path, listener):
    faults = {FileNotFoundError: "models", OSError: "port"}
    StatusLine(tmp_path).failed(CaptureReport, PermissionError("10.0.0.1 is taken"), faults)
    process = decode(listener.recv(65536)).process
    assert (process.state, process.fault) == ("failed", "port")
    StatusLine(tmp_path).failed(CaptureReport, ValueError("something else"), faults)
    assert decode(listener.recv(65536)).process.fault == "unforeseen"


def test_a_process_that_stops_says_so_at_once(tmp_path, listener):
    line = StatusLine(tmp_path)
    line.stopping(CaptureReport, 0.0)
    assert decode(listener.recv(65536)).process.state == "stopping"


def test_a_jump_of_the_clock_is_told(tmp_path, listener):
    ahead = [0.0]
    line = StatusLine(tmp_path, moment=lambda: Moment(50.0, 1_000_000.0 + ahead[0]))
    ahead[0] = -7200.0
    line.tell(CaptureReport, 0.0)
    process = decode(listener.recv(65536)).process
    assert process.clock_jumps == 1
    assert -7_200_500 < process.last_jump_ms < -7_199_500
