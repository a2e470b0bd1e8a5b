"""Small models with a manifest, archives of them, and a web server on loopback that can misbehave."""

from __future__ import annotations

import contextlib
import hashlib
import io
import random
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from appliance.models import ModelStore

#: Bytes that do not compress, so that a part of the archive is a part of the work.
FILES: Mapping[str, bytes] = {
    "encoder.onnx": random.Random(1).randbytes(150_000),
    "tokens.txt": b"<blk> 0\na 1\n",
}
FOLDER = "upstream-2024"


def tar_archive(members: Mapping[str, bytes], mode: str = "w:bz2") -> bytes:
    """A tar archive of plain files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:  # type: ignore[call-overload]
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def zip_archive(members: Mapping[str, bytes]) -> bytes:
    """A zip archive of plain files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as container:
        for name, content in members.items():
            container.writestr(name, content)
    return buffer.getvalue()


def upstream_members() -> dict[str, bytes]:
    """What upstream packs: the files in a folder, and things that nobody asked for."""
    members = {f"{FOLDER}/README.md": b"hello", f"{FOLDER}/test_wavs/0.wav": b"RIFF"}
    return members | {f"{FOLDER}/{name}": content for name, content in FILES.items()}


def manifest(
    url: str | None,
    *,
    kind: str = "asr",
    name: str = "small",
    units: str | None = "pinyin",
    network: str | None = "transducer",
    archive_sha256: str | None = None,
    archive_bytes: int | None = None,
    files: Mapping[str, bytes] = FILES,
    research_only: bool = False,
) -> str:
    """A manifest of one model."""
    lines = [
        "[[model]]",
        f'name = "{name}"',
        f'kind = "{kind}"',
        'licence = "Apache-2.0"',
        f"research_only = {str(research_only).lower()}",
        'source = "the test"',
        'purpose = "Nothing."',
        'card = "small/CARD.md"',
    ]
    if units is not None:
        lines.append(f'units = "{units}"')
    if network is not None:
        lines.append(f'network = "{network}"')
    if url is not None:
        lines += ["[model.archive]", f'url = "{url}"', f'prefix = "{FOLDER}"']
        lines += [f'sha256 = "{archive_sha256}"'] if archive_sha256 else []
        lines += [f"bytes = {archive_bytes}"] if archive_bytes else []
    for name, content in files.items():
        digest = hashlib.sha256(content).hexdigest()
        lines += ["[[model.file]]", f'name = "{name}"', f"bytes = {len(content)}", f'sha256 = "{digest}"']
    return "\n".join(lines) + "\n"


def store(place: Path, text: str, *, research: bool = True) -> ModelStore:
    """A store with this manifest that installs into `place`/site."""
    (place / "bundled").mkdir(exist_ok=True)
    (place / "bundled" / "manifest.toml").write_text(text, encoding="utf-8")
    return ModelStore(place / "site", research, manifest=place / "bundled" / "manifest.toml")


def tree(directory: Path) -> list[str]:
    """Every file below a directory but the locks, as relative paths."""
    return sorted(
        str(path.relative_to(directory))
        for path in directory.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    )


@dataclass
class Site:
    """What the web server does with the next requests."""

    content: bytes
    etag: str | None = '"one"'
    ranges: bool = True
    announce: bool = True
    #: for each of the next requests: cut the answer after so many bytes
    cuts: list[int] = field(default_factory=list)
    #: for each of the next requests: answer with this status instead
    statuses: list[int] = field(default_factory=list)
    location: str | None = None
    #: the Range header of each request that came
    asked: list[str | None] = field(default_factory=list)
    #: hosts that the server was asked to be a proxy for
    tunnels: list[str] = field(default_factory=list)
    sent: int = 0
    url: str = ""


@contextlib.contextmanager
def serving(site: Site) -> Iterator[Site]:
    """Serve `site` on loopback; its address is `site.url`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            site.asked.append(asked)
            if site.statuses:
                self.send_response(site.statuses.pop(0))
                if site.location is not None:
                    self.send_header("Location", site.location)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start = 0
            if asked and site.ranges and self.headers.get("If-Range") == site.etag:
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(site.content) > 0:
                self.send_response(416)
                self.end_headers()
                return
            body = site.content[start:]
            self.send_response(206 if start else 200)
            if start:
                last = len(site.content) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{len(site.content)}")
            if site.etag is not None:
                self.send_header("ETag", site.etag)
            if site.announce:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            cut = body[: site.cuts.pop(0)] if site.cuts else body
            self.wfile.write(cut)
            site.sent += len(cut)

        def do_CONNECT(self) -> None:
            site.tunnels.append(self.path)
            self.send_error(403)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_address[1]}/models/{FOLDER}.tar.bz2"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
