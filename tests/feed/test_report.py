"""What the feed says of itself to the console, from a real feed with a real seat."""

from __future__ import annotations

import socket

from appliance.box.status.line import STATUS_SOCKET
from appliance.box.status.reports import FeedReport, Seat, decode
from tests.feed.running import eventually, running_feed
from tests.protocol.samples import call, profile


def test_the_report_names_who_is_connected_and_counts_what_passed(tmp_path):
    with running_feed(tmp_path) as feed, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "run" / STATUS_SOCKET))
        line.settimeout(20)
        feed.enrol("8001", group="loans")
        feed.enrol("8002")
        feed.listener("8001")
        feed.send(call(), profile(), b"no message of the door")
        eventually(lambda: feed.service._door.counters.refused == 1, "the refusal")
        while (report := decode(line.recv(65_536))).accepted < 2:
            pass
    assert isinstance(report, FeedReport)
    assert (report.enrolled, report.connected, report.leases) == (2, 1, 1)
    assert (report.accepted, report.undecodable) == (2, 1)
    assert report.seats == (Seat("8001", False, 1, "loans"), Seat("8002", False, 0))
    assert report.ledger.state == "ok"
    assert report.ledger.records > 0
