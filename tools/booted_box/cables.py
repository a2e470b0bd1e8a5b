"""The neighbours of a box: gateway, seats and an outsider, in network namespaces, each on its own cable.

The box has a namespace too, and what leaves it can leave by these cables only.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

#: Each neighbour is 10.77.N.2 on the box's 10.77.N.1.
NEIGHBOURS: Final = {"gateway": 1, "seats": 2, "outsider": 3}
BOX_ADDRESSES: Final = {name: f"10.77.{number}.1" for name, number in NEIGHBOURS.items()}
ADDRESSES: Final = {name: f"10.77.{number}.2" for name, number in NEIGHBOURS.items()}


class Cables:
    """Makes the namespaces and cables; `close` removes them."""

    def __init__(self) -> None:
        self._names = {name: f"ridge-{os.getpid()}-{name}" for name in ("box", *NEIGHBOURS)}
        try:
            self._lay()
        except BaseException:
            self.close()
            raise

    @property
    def box(self) -> Path:
        """The box's namespace."""
        return Path("/run/netns") / self._names["box"]

    def inside(self, place: str, *command: str) -> list[str]:
        """The command line that runs a command at a neighbour's."""
        return ["ip", "netns", "exec", self._names[place], *command]

    def inside_box(self, *command: str) -> list[str]:
        """The command line that runs a command in the box's namespace."""
        return ["ip", "netns", "exec", self._names["box"], *command]

    def taps(self) -> list[str]:
        """The cables' ends for a virtual machine, as in `NEIGHBOURS`; the namespace only passes on."""
        box, names = self._names["box"], []
        # What a container had for rules would hold for what is passed on, too.
        _run(*self.inside_box("nft", "flush", "ruleset"))
        for name in NEIGHBOURS:
            cable, bridge, tap = f"to-{name}", f"br-{name}", f"tap-{name}"
            names.append(tap)
            show = ["ip", "-n", box, "link", "show", tap]
            if subprocess.run(show, capture_output=True, check=False).returncode == 0:
                continue
            _run("ip", "-n", box, "addr", "flush", "dev", cable)
            _run("ip", "-n", box, "link", "add", bridge, "type", "bridge")
            _run("ip", "-n", box, "tuntap", "add", tap, "mode", "tap")
            for end in (cable, tap):
                _run("ip", "-n", box, "link", "set", end, "master", bridge, "up")
            _run("ip", "-n", box, "link", "set", bridge, "up")
        return names

    def close(self) -> None:
        """Cut the cables and remove the namespaces."""
        for name in self._names.values():
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)

    def _lay(self) -> None:
        box = self._names["box"]
        for name in self._names.values():
            _run("ip", "netns", "add", name)
            _run("ip", "-n", name, "link", "set", "lo", "up")
        for name in NEIGHBOURS:
            there, cable = self._names[name], f"to-{name}"
            _run("ip", "-n", box, "link", "add", cable, "type", "veth", "peer", "eth0", "netns", there)
            _run("ip", "-n", box, "addr", "add", f"{BOX_ADDRESSES[name]}/24", "dev", cable)
            _run("ip", "-n", there, "addr", "add", f"{ADDRESSES[name]}/24", "dev", "eth0")
            _run("ip", "-n", box, "link", "set", cable, "up")
            _run("ip", "-n", there, "link", "set", "eth0", "up")
            # Whoever wants to can try every address of the box.
            _run("ip", "-n", there, "route", "add", "default", "via", BOX_ADDRESSES[name])


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command)} failed: {done.stderr.strip()}")
