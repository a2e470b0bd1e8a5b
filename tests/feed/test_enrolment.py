"""Three hundred seats at once: a list in, key directories or one-time codes out."""

from __future__ import annotations

import csv
import json
import threading
import time

import msgspec
import pytest
import zmq

from appliance.feed.codes import MAX_TRIES, CodeBook, CodeError
from appliance.feed.grants import Entry, GrantBook, GrantError
from appliance.feed.keys import CurveKeys
from appliance.feed.seat_list import SeatListError, read_seat_list
from appliance.seat.client import SeatClient
from appliance.seat.enrolment import redeem
from appliance.seat.keys import SeatError, SeatKeys
from tests.feed.running import drain, eventually, receive, running_feed
from tests.protocol.samples import profile

HOUR = 3_600_000


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("seats.txt", "# the loans desk\n8001\n\n  8002  \n"),
        ("seats.csv", "seat,group\n8001,loans\n8002,loans\n"),
        ("seats.csv", "\ufeffgroup;seat\r\nloans;8001\r\nloans;8002\r\n"),
        ("seats.toml", '[[seats]]\nseat = "8001"\n[[seats]]\nseat = "8002"\ngroup = "loans"\n'),
    ],
)
def test_a_list_may_be_lines_csv_or_toml(name, text):
    entries = read_seat_list(text.encode(), name, "loans")
    assert entries == [Entry("8001", "seat", "loans"), Entry("8002", "seat", "loans")]


def test_a_list_names_supervisors_by_their_role():
    entries = read_seat_list(b"seat,group,role\nlead,loans,supervisor\n8001,loans,\n", "s.csv")
    assert entries == [Entry("lead", "supervisor", "loans"), Entry("8001", "seat", "loans")]


def test_everything_that_is_wrong_with_a_list_is_said_at_once_with_its_place():
    text = "seat,group,role\n8001,,\n8001,,\n80 02,,\n8003,a/b,\n8004,,king\n8005,,supervisor\n"
    with pytest.raises(SeatListError) as caught:
        read_seat_list(text.encode(), "seats.csv")
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        f"seats.csv, line {number}" for number in (3, 4, 5, 6, 7)
    ]
    for word in ("twice", "no seat id", "no name of a group", "no role", "--group"):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("a.txt", b"", "names no seat"),
        ("a.txt", b"\xff\xfe8\x001", "not UTF-8"),
        ("a.csv", b"seat,desk\n8001,1\n", "no such column: desk"),
        ("a.csv", b"seat\n8001,1\n", "has 2 fields"),
        ("a.toml", b"[[seats]\n", "is not TOML"),
        ("a.toml", b"seats = 3\n", r"\[\[seats\]\]"),
        ("a.toml", b"[[seats]]\nseat = 8001\n", "in quotes"),
        ("a.txt", b"x" * 1_000_001, "divide the list"),
    ],
)
def test_a_list_that_is_none_is_said(name, data, problem):
    with pytest.raises(SeatListError, match=problem):
        read_seat_list(data, name)


@pytest.fixture
def books(tmp_path):
    grants = GrantBook(tmp_path)
    return grants, CodeBook(tmp_path, grants)


KEY = CurveKeys.generate().public


def test_a_code_is_good_once(books):
    grants, codes = books
    ((entry, code),) = codes.issue([Entry("8001", "seat", "loans")], 0, HOUR)
    assert codes.redeem("8001", code.lower().replace("-", " "), KEY, 1) == entry
    assert grants.read()["8001"].key.encode() == KEY
    assert grants.read()["8001"].group == "loans"
    with pytest.raises(CodeError):
        codes.redeem("8001", code, CurveKeys.generate().public, 2)


def test_a_code_is_for_its_seat_and_its_time(books):
    grants, codes = books
    (_, first), (_, second) = codes.issue([Entry("8001"), Entry("8002")], 0, HOUR)
    for seat, code, wall in (("8002", first, 0), ("8001", second, 0), ("8001", first, HOUR), ("9", first, 0)):
        with pytest.raises(CodeError):
            codes.redeem(seat, code, KEY, wall)
    assert grants.read() == {}
    assert codes.redeem("8001", first, KEY, HOUR - 1).id == "8001"


def test_a_code_is_void_after_too_many_tries_also_over_restarts(books, tmp_path):
    grants, codes = books
    ((_, code),) = codes.issue([Entry("8001")], 0, HOUR)
    for _ in range(MAX_TRIES):
        with pytest.raises(CodeError):
            CodeBook(tmp_path, grants).redeem("8001", "0000-0000-0000-0000", KEY, 0)
    with pytest.raises(CodeError):
        codes.redeem("8001", code, KEY, 0)


def test_codes_are_not_kept_in_clear_and_a_new_one_replaces_the_old(books):
    _, codes = books
    ((_, old),) = codes.issue([Entry("8001")], 0, HOUR)
    ((_, new),) = codes.issue([Entry("8001")], 0, HOUR)
    assert old not in codes.path.read_text()
    assert codes.path.stat().st_mode & 0o077 == 0
    with pytest.raises(CodeError):
        codes.redeem("8001", old, KEY, 0)
    codes.redeem("8001", new, KEY, 0)
    with pytest.raises(GrantError, match="enrolled already"):
        codes.issue([Entry("8001")], 0, HOUR)


def test_a_key_that_is_somebodys_is_not_enrolled_twice(books):
    grants, codes = books
    (_, first), (_, second) = codes.issue([Entry("8001"), Entry("8002")], 0, HOUR)
    codes.redeem("8001", first, KEY, 0)
    with pytest.raises(CodeError):
        codes.redeem("8002", second, KEY, 0)
    assert list(grants.read()) == ["8001"]


def box_file(feed):
    path = feed.directory / "box.json"
    port = feed.service._sockets.enrolment.port
    path.write_text(json.dumps({"v": 1, "host": "127.0.0.1", "enrol_port": port, "box": feed.box.decode()}))
    return path


def issue(feed, *entries, valid_ms=HOUR):
    wall = time.time_ns() // 1_000_000
    issued = CodeBook(feed.state, feed.book).issue(entries, wall, wall + valid_ms)
    eventually(lambda: feed.service._sockets.enrolment.socket is not None, "the enrolment socket to open")
    return {entry.id: code for entry, code in issued}


def test_seats_enrol_themselves_and_the_socket_closes_behind_them(tmp_path):
    with running_feed(tmp_path) as feed:
        assert feed.service._sockets.enrolment.socket is None
        seats = [str(number) for number in range(8001, 8013)]
        codes = issue(feed, *[Entry(seat) for seat in seats])
        box = box_file(feed)
        threads = [
            threading.Thread(target=redeem, args=(box, seat, codes[seat], tmp_path / "keys" / seat))
            for seat in seats
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert feed.seats == set(seats)
        eventually(lambda: feed.service._sockets.enrolment.socket is None, "the enrolment socket to close")
        keys = SeatKeys.load(tmp_path / "keys", "8005")
        feed.send(profile(seat="8005"))
        with SeatClient(keys) as client:
            eventually(lambda: "'profile'" in str(client.receive(0.1)), "a profile under the new key")
        with pytest.raises(SeatError, match="has a key already"):
            redeem(box, "8005", codes["8005"], tmp_path / "keys" / "8005")


def test_a_wrong_code_is_refused_counted_and_enrols_nobody(tmp_path):
    with running_feed(tmp_path) as feed:
        issue(feed, Entry("8001"))
        with pytest.raises(SeatError, match="not accepted"):
            redeem(box_file(feed), "8001", "1234-5678-9ABC-DEFG", tmp_path / "k")
        assert not (tmp_path / "k").exists()
        assert feed.seats == set()
        assert feed.service._sockets.enrolment.counters.bad_codes == 1


def test_the_enrolment_socket_is_good_for_nothing_else(tmp_path):
    with running_feed(tmp_path, "8001") as feed:
        issue(feed, Entry("8002"))
        port = feed.service._sockets.enrolment.port
        stranger = feed.peer(zmq.DEALER, port, CurveKeys.generate())
        for request in (
            {"ask": "snapshot", "id": 1},
            {"ask": "lease", "id": 1},
            [1],
            {"ask": "redeem", "id": 1},
        ):
            stranger.send(msgspec.msgpack.encode(request))
            assert msgspec.msgpack.decode(receive(stranger)[0])["error"] == "bad_request"
        stranger.send_multipart([b"x"] * 9)
        stranger.send(b"\xc1" * 100_000)
        elsewhere = feed.subscriber(CurveKeys.generate(), "", "seat/8001/")
        eventually(lambda: feed.service._authenticator.denied >= 1, "the stranger to be denied elsewhere")
        assert drain(elsewhere) == []


def test_without_the_boxs_key_nobody_can_even_try(tmp_path):
    with running_feed(tmp_path) as feed:
        codes = issue(feed, Entry("8001"))
        box = box_file(feed)
        wrong = json.loads(box.read_text()) | {"box": CurveKeys.generate().public.decode()}
        box.write_text(json.dumps(wrong))
        with pytest.raises(SeatError, match="did not answer"):
            redeem(box, "8001", codes["8001"], tmp_path / "k", seconds=0.7)
        assert feed.seats == set()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"v": 1}', '{"host": 1, "enrol_port": 1, "box": "x"}'])
def test_a_damaged_box_file_is_said(tmp_path, content):
    (tmp_path / "box.json").write_text(content)
    with pytest.raises(SeatError, match="ask the admin"):
        redeem(tmp_path / "box.json", "8001", "x", tmp_path / "k")


def test_expired_codes_close_the_socket(tmp_path):
    with running_feed(tmp_path) as feed:
        codes = issue(feed, Entry("8001"), valid_ms=1500)
        box = box_file(feed)
        eventually(lambda: feed.service._sockets.enrolment.socket is None, "the codes to expire")
        with pytest.raises(SeatError, match="did not answer"):
            redeem(box, "8001", codes["8001"], tmp_path / "k", seconds=0.7)


def test_an_admin_enrols_three_hundred_from_a_list(ridge, tmp_path, capsys):
    seats = [str(8000 + number) for number in range(300)]
    (tmp_path / "seats.csv").write_text("seat,group\n" + "".join(f"{seat},loans\n" for seat in seats))
    assert (
        ridge("seats", "enrol", "--list", str(tmp_path / "seats.csv"), "--out", str(tmp_path / "keys")) == 0
    )
    said = capsys.readouterr()
    assert "300 seats are enrolled" in said.out
    assert "key directories: 300 of 300" in said.err
    assert SeatKeys.load(tmp_path / "keys", "8299").seat == "8299"
    grants = GrantBook(tmp_path / "state" / "feed").read()
    assert (len(grants), grants["8000"].group) == (300, "loans")
    assert ridge("seats", "list", "--json") == 0


def test_an_admin_gives_codes_out(ridge, tmp_path, capsys):
    (tmp_path / "seats.txt").write_text("8001\n8002\n")
    codes = tmp_path / "codes.csv"
    assert ridge("seats", "enrol", "--list", str(tmp_path / "seats.txt"), "--codes", str(codes)) == 0
    rows = list(csv.DictReader(codes.read_text().splitlines()))
    assert [row["seat"] for row in rows] == ["8001", "8002"]
    assert len({row["code"] for row in rows}) == 2
    assert codes.stat().st_mode & 0o077 == 0
    box = json.loads((tmp_path / "box.json").read_text())
    assert (box["host"], box["enrol_port"]) == ("10.1.2.3", 5572)
    capsys.readouterr()
    ridge("seats", "list")
    assert "open codes: 2 (8001, 8002)" in capsys.readouterr().out
