"""Installs the appliance in the machine by the very commands of systemd/README.md, and enrols the seats."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path
from typing import Final

from tools.booted_box.cables import BOX_ADDRESSES
from tools.booted_box.machine import Machine
from tools.running import REPOSITORY

DOCUMENT: Final = REPOSITORY / "systemd/README.md"
SEAT, OTHER_SEAT = "8001", "8002"
PASSWORD: Final = "correct horse battery staple"
SITE: Final = f"""\
[box]
name = "virtual-box"
[siprec]
bind = "{BOX_ADDRESSES["gateway"]}"
gateways = ["10.77.1.0/24"]
[roles]
direction = "outbound"
[feed]
bind = "{BOX_ADDRESSES["seats"]}"
seat_networks = ["10.77.2.0/24"]
[firewall]
admins = ["10.77.2.0/24"]
"""
#: The wheels that lie in the image stand in for the package index.
_PIP: Final = {
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": "/usr/share/wheels",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}
_STEP_SECONDS: Final = 600.0
_RIDGE: Final = "/opt/ridge/bin/ridge"
_CONFIG: Final = "--config /etc/ridge/ridge.toml"
#: What somebody would type or look at.
_TYPED: Final = {
    "console password --config": f"console password --stdin <<< '{PASSWORD}' --config",
    # Its exit status is that of the units, which the checks after the restart ask for.
    "systemctl status 'ridge*'": "systemctl status 'ridge*' || true",
}
#: What a release holds of the checkout.
RELEASE: Final = (
    "pyproject.toml", "README.md", "appliance", "models", "systemd", "tools/lock",
    "tools/demo_call/demo_call.wav",
)  # fmt: skip


def steps() -> list[str]:
    """The blocks of commands under "Install" in systemd/README.md, each as one script.

    Variables that one block sets are there in the next ones, as in the shell of somebody who types them.
    """
    section = DOCUMENT.read_text(encoding="utf-8").partition("\n## Install\n")[2].partition("\n## ")[0]
    blocks = [block.partition("\n```")[0] for block in section.split("```console\n")[1:]]
    scripts = [
        "\n".join(line.removeprefix("# ") for line in block.splitlines() if line.startswith("# "))
        for block in blocks
    ]
    set_before = [line for script in scripts for line in script.splitlines() if line.startswith("ridge=")]
    return ["\n".join([*set_before, script]) for script in scripts]


def install(machine: Machine, keys: Path, models: list[Path]) -> None:
    """Bring the release and the models in, do every step of the document, and enrol two seats.

    The seats' keys are carried out into the directory `keys`, and nothing of them stays in the box.

    Raises:
        MachineError: a step failed.
    """
    release = machine.root / "usr/src/ridge"
    for name in RELEASE:
        _copy(REPOSITORY / name, release / name)
    for model in models:
        _copy(model, machine.root / "media/usb" / model.name)
    (machine.root / "root/site.toml").write_text(SITE, encoding="utf-8")
    for step in steps():
        if "enable --now ridge.target" in step:
            _lower_limits(machine)
            # As on any box: models and seats may be there before the first start.
            for model in models:
                _step(machine, f"{_RIDGE} models pull {model.name} --from /media/usb/{model.name} {_CONFIG}")
            _enrol(machine, keys)
        _step(machine, step)
    machine.run("rm -rf /media/usb /usr/src/ridge /root/site.toml")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, target)


def _step(machine: Machine, script: str) -> None:
    for asked, told in _TYPED.items():
        script = script.replace(asked, told)
    machine.run(f"cd /usr/src/ridge\n{script}", timeout=_STEP_SECONDS, environment=_PIP)


def _lower_limits(machine: Machine) -> None:
    """Where this machine's root may not raise limits, as in many containers, let the units ask for less."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for unit in ("capture", "feed"):
        place = f"/etc/systemd/system/ridge-{unit}.service"
        wanted = machine.run(f"sed -n s/^LimitNOFILE=//p {place}").strip()
        if int(wanted) > most != resource.RLIM_INFINITY:
            machine.run(f"printf '[Service]\\nLimitNOFILE={most}\\n' > {place}.d/limit.conf")


def _enrol(machine: Machine, keys: Path) -> None:
    machine.run(f"{_RIDGE} seats enrol {SEAT} {OTHER_SEAT} --out /run/seat-keys {_CONFIG}")
    names = machine.run("find /run/seat-keys -type f").split()
    for name, data in machine.contents(names).items():
        path = keys / Path(name).relative_to("/run/seat-keys")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o600)
    machine.run("rm -r /run/seat-keys")
