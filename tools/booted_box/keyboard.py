"""Runs in a virtual box: does what comes in by a port of its own, as somebody at its keyboard would type it.

A request is one line of JSON: `{"run": command, "environment": {...}, "timeout": seconds}` or
`{"read": [path]}`. The answer is one line of JSON, compressed (zlib) and in base64.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """What came of one request."""
    if "read" in request:
        found = {}
        for path in request["read"]:
            try:
                found[path] = base64.b64encode(Path(path).read_bytes()).decode("ascii")
            except OSError:
                continue
        return found
    environment = {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8", **request["environment"]}
    try:
        done = subprocess.run(
            ["/bin/bash", "-ec", request["run"]],
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
            timeout=request["timeout"], env=environment,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"late": True}
    return {
        "rc": done.returncode,
        "out": done.stdout.decode("utf-8", "replace"),
        "err": done.stderr.decode("utf-8", "replace"),
    }


def main() -> None:
    while not (ports := list(Path("/dev").glob("vport*p1"))):
        time.sleep(0.2)
    with ports[0].open("r+b", buffering=0) as port:
        pending = b""
        while True:
            read = port.read(65536)
            if not read:
                # nobody is at the other end
                time.sleep(0.1)
                continue
            pending += read
            *lines, pending = pending.split(b"\n")
            for line in lines:
                try:
                    said = answer(json.loads(line))
                except Exception as error:  # whoever asked is told, and may ask again
                    said = {"rc": 255, "out": "", "err": repr(error)}
                whole = base64.b64encode(zlib.compress(json.dumps(said).encode("utf-8"), 1)) + b"\n"
                while whole:
                    whole = whole[port.write(whole) :]


if __name__ == "__main__":
    sys.exit(main())
