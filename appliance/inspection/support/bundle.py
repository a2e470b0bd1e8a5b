"""Puts the bundle together: text files, and a MANIFEST that says why each is in it."""

from __future__ import annotations

import gzip
import importlib.metadata
import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from appliance.inspection.checks.firewall import counters
from appliance.inspection.checks.parts import expected_parts
from appliance.inspection.checks.units import unit_properties
from appliance.inspection.finding import Finding
from appliance.inspection.ground import TARGET, Ground, ProgramMissingError
from appliance.inspection.inspect import Inspection
from appliance.inspection.machine import machine_facts
from appliance.inspection.support.journal import MOST_LINES, JournalFilter
from appliance.inspection.support.scrubbing import Scrubber, rounded
from appliance.inspection.support.settings import private_texts, redacted

#: Packages whose versions matter when a fault is looked for.
_PACKAGES: Final = (
    "sherpa-onnx", "onnxruntime", "numpy", "pyzmq", "msgpack", "msgspec", "cryptography", "pydantic",
    "tflite-runtime", "ai-edge-litert", "starlette", "uvicorn",
)  # fmt: skip
_OUR_USERS: Final = ("root", "ridge-capture", "ridge-engine", "ridge-feed", "ridge-console")
#: Facts that name people's things and help nobody.
_LEFT_OUT: Final = frozenset({"head_hash", "problems", "where"})
#: Places that every machine has; others may be called after people.
_PLACES: Final = ("/run", "/tmp", "/var/tmp", "/var/lib/ridge", "/dev", "/usr", "/etc", "/boot")  # noqa: S108


@dataclass(frozen=True, slots=True)
class BundleFile:
    """One file of the bundle."""

    name: str
    #: why it is in it
    why: str
    text: str


def collect(ground: Ground, inspection: Inspection, journal: Sequence[str] | None) -> list[BundleFile]:
    """The files of the bundle, the MANIFEST first; `journal` are lines, None where there is no journal."""
    private = private_texts(ground.config)
    if len(str(Path.home())) > 1:
        private[str(Path.home())] = "home"
    if ground.config_path is not None:
        private[str(ground.config_path)] = "the configuration"
    scrubber = Scrubber(private)
    kept = JournalFilter()
    lines = kept.lines(journal or ())
    left_out = f"{kept.left_out} lines that are no known events were left out"
    files = [
        BundleFile("doctor.json", "what `ridge doctor` found", _doctor(inspection, scrubber)),
        BundleFile(
            "configuration.json",
            "which features are on; without the site's names, numbers, addresses and paths",
            _json(redacted(ground.config)),
        ),
        BundleFile("versions.json", "versions of the appliance, its libraries and system", _versions(ground)),
        BundleFile("units.json", "the units of systemd: active, enabled, restarts", _units(ground)),
        BundleFile("counters.json", "what the firewall counted, rounded", _counters(ground)),
        BundleFile(
            "journal.jsonl",
            f"the last events, at most {MOST_LINES}; {left_out}",
            "\n".join(lines) + "\n" if lines else "",
        ),
    ]
    return [BundleFile("MANIFEST.txt", "this list", _manifest(files)), *files]


def archive(files: Sequence[BundleFile], folder: str) -> bytes:
    """The bundle as tar.gz, everything in one folder, without names of users and times of this machine."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for file in files:
            data = file.text.encode()
            entry = tarfile.TarInfo(f"{folder}/{file.name}")
            entry.size, entry.mode = len(data), 0o600
            tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def _manifest(files: Sequence[BundleFile]) -> str:
    lines = [
        "Ridge support bundle. Plain text: read each file before you send it.",
        "It holds no speech, no telephone numbers, no names of the site, no addresses and no keys:",
        "texts of the configuration are replaced by their key in brackets, numbers of more than six",
        "digits are rounded, words of the journal are kept only where they are words of this program.",
        "",
    ]
    width = max(len(file.name) for file in files)
    lines += [f"{file.name:{width}}  {len(file.text.encode()):>7} bytes  {file.why}" for file in files]
    return "\n".join(lines) + "\n"


def _doctor(inspection: Inspection, scrubber: Scrubber) -> str:
    return _json({"at": inspection.at, "findings": [_finding(one, scrubber) for one in inspection.findings]})


def _finding(finding: Finding, scrubber: Scrubber) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(finding)
    facts = {name: value for name, value in finding.facts.items() if name not in _LEFT_OUT}
    for name in ("user", "expected_user"):
        if name in facts and facts[name] not in _OUR_USERS:
            facts[name] = "another user"
    for name in ("writable", "writable_beyond"):
        mounts = facts.get(name)
        if isinstance(mounts, list):
            facts[name] = [one if one == "/" or one.startswith(_PLACES) else "[path]" for one in mounts]
    told["facts"] = scrubber.value(facts)
    told["subject"] = scrubber.text(finding.subject)
    told["values"] = scrubber.value(
        {name: value for name, value in finding.values.items() if name not in ("problem", "detail")}
    )
    return told


def _versions(ground: Ground) -> str:
    packages = {}
    for name in _PACKAGES:
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    programs = {}
    for program in ("nft", "systemctl"):
        try:
            programs[program] = (ground.run([program, "--version"], "").out.splitlines() or [""])[0][:60]
        except ProgramMissingError:
            programs[program] = "not installed"
    return _json({**msgspec.to_builtins(machine_facts(ground)), "packages": packages, "programs": programs})


def _units(ground: Ground) -> str:
    if not ground.systemd:
        return _json({"systemd": False})
    names = [TARGET, "ridge-firewall.service", *(part.unit for part in expected_parts(ground))]
    try:
        return _json({name: unit_properties(ground, name) for name in names})
    except ProgramMissingError:
        return _json({"systemd": False})


def _counters(ground: Ground) -> str:
    found = counters(ground) if ground.may_read_rules else {}
    return _json({name: [rounded(packets), rounded(size)] for name, (packets, size) in found.items()})


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=True) + "\n"
