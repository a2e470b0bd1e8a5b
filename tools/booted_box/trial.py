"""What is tried on a booted box, from outside and at its keyboard, and what came of it."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tools.booted_box import sizes
from tools.booted_box.box import Box, Listing, MachineError
from tools.booted_box.cables import ADDRESSES, BOX_ADDRESSES, Cables
from tools.booted_box.findings import Finding
from tools.booted_box.installation import OTHER_SEAT, SEAT
from tools.booted_box.residue import Residue, Searcher, memory_of
from tools.booted_box.traces import changes, found_in, needles, runs
from tools.callsim import recording
from tools.demo_call import script as scripts
from tools.running import REPOSITORY

UNITS: Final = (
    "ridge-firewall.service", "ridge-feed.service", "ridge-engine@0.service", "ridge-capture.service",
    "ridge-console.service",
)  # fmt: skip
#: The highest exposure that systemd may find (`systemd-analyze security`).
EXPOSURE: Final = {"engine@0": 0.6, "feed": 1.5, "console": 1.5, "capture": 2.0, "report": 2.6}
CUSTOMER: Final = "13900000000"
#: What is written by design, and holds no word: the feed's ledger, keys and counts, and systemd's journal.
BY_DESIGN: Final = ("/var/lib/ridge/feed/", "/var/log/journal/")
#: Speech that a process may still hold when a call has ended, because nothing has overwritten it yet.
RESIDUE_SECONDS: Final = 0.5
_READY_SECONDS: Final = 300.0
_PORTS: Final = (22, 80, 443, 5060, 5061, 5570, 5571, 5572, 8443, 8730, 9090, 9443, 20000)


@dataclass(slots=True)
class Trial:
    """Runs the checks in order; what fails is noted and the next one goes on."""

    machine: Box
    cables: Cables
    keys: Path
    directory: Path
    call: str = "second_script"
    say: Callable[[str], None] = print
    findings: list[Finding] = field(default_factory=list)
    _before: Listing = field(default_factory=dict)
    _words_before: set[str] = field(default_factory=set)
    _known: dict[str, set[str]] = field(default_factory=dict)

    def note(self, name: str, tried: str, outcome: str, *, held: bool, came: float = 0.0) -> None:
        """Keep one result and say it; `came`: seconds of speech that came through."""
        budget = RESIDUE_SECONDS if name.startswith("memory_") else 0.0
        self.findings.append(Finding(name, tried, outcome, held, came, budget))
        self.say(f"{'ok  ' if held else 'FAIL'} {name}: {outcome}")

    def attempt(self, check: Callable[[], None]) -> None:
        """One check; an error in it is a result, too."""
        try:
            check()
        except (MachineError, OSError, subprocess.SubprocessError, KeyError, ValueError) as error:
            self.note(
                check.__name__, (check.__doc__ or "").strip(), f"could not be tried: {error}", held=False
            )

    # What runs, and how tightly

    def units(self) -> list[str]:
        """The appliance's units that are installed in the box."""
        listed = self.machine.run("systemctl list-unit-files --no-legend 'ridge*' | cut -d' ' -f1").split()
        return [unit for unit in UNITS if unit in listed or "@" in unit]

    def active(self) -> None:
        """All units are active after a start of the machine, each of them ready and none restarted."""
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            states = {unit: self.show(unit, "ActiveState", "NRestarts") for unit in self.units()}
            if all(state[0] == "active" for state in states.values()) or time.monotonic() > deadline:
                break
            time.sleep(1)
        bad = {
            unit: state
            for unit, state in states.items()
            if state != ("active", "0") and state != ("active", "")
        }
        took = (self.machine.try_run("systemd-analyze time")[1].splitlines() or [""])[0]
        failed = self.machine.run("systemctl --failed --no-legend --plain | cut -d' ' -f1").split()
        self.note(
            "units_active", "start the machine, and ask systemd for every unit",
            f"{', '.join(states)} active; {took}" if not bad else self._why(bad), held=not bad,
        )  # fmt: skip
        self.note(
            "nothing_failed", "ask systemd for failed units of the whole machine",
            f"{len(failed)} failed {' '.join(failed)}".strip(), held=not failed,
        )  # fmt: skip

    def exposure(self) -> None:
        """systemd's own judgement of the running units."""
        lines = self.machine.run("systemd-analyze security --no-pager").splitlines()
        found = {
            line.split()[0].removeprefix("ridge-").removesuffix(".service"): float(line.split()[1])
            for line in lines
            if line.startswith("ridge-") and len(line.split()) > 1
        }
        # It is listed only while it runs, which is once a day.
        last = self.machine.run("systemd-analyze security --no-pager ridge-report.service | tail -n 1")
        found["report"] = float(last.partition(".service: ")[2].split()[0])
        limits = {name: limit for name, limit in EXPOSURE.items() if name in found}
        self.note(
            "exposure", "systemd-analyze security on the running units",
            ", ".join(f"{name} {found[name]} (at most {limit})" for name, limit in limits.items()),
            held=bool(limits) and all(found[name] <= limit for name, limit in limits.items()),
        )  # fmt: skip

    def kernel_limits(self) -> None:
        """What only a running systemd sets: users of their own, no dumps, no swap."""
        for unit in self.units()[1:]:
            pid, group = self.show(unit, "MainPID", "ControlGroup")
            limits = self.machine.run(
                f"grep -i core /proc/{pid}/limits; cat /proc/{pid}/coredump_filter"
            ).split()
            users = set(self.machine.run(f"readlink /proc/{pid}/ns/user /proc/1/ns/user").split())
            swap = self.machine.try_run(f"cat '/sys/fs/cgroup{group}/memory.swap.max'")[1].strip()
            mdwe, seccomp, caps = self.machine.run(
                f"grep -E 'CapBnd|NoNewPrivs|Seccomp:' /proc/{pid}/status | cut -f2 | tr '\\n' ' '"
            ).split()
            held = limits[4] == "0" and int(limits[-1], 16) == 0 and len(users) == 2 and swap in {"0", ""}
            self.note(
                f"limits_{short(unit)}", "read the limits that the kernel holds for the process",
                f"core limit {limits[4]}, coredump_filter {limits[-1]}, users "
                f"{'of its own' if len(users) == 2 else 'shared'}, swap {swap or 'has no controller here'}, "
                f"CapBnd/NoNewPrivs/Seccomp {mdwe} {seccomp} {caps}",
                held=held,
            )  # fmt: skip

    def kernel_settings(self) -> None:
        """What a machine's own kernel is told at its start."""
        lines = self.machine.run("cat /etc/sysctl.d/60-ridge.conf").splitlines()
        wanted = dict(line.split(" = ", 1) for line in lines if " = " in line and not line.startswith("#"))
        has = {name: self.machine.run(f"cat /proc/sys/{name.replace('.', '/')}").strip() for name in wanted}
        other = {name: value for name, value in has.items() if value != wanted[name]}
        self.note(
            "kernel_settings", "start the machine, and read every setting of sysctl.d/ridge.conf",
            f"{len(wanted)} settings, {len(other)} not as they should be {other or ''}".strip(),
            held=bool(wanted) and not other,
        )  # fmt: skip

    def without_rules(self) -> None:
        """With the firewall's table gone, the units' own cgroups keep the outsider out."""
        # Where nobody listens a knock is refused at once, unless a filter swallows it.
        knock = f"timeout {5 * self.machine.slowness:.0f} /bin/bash -c 'echo > /dev/tcp/127.0.0.1/1'"
        control = f"systemd-run --quiet --wait --pipe -p IPAddressDeny=any {knock}"
        if "refused" in "".join(self.machine.try_run(control)[1:]):
            self.say("skip cgroups_without_rules: IPAddressDeny= has no effect on this machine's kernel")
            return
        self.machine.run("nft delete table inet ridge")
        reached = self._outsider_knocks()
        self.machine.run("systemctl reload ridge-firewall.service")
        answers = reached.splitlines()
        taken = [answer for answer in answers if "takes TCP" in answer]
        self.note(
            "cgroups_without_rules", "take the firewall's table away; an outsider tries the same ports",
            f"{'; '.join(taken) or 'no port took a connection'}; {len(answers) - len(taken)} ports and pings "
            "were answered by the kernel alone",
            held=not taken,
        )  # fmt: skip

    # A call from outside

    def before_call(self) -> None:
        """List every file of the box, and which words of the call are on its disk already."""
        self.machine.sync()
        self._words_before = found_in(self.machine.disk, needles(self._words()))
        self._before = self.machine.listing()
        # A lexicon holds words, too.
        self._known = {name.split()[0]: self._words_in(pid) for pid, name in self._processes()}

    def demo_call(self) -> None:
        """The gateway calls; the seat listens on its network; the others try."""
        listening = {
            "seat": self._listen("seats", SEAT), "other seat": self._listen("seats", OTHER_SEAT),
            "stolen keys": self._listen("outsider", SEAT),
        }  # fmt: skip
        time.sleep(3)
        caller = self._gateway_calls()
        reached = self._outsider_knocks()
        said, complaints = caller.communicate(timeout=600)
        played = json.loads(said.splitlines()[-1]) if caller.returncode == 0 else {}
        self.note(
            "call_played", "a gateway plays a call by SIPREC over its cable",
            f"{played['media_seconds']} s, ended by {played['ended']}" if played else complaints[-300:],
            held=bool(played) and played["ended"] == "bye",
        )  # fmt: skip
        heard = {name: self._heard(process, name == "seat") for name, process in listening.items()}
        kinds = [message["type"] for message in heard["seat"]]
        final = [message for message in heard["seat"] if message["type"] == "profile" and message["final"]]
        self.note(
            "seat_has_final_profile", "the seat listens on the seats' network",
            f"{len(kinds)} messages, {kinds.count('profile')} profiles, {len(final)} final",
            held=len(final) == 1,
        )  # fmt: skip
        for name, place in (("other seat", "a second seat with keys of its own"),
                            ("stolen keys", "the first seat's keys, from the outsider's cable")):  # fmt: skip
            got = [message for message in heard[name] if message["type"] != "beat"]
            self.note(
                name.replace(" ", "_") + "_gets_nothing", f"{place} listens during the call",
                f"{len(got)} messages", held=not got,
            )  # fmt: skip
        self.note(
            "outsider_gets_nothing",
            f"an outsider tries {len(_PORTS)} ports at three addresses over TCP and UDP, and ping",
            reached.replace("\n", "; ") or "nothing answered", held=not reached,
        )  # fmt: skip

    def traces(self) -> None:
        """Compare every file with what it was before the call, and look for words of the call."""
        self.machine.sync()
        after = self.machine.listing()
        changed = changes(self._before, after)
        beyond = [one for one in changed if not one.path.startswith(BY_DESIGN) and one.kind != "tmpfs"]
        inside = [one for one in changed if one.path.startswith(BY_DESIGN)]
        self.note(
            "no_other_file_changed", f"compare the {len(after)} files of the box with those before the call",
            f"{len(inside)} changed by design ({_named(inside)}), beyond these: {_named(beyond) or 'none'}",
            held=not beyond,
        )  # fmt: skip
        self._grown(after)
        words = self._words()
        wanted = needles(words)
        holding = {
            path: sorted({word for needle, word in wanted.items() if needle in data})
            for path, data in self.machine.contents([one.path for one in changed]).items()
        }
        found = {path: hits[:3] for path, hits in holding.items() if hits}
        self.note(
            "no_word_in_files",
            f"look for {len(words)} runs of four characters of the call (UTF-8, UTF-16, GB 18030, pinyin) in "
            f"the {len(holding)} files that changed, those in memory (tmpfs) with them",
            str(found) if found else "0 found", held=not found,
        )  # fmt: skip
        new = found_in(self.machine.disk, wanted) - self._words_before
        self.note(
            "no_word_on_disk", "look for the same in every sector that was written since the installation",
            f"{len(new)} that were not there before the call", held=not new,
        )  # fmt: skip

    def _grown(self, after: Listing) -> None:
        """Compare the sizes of all files that lie on the disk, the journal's by themselves."""
        grown, looked_at = sizes.grown(self._before, after)
        self.note(
            "no_file_has_grown", f"compare the sizes of all {looked_at} files on the disk with those before",
            str(grown) if grown else "no file but the ledger's has grown or come", held=not grown,
        )  # fmt: skip
        before, now = sizes.journal(self._before), sizes.journal(after)
        lines = ", ".join(
            f"{short(unit)} {self.machine.run(f'journalctl -b -u {unit} -o cat | wc -l').strip()}"
            for unit in self.units()
        )
        self.note(
            "journal_size", "compare the sizes of the journal's files, which are made in steps of 8 MiB",
            f"{before} bytes before the call and {now} after it; lines since the start: {lines}",
            held=now - before in {0, sizes.JOURNAL_STEP},
        )  # fmt: skip

    def memory(self) -> None:
        """Look for audio and words of the ended call in the memory of every process of the box."""
        searcher = Searcher(recording.load(self._script_audio()))
        for pid, name in self._processes():
            residue, words = Residue(searcher.frames, 0, 0, 0), self._words_in(pid)
            for part in memory_of(pid):
                residue = residue.with_more(searcher.search(part))
            words -= self._known.get(name.split()[0], set())
            self.note(
                f"memory_{name.split()[0]}", f"search the memory of `ridge {name}` after the call",
                f"of {residue.frames} loud frames {residue.coded} as G.711, {residue.samples} as samples, "
                f"{residue.floats} as floats ({residue.seconds:.2f} s); {len(words)} runs of words that were "
                "not there before",
                held=residue.seconds <= RESIDUE_SECONDS and not words,
                came=residue.seconds,
            )  # fmt: skip

    def _processes(self) -> list[tuple[int, str]]:
        """The appliance's processes: number outside, and command."""
        lines = self.machine.processes().items()
        return [
            (pid, line.split("/ridge ", 1)[1].split(" --config")[0])
            for pid, line in lines
            if "/ridge " in line
        ]

    def _words_in(self, pid: int) -> set[str]:
        wanted, found, dump = needles(self._words()), set[str](), self.directory / "memory"
        for part in memory_of(pid):
            dump.write_bytes(part.tobytes())
            found |= found_in(dump, wanted)
        dump.unlink(missing_ok=True)
        return found

    def ordered_stop(self) -> None:
        """Stop the target while a call is on: the gateway gets BYE and the seat its final profile."""
        seat = self._listen("seats", SEAT)
        time.sleep(3)
        caller = self._gateway_calls()
        time.sleep(12)
        self.machine.run("systemctl stop ridge.target", timeout=60)
        said, _ = caller.communicate(timeout=120)
        played = json.loads(said.splitlines()[-1])
        heard = self._heard(seat, wait=True)
        final = [one for one in heard if one["type"] == "profile" and one["final"]]
        results = {unit: self.show(unit, "Result")[0] for unit in self.units()[1:]}
        self.note(
            "ordered_stop", "systemctl stop ridge.target 12 s into a call",
            f"the gateway's call ended by {played['ended']} (a BYE of the box), the seat got {len(final)} "
            f"final profile, results {sorted(set(results.values()))}",
            held=played["ended"] == "server" and len(final) == 1 and set(results.values()) == {"success"},
        )  # fmt: skip
        self.machine.run("systemctl start ridge.target", timeout=120)

    def counters(self) -> None:
        """What the firewall counted."""
        counted = json.loads(self.machine.run("/opt/ridge/bin/ridge firewall --counters --json"))
        shown = {name: one["packets"] for name, one in counted.items() if one["packets"]}
        self.note(
            "firewall_counted", "ridge firewall --counters in the box", json.dumps(shown),
            held=shown.get("in_dropped", 0) > 0 and shown.get("in_gateway_rtp", 0) > 0,
        )  # fmt: skip

    def report(self) -> None:
        """The unit of the privacy report writes one, with no more than its sandbox lets it."""
        self.machine.run("systemctl start ridge-report.service", timeout=300)
        newest = self.machine.run("ls -t /var/lib/ridge/reports/*.json | head -n 1").strip()
        found = json.loads(self.machine.run(f"cat {newest}"))["inspection"]["findings"]
        measured = [one for one in found if one["check"].startswith(("process.", "firewall.", "ledger."))]
        bad = {
            f"{one['check']} {one['subject']}: {one['reason']}" for one in measured if one["outcome"] != "ok"
        }
        owner = self.machine.run(f"stat -c '%U:%G %a' {newest}").strip()
        self.note(
            "report_written", "systemctl start ridge-report.service, and read what it wrote",
            f"{len(measured)} findings on processes, rules and ledger, {len(bad)} not in order "
            f"{', '.join(sorted(bad))}; the file is {owner}".strip(),
            held=len(measured) > 20 and not bad and owner == "ridge-report:ridge-console 640",
        )  # fmt: skip

    # Parts

    def show(self, unit: str, *names: str) -> tuple[str, ...]:
        """Properties of a unit, as systemd has them."""
        said = self.machine.run(f"systemctl show {unit} {' '.join(f'-p {name}' for name in names)}")
        found = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
        return tuple(found.get(name, "") for name in names)

    def _why(self, bad: dict[str, tuple[str, ...]]) -> str:
        journal = self.machine.run(
            f"journalctl -b --no-pager -n 12 {' '.join(f'-u {unit}' for unit in bad)} || true"
        )
        return f"{bad}; the journal ends with\n{journal}"

    def _words(self) -> list[str]:
        return runs(turn.text for turn in scripts.load(self.call).turns)

    def _script_audio(self) -> Path:
        return scripts.HERE / scripts.load(self.call).audio

    def _listen(self, place: str, seat: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.cables.inside(
                place, sys.executable, "-m", "appliance", "listen", "--json", "--once-call", "--seat", seat,
                "--keys", str(self.keys / seat),
            ),
            cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def _gateway_calls(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.cables.inside(
                "gateway",
                sys.executable, "-m", "tools.callsim", str(self._script_audio()), "--quiet", "--json",
                "--target", f"{BOX_ADDRESSES['gateway']}:5060", "--bind", ADDRESSES["gateway"],
                "--agent", SEAT, "--customer", CUSTOMER, "--direction", "outbound",
            ),
            cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    @staticmethod
    def _heard(process: subprocess.Popen[str], wait: bool) -> list[dict[str, Any]]:
        """What a listener has received; `wait`: until it has seen the call's end."""
        if wait:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            said, _ = process.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
        return [json.loads(line) for line in said.splitlines() if line.startswith("{")]

    def _outsider_knocks(self) -> str:
        """What answered the outsider; empty where nothing did."""
        program = Path(__file__).with_name("knocking.py")
        targets = ",".join((BOX_ADDRESSES["outsider"], BOX_ADDRESSES["gateway"], BOX_ADDRESSES["seats"]))
        done = subprocess.run(
            self.cables.inside("outsider", sys.executable, str(program), targets, ",".join(map(str, _PORTS))),
            capture_output=True, text=True, check=True, timeout=300,
        )  # fmt: skip
        return done.stdout.strip()


def short(unit: str) -> str:
    """The name of a unit without what all of them have."""
    return unit.removeprefix("ridge-").removesuffix(".service")


def _named(changed: list[Any]) -> str:
    names = [f"{one.path} {one.before} to {one.after} bytes" for one in changed]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
