"""`python -m tools.callsim FILE --target HOST:PORT`: plays a stereo recording as SIPREC calls."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tools.callsim import recording
from tools.callsim.caller import Call, CallResult, place, plans_for
from tools.callsim.media import Impairments, Script
from tools.callsim.metadata import STYLES
from tools.callsim.sip_client import GIVE_UP, SipFailureError

#: Without a terminal, progress is a line this often, in seconds.
LINE_EVERY = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        played = recording.load(options.file, options.codec, options.seconds)
    except recording.RecordingError as error:
        print(f"callsim: {error}", file=sys.stderr)
        return 2
    plans = plans_for(
        played,
        calls=options.calls,
        agent=options.agent,
        customer=options.customer,
        stagger=options.stagger,
        seed=options.seed,
        style=options.style,
        direction=options.direction,
        first=options.first,
        impairments=Impairments(options.loss, options.jitter, options.reorder, options.duplicate),
        script=Script(
            options.speed,
            tuple(sorted(options.hold)),
            tuple(sorted(options.keypress)),
            options.silence_suppression,
        ),
        fields=tuple(options.header),
        later=tuple(sorted(options.later)),
    )
    shown = _Shown(options.calls, played.seconds, quiet=options.quiet)
    try:
        with shown.progress:
            results = asyncio.run(
                place(
                    plans,
                    options.target,
                    options.transport,
                    bind=options.bind,
                    patience=options.patience,
                    progress=shown.update,
                )
            )
    except SipFailureError as error:
        print(f"callsim: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("callsim: interrupted", file=sys.stderr)
        return 130
    for result in results:
        print(json.dumps(result.as_json()) if options.json else _line(result), flush=True)
    return 0 if all(result.clean for result in results) else 1


class _Shown:
    """Progress on standard error: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, calls: int, seconds: float, *, quiet: bool) -> None:
        console = Console(stderr=True)
        self.progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f} of {task.total:.0f} s of {task.fields[calls]}"),
            TimeElapsedColumn(),
            console=console,
            disable=quiet or not console.is_terminal,
            transient=True,
        )
        self._lines = not quiet and not console.is_terminal
        self._seconds = seconds
        self._ticks = 0
        self._task = self.progress.add_task(
            "calling", total=seconds, calls=f"{calls} call{'s' if calls > 1 else ''}"
        )

    def update(self, calls: Sequence[Call]) -> None:
        played = sum(call.played for call in calls) / len(calls)
        self.progress.update(self._task, completed=played)
        self._ticks += 1
        if self._lines and self._ticks % int(LINE_EVERY / 0.5) == 0:
            answered = sum(call.result.answered for call in calls)
            print(
                f"callsim: {answered} of {len(calls)} calls answered, "
                f"{played:.0f} of {self._seconds:.0f} s played",
                file=sys.stderr,
                flush=True,
            )


def _line(result: CallResult) -> str:
    if result.clean:
        packets = sum(result.sent.values())
        extra = "".join(
            f", {getattr(result, name)} {name}"
            for name in ("lost", "duplicated", "reordered", "suppressed", "unsent")
            if getattr(result, name)
        )
        return (
            f"agent {result.agent}: answered in {result.setup_ms} ms, {packets} packets in "
            f"{result.media_seconds:.1f} s of media{extra}, ended by BYE; "
            f"at most {result.late_ms_max} ms behind schedule"
        )
    return f"agent {result.agent}: {result.ended}: {result.error or 'the server ended the call'}"


def _target(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no HOST:PORT; write for example 127.0.0.1:5060")
    return host.strip("[]"), int(port)


def _fraction(text: str) -> float:
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no probability; write 2% or 0.02")
    return value


def _time(text: str) -> float:
    matched = re.fullmatch(r"([0-9.]+)(ms|s)?", text)
    try:
        value = float(matched.group(1)) if matched else -1.0
    except ValueError:
        value = -1.0
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 30ms or 0.5s")
    return value / 1000 if matched and matched.group(2) == "ms" else value


def _span(text: str) -> tuple[float, float]:
    start, _, end = text.partition("-")
    span = (_time(start), _time(end or "0"))
    if span[0] >= span[1]:
        raise argparse.ArgumentTypeError(f"{text!r} is no span; write 20-30 for a hold from 20 s to 30 s")
    return span


def _field(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}: ?[ -~]{0,200}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no header field; write 'X-Ridge-Consent: refused'")
    return text


def _field_at(text: str) -> tuple[float, str]:
    at, equals, field = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} names no time; write '20=X-Ridge-Consent: refused'")
    return _time(at), _field(field)


def _positive(text: str) -> float:
    value = _time(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} must be more than 0")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="callsim",
        description="Plays a stereo recording to an appliance as a SIPREC recording client would. "
        "Ends with 0 only if every call was answered and ended cleanly.",
    )
    add = parser.add_argument
    add("file", type=Path, help="stereo recording: left customer, right agent (WAV, FLAC, Ogg; any rate)")
    add(
        "--target",
        type=_target,
        default=("127.0.0.1", 5060),
        metavar="HOST:PORT",
        help="the appliance's SIP port",
    )
    add("--transport", choices=("udp", "tcp"), default="udp")
    add("--bind", default="127.0.0.1", help="the gateway's own address (default %(default)s)")
    add(
        "--agent",
        default="8001",
        help="the first call's agent; further calls count upwards (default %(default)s)",
    )
    add("--customer", default="13900000000", help="the first call's customer (default %(default)s)")
    add(
        "--direction",
        choices=("inbound", "outbound"),
        default="inbound",
        help="who called: inbound, the customer",
    )
    add("--style", choices=tuple(STYLES), default="rfc7865", help="whose metadata (default %(default)s)")
    add("--first", choices=("agent", "customer"), default="agent", help="whose stream the offer names first")
    add("--codec", choices=("PCMA", "PCMU"), default="PCMA")
    add("--speed", type=_positive, default=1.0, help="times real time (default 1)")
    add("--seconds", type=_positive, help="cut or repeat the recording to this length")
    add("--loss", type=_fraction, default=0.0, metavar="2%", help="packets lost on the way")
    add("--jitter", type=_time, default=0.0, metavar="30ms", help="packets delayed by up to this")
    add("--reorder", type=_fraction, default=0.0, metavar="1%", help="packets that two others overtake")
    add("--duplicate", type=_fraction, default=0.0, metavar="1%", help="packets that come twice")
    add(
        "--hold",
        type=_span,
        action="append",
        default=[],
        metavar="20-30",
        help="on hold between these seconds",
    )
    add(
        "--keypress",
        type=_time,
        action="append",
        default=[],
        metavar="12.5",
        help="the customer presses a key",
    )
    add(
        "--header",
        type=_field,
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="a further header field of the INVITE, such as 'X-Ridge-Consent: refused'",
    )
    add(
        "--later",
        type=_field_at,
        action="append",
        default=[],
        metavar="'20=NAME: VALUE'",
        help="an UPDATE with that field at this second",
    )
    add("--silence-suppression", action="store_true", help="send no packets while a leg is silent")
    add("--calls", type=int, default=1, help="calls at once (default 1)")
    add("--stagger", type=_time, default=0.0, metavar="0.5s", help="time between the begins of calls")
    add(
        "--patience",
        type=_positive,
        default=GIVE_UP,
        help="seconds to wait for an answer (default %(default)s)",
    )
    add("--seed", type=int, help="makes loss, jitter and the rest the same again")
    add("--json", action="store_true", help="one JSON object a call on standard output")
    add("--quiet", action="store_true", help="no progress")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
