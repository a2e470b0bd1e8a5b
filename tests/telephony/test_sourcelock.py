"""When another source is believed."""

from __future__ import annotations

from appliance.telephony.rtp import RtpPacket
from appliance.telephony.sourcelock import KEPT, RELOCK_PACKETS, RELOCK_SILENCE, SourceLock

GATEWAY, OTHER = ("10.0.0.1", 4000), ("10.0.0.9", 4000)


def packet(ssrc: int, sequence: int) -> RtpPacket:
    return RtpPacket(8, False, sequence & 0xFFFF, 160 * sequence, ssrc, b"\xd5" * 160)


def locked(at: float = 0.0) -> SourceLock:
    lock = SourceLock()
    assert lock.offer(packet(1, 100), GATEWAY, at) == [(packet(1, 100), at)]
    lock.heard = at
    return lock


def offer(lock: SourceLock, sequences: list[int], *, ssrc: int = 2, source=OTHER, begin: float = 0.02) -> int:
    """Offer packets, one each 20 ms; returns how many were to be played."""
    played = 0
    for step, sequence in enumerate(sequences):
        played += len(lock.offer(packet(ssrc, sequence), source, begin + 0.02 * step))
        if lock.matches(packet(ssrc, 0), source):
            break
    return played


def test_the_first_source_is_the_one() -> None:
    lock = locked()
    assert lock.matches(packet(1, 101), GATEWAY)
    assert not lock.matches(packet(2, 101), GATEWAY)
    assert not lock.matches(packet(1, 101), OTHER)


def test_another_source_is_believed_once_the_first_is_silent_and_nothing_of_it_is_lost() -> None:
    lock = locked()
    played = offer(lock, list(range(65_530, 65_550)))
    # The packets of the silence that is asked for, and perhaps one more.
    assert played in (round(RELOCK_SILENCE / 0.02), round(RELOCK_SILENCE / 0.02) + 1)
    assert lock.matches(packet(2, 0), OTHER)
    assert (lock.changes, lock.refused) == (1, 0)


def test_another_source_is_not_believed_while_the_first_speaks() -> None:
    lock = locked()
    for step in range(100):
        lock.heard = 0.02 * step
        assert lock.offer(packet(2, step), OTHER, 0.02 * step + 0.01) == []
    assert lock.matches(packet(1, 0), GATEWAY)
    assert lock.refused >= 90


def test_packets_out_of_order_or_of_changing_sources_are_not_believed() -> None:
    lock = locked()
    assert offer(lock, [5, 900, 17, 3, 50_000] * 10, begin=1.0) == 0
    for step in range(100):
        assert lock.offer(packet(step, step), OTHER, 5.0 + 0.02 * step) == []
    assert lock.changes == 0


def test_after_a_long_silence_a_few_packets_are_enough() -> None:
    lock = locked()
    assert offer(lock, list(range(20)), begin=60.0) == RELOCK_PACKETS


def test_the_same_ssrc_from_another_address_is_another_source() -> None:
    lock = locked()
    assert offer(lock, [101, 102], ssrc=1) == 0
    assert offer(lock, list(range(101, 121)), ssrc=1, begin=0.3) > 0
    assert lock.matches(packet(1, 0), OTHER)


def test_what_is_kept_of_a_flood_is_bounded() -> None:
    lock = locked()
    for step in range(1000):
        lock.offer(packet(2, step), OTHER, 0.0001 * step)
    assert lock.refused == 1000
    believed = lock.offer(packet(2, 1000), OTHER, 1.0)
    assert [one.sequence for one, _ in believed] == list(range(1001 - KEPT, 1001))
    assert lock.refused == 1001 - KEPT
