import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.box.status.reports import (
    MAX_BYTES,
    MAX_RED_BYTES,
    MOST_CALLS,
    MOST_SEATS,
    CaptureReport,
    Confinement,
    EngineReport,
    FeedReport,
    LiveCall,
    Process,
    ReportError,
    Seat,
    decode,
    encode,
    role_of,
)

PROCESS = Process(version="0.1.0", uptime=3600, confinement=Confinement(*[True] * 6))
REPORTS = (
    CaptureReport(PROCESS, calls=3, received=1000),
    EngineReport(PROCESS, 1, recognizer="asr-zh-pinyin-telephone"),
    FeedReport(PROCESS, seats=(Seat("8001", False, 1, "loans"),)),
)


@pytest.mark.parametrize("report", REPORTS, ids=role_of)
def test_a_report_passes_as_it_is(report):
    assert decode(encode(report)) == report


def test_the_longest_reports_that_the_schema_allows_fit_into_their_datagrams():
    call = LiveCall("x" * 8, "s" * 32, 86_400, ("emotion", "prosody", "quotes", "memory"), True)
    names = dict.fromkeys(("begun", "failed", "blocks", "messages", "waiting", "dropped"), 2**53)
    engine = EngineReport(PROCESS, 63, recognizer="m" * 64, models=("m" * 64,) * 8, **names)
    assert len(encode(engine)) <= MAX_RED_BYTES
    assert decode(encode(engine)) == engine
    seat = Seat("s" * 32, True, 65_535, "g" * 8)
    feed = FeedReport(PROCESS, seats=(seat,) * MOST_SEATS, live=(call,) * MOST_CALLS)
    assert len(encode(feed)) <= MAX_BYTES
    assert decode(encode(feed)) == feed


@pytest.mark.parametrize(
    "change",
    [
        {"recognizer": "我想买基金"},
        {"recognizer": "a" * 65},
        {"calls": -1},
        {"calls": 1.5},
        {"blocks": 2**60},
        {"said": "基金"},
        {"live": [["x" * 8, "8001", 1, []]]},
        {"models": [b"pcm"]},
        {"role": "console"},
    ],
    ids=str,
)
def test_what_is_not_in_the_schema_does_not_pass(change):
    plain = msgspec.msgpack.decode(encode(REPORTS[1]))
    with pytest.raises(ReportError):
        decode(msgspec.msgpack.encode(plain | change))


@pytest.mark.parametrize(
    "live",
    [
        [["x" * 22, "8001", 1, []]],
        [["x" * 8, "8001 张三", 1, []]],
        [["x" * 8, "8001", -1, []]],
        [["x" * 8, "8001", 1, ["transcript"]]],
        [["x" * 8, "8001", 1, []]] * (MOST_CALLS + 1),
    ],
)
def test_a_call_is_named_by_nothing_but_its_mark_and_seat(live):
    plain = msgspec.msgpack.decode(encode(REPORTS[2]))
    with pytest.raises(ReportError):
        decode(msgspec.msgpack.encode(plain | {"live": live}))


def test_a_red_process_may_not_say_as_much_as_the_feed():
    plain = msgspec.msgpack.decode(encode(REPORTS[0]))
    plain["process"]["version"] = "1.0"
    padded = plain | {"calls": 1}
    assert decode(msgspec.msgpack.encode(padded))
    # The same key again and again is a well-formed map of msgpack that says nothing new and is long.
    body = b"".join(
        msgspec.msgpack.encode(key) + msgspec.msgpack.encode(value) for key, value in padded.items()
    )
    repeated = msgspec.msgpack.encode("calls") + msgspec.msgpack.encode(1)
    count = MAX_RED_BYTES // len(repeated)
    data = b"\xdf" + (len(padded) + count).to_bytes(4, "big") + body + repeated * count
    with pytest.raises(ReportError):
        decode(data)


patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@patient
@given(st.binary(max_size=300))
def test_noise_is_refused_and_nothing_else_happens(data):
    try:
        report = decode(data)
    except ReportError:
        return
    assert decode(encode(report)) == report


@patient
@given(st.sampled_from(REPORTS), st.data())
def test_a_damaged_report_is_refused_or_in_the_schema(report, data):
    good = bytearray(encode(report))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(good[: data.draw(st.integers(0, len(good)))])
    for attempt in (bytes(good), cut):
        try:
            assert decode(encode(decode(attempt)))
        except ReportError:
            continue
