"""Keys and grants lie in files that only the feed's user can read, written whole or not at all."""

from __future__ import annotations

import json
import os
import stat
import threading

import msgspec
import pytest
import zmq

from appliance.feed.grants import GrantBook, GrantError, GrantWatch
from appliance.feed.keys import Connection, CurveKeys, box_keys, write_seat_keys
from appliance.feed.private_file import PrivateFileError, locked, read_private, write_private
from appliance.seat.keys import SeatError, SeatKeys


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_the_boxs_keys_are_made_once_and_stay(tmp_path):
    first = box_keys(tmp_path / "feed")
    assert box_keys(tmp_path / "feed") == first
    assert zmq.curve_public(first.secret) == first.public
    assert first.secret.decode() not in repr(first)


def test_key_files_are_for_their_owner_only(tmp_path):
    box_keys(tmp_path / "feed")
    assert mode(tmp_path / "feed") == 0o700
    for name in ("box.key_secret", "box.key", "box.lock"):
        assert mode(tmp_path / "feed" / name) == 0o600


def test_two_processes_that_start_at_once_agree_on_the_keys(tmp_path):
    found = []
    threads = [threading.Thread(target=lambda: found.append(box_keys(tmp_path / "feed"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


def test_a_secret_that_others_may_read_is_not_used(tmp_path):
    box_keys(tmp_path)
    (tmp_path / "box.key_secret").chmod(0o644)
    with pytest.raises(PrivateFileError, match="chmod 600"):
        box_keys(tmp_path)


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 40, b"x" * 5_000_000])
def test_a_damaged_secret_is_not_replaced_silently(tmp_path, content):
    write_private(tmp_path / "box.key_secret", content)
    with pytest.raises(PrivateFileError, match=r"no CURVE key|not a file of the feed"):
        box_keys(tmp_path)
    assert (tmp_path / "box.key_secret").read_bytes() == content


def test_a_write_that_fails_leaves_the_old_content_and_no_litter(tmp_path):
    path = tmp_path / "seats.json"
    write_private(path, b"old")
    with pytest.raises(PrivateFileError, match="cannot be written"):
        write_private(path / "below", b"new")
    assert read_private(path) == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["seats.json"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_writes_belongs_to_the_directorys_owner(tmp_path):
    state = tmp_path / "feed"
    state.mkdir(mode=0o700)
    os.chown(state, 4321, 4322)
    book = GrantBook(state)
    enrol(book, "8001")
    made = list(state.iterdir())
    # The locks, too: a feed of that user cannot start without them.
    assert {path.suffix for path in made} >= {".lock"}
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(4321, 4322)}


def test_a_lock_is_held_against_others(tmp_path):
    held, second = locked(tmp_path / "lock"), locked(tmp_path / "lock", wait=False)
    with held, pytest.raises(PrivateFileError, match="another process"), second:
        pass
    with locked(tmp_path / "lock", wait=False):
        pass


def test_a_seats_directory_is_read_back_by_the_client(tmp_path):
    keys, box = CurveKeys.generate(), CurveKeys.generate()
    write_seat_keys(tmp_path / "8001", "8001", keys, box.public, Connection("10.0.0.5", 5570, 5599))
    for directory, seat in ((tmp_path, "8001"), (tmp_path / "8001", "8001"), (tmp_path / "8001", None)):
        read = SeatKeys.load(directory, seat)
        assert (read.seat, read.public, read.secret, read.box) == (
            "8001",
            keys.public,
            keys.secret,
            box.public,
        )
        assert read.addresses() == ("tcp://10.0.0.5:5570", "tcp://10.0.0.5:5599")
    assert {mode(path) for path in (tmp_path / "8001").iterdir()} == {0o600}
    assert keys.secret.decode() not in repr(read)
    with pytest.raises(PrivateFileError, match="exists already"):
        write_seat_keys(tmp_path / "8001", "8001", keys, box.public, Connection("h", 1, 2))


@pytest.mark.parametrize(
    ("publish", "control", "expected"),
    [
        ("tcp://box:7000", None, ("tcp://box:7000", "tcp://box:7001")),
        ("tcp://box:5570", None, ("tcp://box:5570", "tcp://box:5599")),
        ("tcp://[::1]:7000", None, ("tcp://[::1]:7000", "tcp://[::1]:7001")),
        ("tcp://box:7000", "tcp://box:9", ("tcp://box:7000", "tcp://box:9")),
    ],
)
def test_the_control_port_is_the_enrolled_one_or_the_next(publish, control, expected):
    keys = SeatKeys("8001", b"", b"", b"", "10.0.0.5", 5570, 5599)
    assert keys.addresses(publish, control) == expected


@pytest.mark.parametrize(
    "publish", ["box:7000", "tcp://box", "tcp://:7000", "tcp://box:x", "tcp://box:0", None]
)
def test_a_wrong_address_is_said(publish):
    with pytest.raises(SeatError, match="tcp://HOST:PORT"):
        SeatKeys("8001", b"", b"", b"").addresses(publish)


def test_the_client_says_what_is_wrong_with_a_directory(tmp_path):
    with pytest.raises(SeatError, match="ridge seats enrol"):
        SeatKeys.load(tmp_path, "8001")
    write_seat_keys(tmp_path / "8001", "8001", CurveKeys.generate(), b"k" * 40, Connection("h", 1, 2))
    with pytest.raises(SeatError, match="of seat 8001, not of 8002"):
        SeatKeys.load(tmp_path / "8001", "8002")
    (tmp_path / "8001" / "seat.key").write_bytes(b"short")
    with pytest.raises(SeatError, match="40 characters"):
        SeatKeys.load(tmp_path, "8001")
    (tmp_path / "8001" / "connection.json").write_text("{")
    with pytest.raises(SeatError, match="damaged"):
        SeatKeys.load(tmp_path, "8001")
    (tmp_path / "8001" / "connection.json").write_text(json.dumps({"v": 2, "seat": "8001"}))
    with pytest.raises(SeatError, match="another version"):
        SeatKeys.load(tmp_path, "8001")


def enrol(book, *seats):
    return [book.enrol(seat, CurveKeys.generate().public, 1) for seat in seats]


def test_enrolled_seats_are_there_until_they_are_revoked(tmp_path):
    book = GrantBook(tmp_path / "feed")
    assert book.read() == {}
    first, second = enrol(book, "8001", "desk-2.a")
    assert GrantBook(tmp_path / "feed").read() == {"8001": first, "desk-2.a": second}
    assert mode(book.path) == 0o600
    assert book.revoke("8001") == first
    assert list(book.read()) == ["desk-2.a"]


def test_what_cannot_be_enrolled_or_revoked_is_said(tmp_path):
    book = GrantBook(tmp_path)
    enrol(book, "8001")
    with pytest.raises(GrantError, match="revoke it first"):
        enrol(book, "8001")
    with pytest.raises(GrantError, match="not enrolled"):
        book.revoke("8002")
    for seat in ("", "a" * 33, "8001/", "8001\n", "..", ".", "座席", "a b"):
        with pytest.raises(GrantError, match="no seat id"):
            enrol(book, seat)
    assert list(book.read()) == ["8001"]


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file["seats"].append(file["seats"][0]),
        lambda file: file["seats"].append(file["seats"][0] | {"id": "8002"}),
        lambda file: file["seats"][0].update(role="everything"),
        lambda file: file["seats"][0].update(key="short"),
        lambda file: file["seats"][0].update(extra=1),
        lambda file: file.update(v=2),
    ],
)
def test_a_damaged_book_grants_nothing(tmp_path, change):
    book = GrantBook(tmp_path)
    enrol(book, "8001")
    file = msgspec.json.decode(book.path.read_bytes())
    change(file)
    write_private(book.path, msgspec.json.encode(file))
    with pytest.raises(PrivateFileError, match="no seat is let in"):
        book.read()
    watch = GrantWatch(book)
    with pytest.raises(PrivateFileError):
        watch.poll()
    assert watch.grants == {}


def test_a_watch_sees_every_change_once(tmp_path):
    book = GrantBook(tmp_path)
    watch = GrantWatch(book)
    assert (watch.poll(), dict(watch.grants)) == (True, {})
    assert not watch.poll()
    enrol(book, "8001")
    assert (watch.poll(), list(watch.grants)) == (True, ["8001"])
    assert not watch.poll()
    book.revoke("8001")
    assert (watch.poll(), dict(watch.grants)) == (True, {})
    enrol(book, "8001")
    assert watch.poll()
    book.path.unlink()
    assert (watch.poll(), dict(watch.grants)) == (True, {})
