"""The egress ledger: what left is in it, nothing of what was said is, and no change of it goes unseen."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.cli import CommandError
from appliance.feed.ledger import (
    CHECKPOINT_MS,
    CHECKPOINT_RECORDS,
    FILES,
    HEAD_FILE,
    Ledger,
    LedgerError,
    file_name,
    file_numbers,
    ledger_key,
)
from appliance.feed.ledger_records import Sent, fields_of, from_letters, in_letters, kind_of, record_of
from appliance.feed.ledger_verify import LedgerVerifier
from appliance.protocol.codec import encode
from appliance.protocol.messages import BeatMessage
from tests.feed.running import eventually, running_feed, until
from tests.protocol.samples import call, cue, profile

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
MESSAGES = [encode(message) for message in (call(), profile(), profile(quote="想想再说"), cue())]
NOW = 1_760_000_000_000


def written(directory, count=40, step=CHECKPOINT_MS // 3, megabytes=16):
    """A ledger with entries and checkpoints, closed; returns the one that wrote it."""
    ledger = Ledger(directory, KEY, megabytes)
    ledger.open(NOW)
    for number in range(count):
        data = MESSAGES[number % len(MESSAGES)]
        ledger.enter(kind_of(data), f"seat/{8001 + number % 3}/", data, 1 + number % 2, NOW + number * step)
        ledger.flush(NOW + number * step)
    ledger.close(NOW + count * step)
    return ledger


def verify(directory, **options):
    return LedgerVerifier(directory, KEY.public_key(), **options).verify()


def lines_of(directory, number=1):
    return (directory / file_name(number)).read_bytes().splitlines(keepends=True)


def rewrite(directory, lines, number=1):
    (directory / file_name(number)).write_bytes(b"".join(lines))


def test_a_ledger_that_nobody_touched_verifies(tmp_path):
    written(tmp_path)
    verdict = verify(tmp_path)
    assert verdict.problems == []
    assert (verdict.messages, verdict.files, verdict.unsigned) == (60, 1, 0)
    assert (verdict.first, verdict.last) == (NOW, NOW + 40 * (CHECKPOINT_MS // 3))


def test_an_entry_has_time_topic_size_hash_and_kind_and_nothing_of_the_content(tmp_path):
    written(tmp_path, 4)
    text = (tmp_path / file_name(1)).read_text()
    sent = [record for record in map(record_of, text.encode().splitlines()) if isinstance(record, Sent)]
    assert [(record.kind, record.to, record.size, record.sha256) for record in sent] == [
        (kind, f"seat/{8001 + number % 3}/", len(data), hashlib.sha256(data).hexdigest())
        for number, (kind, data) in enumerate(
            zip(("call", "profile", "profile+quote", "cue"), MESSAGES, strict=True)
        )
    ]
    for content in ("想想", "let_them_verify", "objection.doubt", "warming", "k3Jf9"):
        assert content not in text


def test_the_fields_of_each_kind_are_named_once_a_file():
    assert fields_of("beat") == ("type", "v", "seat", "seq", "wall")
    assert "evidence.quote" in fields_of("profile+quote")
    assert "evidence.quote" not in fields_of("profile")
    assert "influence.mind.trust.confidence" in fields_of("profile")
    assert fields_of("reply.error") == ("reply", "id", "error")
    for data in [*MESSAGES, encode(BeatMessage(1, "8001", 1, NOW))]:
        named = {name.partition(".")[0] for name in fields_of(kind_of(data))}
        assert set(msgspec.msgpack.decode(data)) <= named


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_change_of_any_byte_is_found(tmp_path_factory, data):
    directory = tmp_path_factory.mktemp("ledger")
    written(directory, 12)
    content = bytearray((directory / file_name(1)).read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    (directory / file_name(1)).write_bytes(content)
    assert verify(directory).problems


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_line_that_is_taken_away_moved_or_doubled_is_found(tmp_path_factory, data):
    directory = tmp_path_factory.mktemp("ledger")
    written(directory, 12)
    lines = lines_of(directory)
    place = data.draw(st.integers(0, len(lines) - 1))
    how = data.draw(st.sampled_from(["take", "double", "swap"]))
    if how == "take":
        del lines[place]
    elif how == "double":
        lines.insert(place, lines[place])
    else:
        other = data.draw(st.integers(0, len(lines) - 1).filter(lambda number: number != place))
        lines[place], lines[other] = lines[other], lines[place]
    rewrite(directory, lines)
    assert verify(directory).problems


def test_the_place_of_a_change_is_named(tmp_path):
    written(tmp_path)
    lines = lines_of(tmp_path)
    place = next(number for number, line in enumerate(lines) if b'"is":"sent"' in line and number > 20)
    lines[place] = lines[place].replace(b'"size":', b'"size":9')
    rewrite(tmp_path, lines)
    (problem,) = verify(tmp_path).problems
    assert "was changed" in problem
    after = int(problem.split("between ledger-00000001.jsonl, line ")[1].split()[0])
    before = int(problem.split(":")[0].rsplit(" ", 1)[1])
    assert after < place + 1 < before
    assert before - after < 12


@pytest.mark.parametrize("keep", [1, 5, 30, -1])
def test_an_end_that_was_cut_off_is_found(tmp_path, keep):
    written(tmp_path)
    rewrite(tmp_path, lines_of(tmp_path)[:keep])
    assert any("end is missing" in problem for problem in verify(tmp_path).problems)


def test_an_end_that_was_cut_off_with_an_older_head_is_found_by_what_the_journal_noted(tmp_path):
    ledger = Ledger(tmp_path, KEY, 16)
    ledger.open(NOW)
    early, head = lines_of(tmp_path), (tmp_path / HEAD_FILE).read_bytes()
    ledger.enter("cue", "seat/8001/", MESSAGES[3], 1, NOW)
    ledger.close(NOW + CHECKPOINT_MS)
    records, chain = ledger.position
    assert verify(tmp_path, anchors={records: chain}).problems == []
    rewrite(tmp_path, early)
    (tmp_path / HEAD_FILE).write_bytes(head)
    assert verify(tmp_path).problems == [], "without the note nothing is to be seen"
    assert "not there" in verify(tmp_path, anchors={records: chain}).problems[0]


def test_a_ledger_of_another_key_is_found(tmp_path):
    written(tmp_path)
    other = Ed25519PrivateKey.generate().public_key()
    problems = LedgerVerifier(tmp_path, other).verify().problems
    assert all("not that of this key" in p or "cannot be known" in p for p in problems)
    assert len(problems) > 2


def test_a_hash_is_noted_in_letters_that_the_journal_keeps():
    chain = hashlib.sha256(b"x").hexdigest()
    assert from_letters(in_letters(chain)) == chain == from_letters(chain)
    assert in_letters(chain).isalpha()


def rotated(directory, times=FILES + 3):
    """A ledger of small files."""
    ledger = Ledger(directory, KEY, 16)
    ledger._file_bytes = 3000
    ledger.open(NOW)
    number = 0
    while ledger._written.file < times:
        number += 1
        ledger.enter("cue", "seat/8001/", MESSAGES[3], 1, NOW + number)
        ledger.flush(NOW + number)
    ledger.close(NOW + number)


def test_files_are_bounded_and_the_oldest_goes(tmp_path):
    rotated(tmp_path)
    assert file_numbers(tmp_path) == list(range(4, FILES + 4))
    assert max(path.stat().st_size for path in tmp_path.glob("ledger-*")) < 5000
    verdict = verify(tmp_path)
    assert (verdict.problems, verdict.files) == ([], FILES)


@pytest.mark.parametrize("gone", [4, 9, FILES + 3])
def test_a_file_that_was_taken_away_is_found(tmp_path, gone):
    rotated(tmp_path)
    (tmp_path / file_name(gone)).unlink()
    assert any("missing" in problem for problem in verify(tmp_path).problems)


def test_files_that_were_exchanged_are_found(tmp_path):
    rotated(tmp_path)
    first, second = tmp_path / file_name(5), tmp_path / file_name(6)
    a, b = first.read_bytes(), second.read_bytes()
    first.write_bytes(b)
    second.write_bytes(a)
    assert any("is the beginning of" in problem for problem in verify(tmp_path).problems)


def test_a_ledger_goes_on_in_another_file_after_a_clean_end(tmp_path):
    written(tmp_path, 5)
    written(tmp_path, 5)
    verdict = verify(tmp_path)
    assert (verdict.problems, verdict.files, verdict.messages) == ([], 2, 14)


def test_what_a_killed_process_left_is_gone_on_from(tmp_path):
    program = (
        "import os, sys; from pathlib import Path; from tests.feed.test_ledger import *\n"
        "ledger = Ledger(Path(sys.argv[1]), KEY, 16); ledger.open(NOW)\n"
        "for n in range(30): ledger.enter('cue', 'seat/8001/', MESSAGES[3], 1, NOW); ledger.flush(NOW)\n"
        'os.write(ledger._descriptor, b\'{"is":"sent","n":\'); os.kill(os.getpid(), 9)'
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert "cut off" in verify(tmp_path).problems[0]
    written(tmp_path, 5)
    verdict = verify(tmp_path)
    assert verdict.problems == []
    assert verdict.messages == 37


def test_signed_records_that_are_gone_at_the_next_start_stay_visible(tmp_path):
    written(tmp_path)
    rewrite(tmp_path, lines_of(tmp_path)[:-8])
    written(tmp_path, 5)
    (problem,) = verify(tmp_path).problems
    assert "8 signed records" in problem or "signed records before it were not there" in problem


def test_many_records_are_signed_before_the_time_has_come(tmp_path):
    ledger = Ledger(tmp_path, KEY, 16)
    ledger.open(NOW)
    for _ in range(CHECKPOINT_RECORDS + 2):
        ledger.enter("cue", "seat/8001/", MESSAGES[3], 1, NOW)
    ledger.flush(NOW)
    assert verify(tmp_path).head[0] > CHECKPOINT_RECORDS
    ledger.close(NOW)


class FullDisk:
    """`os.write` of a disk that takes `left` more bytes."""

    def __init__(self, monkeypatch, left):
        self.left = left
        self.write = os.write
        monkeypatch.setattr("appliance.feed.ledger.os.write", self)

    def __call__(self, descriptor, data):
        if self.left <= 0:
            raise OSError(28, "No space left on device")
        taken = self.write(descriptor, bytes(data)[: self.left])
        self.left -= taken
        return taken


def test_a_disk_that_is_full_in_the_middle_of_a_line_leaves_no_trace(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path, KEY, 16)
    ledger.open(NOW)
    disk = FullDisk(monkeypatch, 70)
    for _ in range(3):
        ledger.enter("cue", "seat/8001/", MESSAGES[3], 1, NOW)
        with pytest.raises(LedgerError) as caught:
            ledger.flush(NOW)
        assert caught.value.code == "ENOSPC"
    disk.left = 1_000_000
    ledger.reopen(NOW)
    ledger.enter("cue", "seat/8001/", MESSAGES[3], 1, NOW)
    ledger.close(NOW + CHECKPOINT_MS)
    verdict = verify(tmp_path)
    assert (verdict.problems, verdict.messages) == ([], 1)


def test_a_disk_that_is_full_when_another_file_begins_loses_no_record(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path, KEY, 16)
    ledger._file_bytes = 2000
    ledger.open(NOW)
    disk = FullDisk(monkeypatch, 2_300)
    kept = failed = 0
    for number in range(40):
        ledger.enter("cue", "seat/8001/", MESSAGES[3], 1, NOW + number)
        try:
            ledger.flush(NOW + number)
            kept += 1
        except LedgerError:
            failed += 1
            disk.left = 5 if failed < 4 else 1_000_000
    ledger.close(NOW + 100)
    verdict = verify(tmp_path)
    assert failed == 4
    assert verdict.problems == []
    assert kept <= verdict.messages <= kept + failed
    assert verdict.files > 1


def test_a_directory_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "blocked").write_text("a file")
    with pytest.raises(LedgerError):
        Ledger(tmp_path / "blocked", KEY, 16).open(NOW)


def test_the_key_is_made_once_and_only_its_owner_may_read_it(tmp_path):
    first = ledger_key(tmp_path)
    assert ledger_key(tmp_path).private_bytes_raw() == first.private_bytes_raw()
    assert (tmp_path / "ledger.key_secret").stat().st_mode & 0o077 == 0
    assert bytes.fromhex((tmp_path / "ledger.key").read_text()) == first.public_key().public_bytes_raw()


def ledger_of(feed):
    key = ledger_key(feed.state).public_key()
    return LedgerVerifier(feed.state / "ledger", key).verify()


def test_everything_that_a_feed_sends_is_in_its_ledger(tmp_path):
    with running_feed(tmp_path, "8001") as feed:
        first, second = feed.listener("8001"), feed.listener("8001")
        until(first, "beat")
        until(second, "beat")
        feed.send(call(), profile(), cue())
        got = [frames[-1] for frames in until(first, "cue")]
        until(second, "cue")
        feed.stop()
        verdict = ledger_of(feed)
        assert verdict.problems == []
        counters = feed.service._egress.counters
        assert (verdict.messages, verdict.bytes) == (counters.messages, counters.bytes)
        text = (feed.state / "ledger" / file_name(1)).read_text()
        records = [record_of(line) for line in text.encode().splitlines()]
        digests = {record.sha256: record for record in records if isinstance(record, Sent)}
        for data in got:
            if msgspec.msgpack.decode(data)["type"] != "beat":
                entry = digests[hashlib.sha256(data).hexdigest()]
                assert (entry.size, entry.copies, entry.to) == (len(data), 2, "seat/8001/")
        assert {record.kind for record in records if isinstance(record, Sent)} >= {
            "beat",
            "reply.lease",
            "cue",
        }


def test_a_killed_feeds_ledger_verifies_after_the_next_start(tmp_path):
    with running_feed(tmp_path, "8001") as feed:
        until(feed.listener("8001"), "beat")
        # Stopped without closing anything, as a killed process is.
        feed.service._ledger.close = lambda wall: None
        feed.stop()
        feed.service = None
        feed.start()
        until(feed.listener("8001"), "beat")
        feed.stop()
        assert ledger_of(feed).problems == []


def test_on_a_full_disk_nothing_leaves_until_there_is_space_again(tmp_path, monkeypatch, capfd):
    with running_feed(tmp_path, "8001") as feed:
        seat = feed.listener("8001")
        until(seat, "beat")
        disk = FullDisk(monkeypatch, 0)
        eventually(lambda: feed.service._egress.counters.withheld > 3, "messages to be withheld")
        while seat.poll(0):
            seat.recv_multipart()
        feed.send(call(), profile(final=True))
        feed.passed(2)
        assert not seat.poll(600)
        said = capfd.readouterr().err
        assert '"event": "ledger_failed", "reason": "ENOSPC", "policy": "stop"' in said
        assert "nothing is sent to any seat until it works again" in said
        disk.left = 1_000_000
        until(seat, "beat")
        # What was withheld is not lost: the feed has it, and the beat's number tells the seat to ask.
        with feed.seat("8001") as client:
            eventually(lambda: "'final': True" in str(client.receive(0.1)), "the final profile")
        feed.stop()
        verdict = ledger_of(feed)
        assert (verdict.problems, verdict.unrecorded) == ([], 0)
        assert "ledger_works_again" in capfd.readouterr().err


def test_a_site_may_choose_to_go_on_without_a_ledger_and_it_is_said_loudly(tmp_path, monkeypatch, capfd):
    with running_feed(tmp_path, "8001", ledger_failure="go_on") as feed:
        seat = feed.listener("8001")
        until(seat, "beat")
        disk = FullDisk(monkeypatch, 0)
        feed.send(call(), cue())
        until(seat, "cue")
        asker = feed.asker(feed.keys["8001"])
        eventually(lambda: feed.lease(asker).get("ledger") is False, "a lease that tells of it")
        said = capfd.readouterr().err
        assert "WITHOUT entries" in said
        assert '"policy": "go_on"' in said
        disk.left = 1_000_000
        eventually(lambda: feed.service._egress.recorded, "the ledger to work again")
        feed.stop()
        verdict = ledger_of(feed)
        assert verdict.problems == []
        assert verdict.unrecorded == feed.service._egress.counters.unrecorded > 0


def test_a_site_may_have_no_ledger(tmp_path):
    with running_feed(tmp_path, "8001", ledger=False) as feed:
        until(feed.listener("8001"), "beat")
        assert not (feed.state / "ledger").exists()
        assert feed.lease(feed.asker(feed.keys["8001"]))["ledger"] is False


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip("this machine lets nobody mount a small file system here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_ledger_on_a_disk_that_is_really_full_stops_and_goes_on(small_disk):
    ledger = Ledger(small_disk, KEY, 16)
    ledger.open(NOW)
    kept = 0
    with pytest.raises(LedgerError) as caught:
        for number in range(10_000):
            ledger.enter("cue", "seat/8001/", MESSAGES[3], 1, NOW + number)
            ledger.flush(NOW + number)
            kept += 1
    assert caught.value.code == "ENOSPC"
    subprocess.run(["mount", "-o", "remount,size=1m", str(small_disk)], check=True)
    ledger.reopen(NOW + 20_000)
    ledger.close(NOW + 30_000)
    verdict = verify(small_disk)
    assert verdict.problems == []
    assert kept <= verdict.messages <= kept + 1


def test_the_command_verifies_and_says_what_it_found(tmp_path, capsys):
    import argparse  # noqa: PLC0415

    from appliance.inspection.privacy_command import add_commands  # noqa: PLC0415

    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())

    def ridge(*words):
        options = parser.parse_args(["privacy", "verify-ledger", *words])
        return options.run(options)

    ledger = written(tmp_path)
    public = KEY.public_key().public_bytes_raw().hex()
    noted = f"{ledger.position[0]}:{in_letters(ledger.position[1])}"
    assert ridge("--ledger", str(tmp_path), "--key", public, "--noted", noted) == 0
    assert "nothing was changed" in capsys.readouterr().out
    rewrite(tmp_path, lines_of(tmp_path)[:-2])
    assert ridge("--ledger", str(tmp_path), "--key", public, "--json") == 1
    assert json.loads(capsys.readouterr().out)["problems"]
    for wrong in (["--key", "12"], ["--ledger", str(tmp_path / "none")], ["--noted", "5"]):
        with pytest.raises(CommandError):
            ridge("--ledger", str(tmp_path), "--key", public, *wrong)
