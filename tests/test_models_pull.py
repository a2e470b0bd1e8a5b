"""Pulling a model: what arrives is verified before it is in place, and what is interrupted goes on."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import os
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.box.config import Config
from appliance.models import ModelError, ModelStore
from appliance.models_download import Download, Patience, _SecureRedirects, refuse_insecure
from appliance.models_install import DOWNLOADS
from appliance.models_pull import pull
from tests.model_archives import (
    FILES,
    FOLDER,
    Site,
    manifest,
    serving,
    store,
    tar_archive,
    tree,
    upstream_members,
    zip_archive,
)

INSTALLED = ["small/encoder.onnx", "small/tokens.txt"]
ARCHIVE = tar_archive(upstream_members())
#: No waiting between attempts, and two attempts without anything new.
PATIENCE = Patience(attempts=2, wait=lambda seconds: None, timeout=10)


@pytest.fixture
def site() -> Iterator[Site]:
    """A web server that has the archive."""
    with serving(Site(ARCHIVE)) as running:
        yield running


def test_a_model_is_fetched_verified_and_installed(site: Site, tmp_path: Path) -> None:
    models = store(tmp_path, manifest(site.url))
    seen: list[tuple[int, int | None]] = []
    pulled = pull(models, "small", progress=lambda *one: seen.append(one), patience=PATIENCE)
    assert pulled.new
    assert models.open("small").path("encoder.onnx").read_bytes() == FILES["encoder.onnx"]
    # The part is gone, and nothing of the archive but the listed files came in.
    assert tree(tmp_path / "site") == INSTALLED
    assert seen[0] == (0, len(ARCHIVE))
    assert seen[-1] == (len(ARCHIVE), len(ARCHIVE))


def test_installed_files_can_be_read_by_every_user(site: Site, tmp_path: Path) -> None:
    folder = pull(store(tmp_path, manifest(site.url)), "small", patience=PATIENCE).folder
    assert folder.stat().st_mode & 0o777 == 0o755
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}


def test_a_sound_model_is_not_fetched_again(site: Site, tmp_path: Path) -> None:
    models = store(tmp_path, manifest(site.url))
    pull(models, "small", patience=PATIENCE)
    assert not pull(models, "small", patience=PATIENCE).new
    assert len(site.asked) == 1


def test_a_damaged_model_is_replaced_and_its_notes_are_kept(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "site" / "small"
    folder.mkdir(parents=True)
    (folder / "encoder.onnx").write_bytes(b"damaged")
    (folder / "CARD.md").write_text("a card", encoding="utf-8")
    models = store(tmp_path, manifest(site.url))
    pull(models, "small", patience=PATIENCE)
    assert models.problems("small") == []
    assert tree(tmp_path / "site") == ["small/CARD.md", *INSTALLED]


def test_a_connection_that_breaks_goes_on_where_it_broke(site: Site, tmp_path: Path) -> None:
    site.cuts = [1000, 2000]
    pull(store(tmp_path, manifest(site.url)), "small", patience=PATIENCE)
    assert site.asked == [None, "bytes=1000-", "bytes=3000-"]
    assert site.sent == len(ARCHIVE)


def test_a_server_without_ranges_sends_everything_again(site: Site, tmp_path: Path) -> None:
    site.cuts, site.ranges = [1000], False
    models = store(tmp_path, manifest(site.url))
    pull(models, "small", patience=PATIENCE)
    assert models.problems("small") == []
    assert site.sent == 1000 + len(ARCHIVE)


def test_a_server_without_validators_is_not_asked_for_a_part(site: Site, tmp_path: Path) -> None:
    site.cuts, site.etag = [1000], None
    models = store(tmp_path, manifest(site.url))
    pull(models, "small", patience=PATIENCE)
    assert site.asked == [None, None]
    assert models.problems("small") == []


def test_an_archive_that_changes_between_two_attempts_is_not_mixed(site: Site, tmp_path: Path) -> None:
    other = tar_archive({f"{FOLDER}/other": b"x" * 5000})
    site.content, site.etag, site.cuts = other, '"other"', [20]
    models = store(tmp_path, manifest(site.url))
    with pytest.raises(ModelError, match="could not be fetched"):
        pull(models, "small", patience=Patience(attempts=1, connections=1, wait=lambda seconds: None))
    site.content, site.etag = ARCHIVE, '"one"'
    pull(models, "small", patience=PATIENCE)
    assert site.asked == [None, "bytes=20-"]
    assert models.problems("small") == []


def test_a_download_that_was_given_up_is_kept_and_continued_by_the_next(site: Site, tmp_path: Path) -> None:
    site.cuts = [1000, 0, 0]
    models = store(tmp_path, manifest(site.url))
    with pytest.raises(ModelError, match=r"first 1000 bytes are kept.*--from"):
        pull(models, "small", patience=PATIENCE)
    assert models.locate("small") is None
    assert tree(tmp_path / "site") == [f"{DOWNLOADS}/small.part", f"{DOWNLOADS}/small.part.json"]
    pull(models, "small", patience=PATIENCE)
    assert site.asked[-1] == "bytes=1000-"
    assert tree(tmp_path / "site") == INSTALLED


def test_an_interrupted_download_is_continued(site: Site, tmp_path: Path) -> None:
    def interrupt(arrived: int, total: int | None) -> None:
        if arrived > 50_000:
            raise KeyboardInterrupt

    models = store(tmp_path, manifest(site.url))
    with pytest.raises(KeyboardInterrupt):
        pull(models, "small", progress=interrupt, patience=PATIENCE)
    assert models.locate("small") is None
    kept = (tmp_path / "site" / DOWNLOADS / "small.part").stat().st_size
    pull(models, "small", patience=PATIENCE)
    assert site.asked == [None, f"bytes={kept}-"]
    assert models.problems("small") == []


def test_a_whole_archive_that_waits_is_not_fetched_again(site: Site, tmp_path: Path) -> None:
    part = tmp_path / "site" / DOWNLOADS / "small.part"
    part.parent.mkdir(parents=True)
    Download(site.url, part).run(lambda arrived, total: None, PATIENCE)
    pull(store(tmp_path, manifest(site.url)), "small", patience=PATIENCE)
    assert len(site.asked) == 1


def test_a_part_that_is_longer_than_the_archive_is_thrown_away(site: Site, tmp_path: Path) -> None:
    part = tmp_path / "site" / DOWNLOADS / "small.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(len(ARCHIVE) + 10))
    part.with_name("small.part.json").write_text(
        f'{{"url": "{site.url}", "validator": "\\"one\\"", "total": {len(ARCHIVE)}}}', encoding="utf-8"
    )
    models = store(tmp_path, manifest(site.url))
    pull(models, "small", patience=PATIENCE)
    assert site.asked == [f"bytes={len(ARCHIVE) + 10}-", None]
    assert models.problems("small") == []


def test_a_server_that_does_not_say_the_length_is_read_to_its_end(site: Site, tmp_path: Path) -> None:
    site.announce = False
    models = store(tmp_path, manifest(site.url))
    pull(models, "small", patience=PATIENCE)
    assert models.problems("small") == []


def test_a_busy_server_is_asked_again_and_ever_more_patiently(site: Site, tmp_path: Path) -> None:
    site.statuses = [503, 429, 500]
    waits: list[float] = []
    pull(store(tmp_path, manifest(site.url)), "small", patience=Patience(wait=waits.append))
    assert waits == [1.0, 2.0, 4.0]


def test_what_is_not_there_is_not_asked_for_again(site: Site, tmp_path: Path) -> None:
    site.statuses = [404]
    with pytest.raises(ModelError, match=r"answered 404.*--from"):
        pull(store(tmp_path, manifest(site.url)), "small", patience=PATIENCE)
    assert len(site.asked) == 1


def test_without_a_network_the_sentence_names_the_next_step(tmp_path: Path) -> None:
    with serving(Site(b"")) as gone:
        url = gone.url
    with pytest.raises(ModelError, match=r"127\.0\.0\.1 cannot be reached.*https_proxy.*--from"):
        pull(store(tmp_path, manifest(url)), "small", patience=PATIENCE)
    assert tree(tmp_path / "site") == []


def test_a_file_of_another_sum_is_not_installed(site: Site, tmp_path: Path) -> None:
    encoder = FILES["encoder.onnx"]
    site.content = tar_archive(upstream_members() | {f"{FOLDER}/encoder.onnx": b"!" + encoder[1:]})
    models = store(tmp_path, manifest(site.url))
    with pytest.raises(ModelError, match=r"encoder\.onnx .* was altered.*nothing was installed"):
        pull(models, "small", patience=PATIENCE)
    assert tree(tmp_path / "site") == []
    site.content = ARCHIVE
    assert pull(models, "small", patience=PATIENCE).new


def test_a_wrong_archive_leaves_the_installed_model_alone(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "site" / "small"
    folder.mkdir(parents=True)
    (folder / "tokens.txt").write_bytes(FILES["tokens.txt"])
    site.content = tar_archive({f"{FOLDER}/tokens.txt": FILES["tokens.txt"]})
    with pytest.raises(ModelError, match=r"does not hold encoder\.onnx"):
        pull(store(tmp_path, manifest(site.url)), "small", patience=PATIENCE)
    assert tree(tmp_path / "site") == ["small/tokens.txt"]


def test_an_archive_of_another_sum_is_refused_before_it_is_unpacked(site: Site, tmp_path: Path) -> None:
    text = manifest(site.url, archive_sha256=hashlib.sha256(b"another").hexdigest())
    with pytest.raises(ModelError, match="is not the one of the manifest"):
        pull(store(tmp_path, text), "small", patience=PATIENCE)
    assert tree(tmp_path / "site") == []


def test_the_right_archive_passes_its_size_and_sum(site: Site, tmp_path: Path) -> None:
    digest = hashlib.sha256(ARCHIVE).hexdigest()
    text = manifest(site.url, archive_sha256=digest, archive_bytes=len(ARCHIVE))
    assert pull(store(tmp_path, text), "small", patience=PATIENCE).new


@pytest.mark.parametrize("announce", [True, False])
def test_more_than_the_manifest_says_is_not_fetched(site: Site, tmp_path: Path, announce: bool) -> None:
    site.announce = announce
    text = manifest(site.url, archive_bytes=len(ARCHIVE) - 1)
    with pytest.raises(ModelError, match="another archive"):
        pull(store(tmp_path, text), "small", patience=PATIENCE)
    assert tree(tmp_path / "site") == []


def test_a_redirect_is_followed_on_this_machine_and_to_no_other_without_https(
    site: Site, tmp_path: Path
) -> None:
    models = store(tmp_path, manifest(site.url))
    site.statuses, site.location = [302], "http://192.0.2.1/models.tar.bz2"
    with pytest.raises(ModelError, match=r"https only, not from http://192\.0\.2\.1"):
        pull(models, "small", patience=PATIENCE)
    site.statuses, site.location = [302], "file:///etc/passwd"
    with pytest.raises(ModelError, match="answered 302"):
        pull(models, "small", patience=PATIENCE)
    site.statuses, site.location = [302], site.url
    assert pull(models, "small", patience=PATIENCE).new


@pytest.mark.parametrize(
    "url",
    ["http://example.com/a", "ftp://127.0.0.1/a", "file:///a", "https:///a", "http://127.0.0.1.nip.io/a"],
)
def test_only_https_is_secure_but_for_this_machine(url: str) -> None:
    with pytest.raises(ModelError, match="https only"):
        refuse_insecure(url)
    refuse_insecure("https://example.com/a")
    refuse_insecure("http://[::1]:8000/a")


def test_a_redirect_from_https_to_this_machine_is_not_followed() -> None:
    request = urllib.request.Request("https://example.com/a")
    with pytest.raises(ModelError, match="which is not https"):
        _SecureRedirects().redirect_request(request, io.BytesIO(), 302, "Found", {}, "http://127.0.0.1/a")


def test_a_signed_address_is_not_shown(site: Site, tmp_path: Path) -> None:
    site.statuses, site.location = [302], "http://user:word@192.0.2.1/a?signature=secret"
    with pytest.raises(ModelError) as caught:
        pull(store(tmp_path, manifest(site.url)), "small", patience=PATIENCE)
    assert "http://192.0.2.1/a;" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "word" not in str(caught.value)


def test_the_proxy_of_the_environment_is_used_but_for_this_machine(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = site.url.rsplit("/", 2)[0]
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, proxy)
        monkeypatch.setenv(name.upper(), proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(ModelError, match=r"192\.0\.2\.1 cannot be reached \(.*403"):
        pull(store(tmp_path, manifest("https://192.0.2.1/a")), "small", patience=PATIENCE)
    assert set(site.tunnels) == {"192.0.2.1:443"}
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert pull(store(tmp_path, manifest(site.url)), "small", patience=PATIENCE).new


def full_disk(monkeypatch: pytest.MonkeyPatch, module: str, name: str) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(f"{module}.{name}", fail)


def test_a_full_disk_while_fetching_is_said_and_the_part_is_kept(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = store(tmp_path, manifest(site.url))
    with monkeypatch.context() as patch:
        full_disk(patch, "appliance.models_download", "_write")
        with pytest.raises(ModelError, match=r"No space left.*free some space"):
            pull(models, "small", patience=PATIENCE)
    assert pull(models, "small", patience=PATIENCE).new


def test_a_full_disk_while_unpacking_keeps_the_archive(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = store(tmp_path, manifest(site.url))
    with monkeypatch.context() as patch:
        full_disk(patch, "appliance.models_archive._Extraction", "copy")
        with pytest.raises(ModelError, match=r"No space left.*free some space"):
            pull(models, "small", patience=PATIENCE)
    assert tree(tmp_path / "site") == [f"{DOWNLOADS}/small.part", f"{DOWNLOADS}/small.part.json"]
    assert pull(models, "small", patience=PATIENCE).new
    assert len(site.asked) == 1


def test_a_directory_that_cannot_be_written_is_named(site: Site, tmp_path: Path) -> None:
    # A file in the place of the directory stops root as well, whom no mode of a directory does.
    models = store(tmp_path, manifest(site.url))
    (tmp_path / "site").write_text("in the way", encoding="utf-8")
    with pytest.raises(ModelError, match=rf"cannot be put into {tmp_path / 'site'}"):
        pull(models, "small", patience=PATIENCE)
    assert site.asked == []


def test_a_read_only_directory_is_named_with_what_to_do(site: Site, tmp_path: Path) -> None:
    # Nobody may make a directory in /sys, root neither.
    store(tmp_path, manifest(site.url))
    text = tmp_path / "bundled" / "manifest.toml"
    with pytest.raises(ModelError, match=r"cannot be put into /sys/ridge-models: .*models\.directory"):
        pull(ModelStore(Path("/sys/ridge-models"), manifest=text), "small", patience=PATIENCE)
    assert site.asked == []


def test_two_commands_do_not_install_one_model_at_once(site: Site, tmp_path: Path) -> None:
    downloads = tmp_path / "site" / DOWNLOADS
    downloads.mkdir(parents=True)
    with (downloads / "small.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ModelError, match="another command"):
            pull(store(tmp_path, manifest(site.url)), "small", patience=PATIENCE)
    assert pull(store(tmp_path, manifest(site.url)), "small", patience=PATIENCE).new


def test_what_a_killed_command_left_is_cleared_away(site: Site, tmp_path: Path) -> None:
    for name in (".small.new-abc", ".small.old-abc"):
        (tmp_path / "site" / name).mkdir(parents=True)
        (tmp_path / "site" / name / "encoder.onnx").write_bytes(b"x")
    pull(store(tmp_path, manifest(site.url)), "small", patience=PATIENCE)
    assert tree(tmp_path / "site") == INSTALLED


def test_a_model_without_an_archive_can_only_be_imported(tmp_path: Path) -> None:
    models = store(tmp_path, manifest(None))
    with pytest.raises(ModelError, match=r"cannot be fetched.*--from"):
        pull(models, "small")
    write_files(tmp_path / "usb")
    assert pull(models, "small", tmp_path / "usb").new


def test_a_research_model_is_not_fetched_where_the_site_forbids_them(site: Site, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="research only"):
        pull(store(tmp_path, manifest(site.url, research_only=True), research=False), "small")
    assert site.asked == []


def write_files(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)


def layout_archive(usb: Path) -> None:
    (usb / f"{FOLDER}.tar.bz2").write_bytes(ARCHIVE)


def layout_own_archive(usb: Path) -> None:
    (usb / "small.zip").write_bytes(zip_archive({f"small/{name}": data for name, data in FILES.items()}))


LAYOUTS: list[Callable[[Path], None]] = [
    write_files,
    lambda usb: write_files(usb / "small"),
    lambda usb: write_files(usb / FOLDER),
    layout_archive,
    layout_own_archive,
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_disk_is_imported_without_any_network(tmp_path: Path, layout: Callable[[Path], None]) -> None:
    usb = tmp_path / "usb"
    usb.mkdir()
    layout(usb)
    # Nothing listens at this address (RFC 5737), so a connection would fail.
    models = store(tmp_path, manifest(f"https://192.0.2.1/{FOLDER}.tar.bz2"))
    assert pull(models, "small", usb).new
    assert models.problems("small") == []
    assert tree(tmp_path / "site") == INSTALLED


@pytest.mark.parametrize("name", ["model.tar.bz2", "anything"])
def test_an_archive_is_imported_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(ARCHIVE)
    assert pull(
        store(tmp_path, manifest(f"https://192.0.2.1/{FOLDER}.tar.bz2")), "small", tmp_path / name
    ).new


@pytest.mark.parametrize("damage", [b"!", b"\0" * 7])
def test_a_damaged_file_on_a_disk_is_not_imported(tmp_path: Path, damage: bytes) -> None:
    write_files(tmp_path / "usb")
    tokens = FILES["tokens.txt"]
    (tmp_path / "usb" / "tokens.txt").write_bytes(damage + tokens[1:])
    with pytest.raises(ModelError, match=r"tokens\.txt .*nothing was installed"):
        pull(store(tmp_path, manifest(None)), "small", tmp_path / "usb")
    assert tree(tmp_path / "site") == []


def test_a_disk_without_one_of_the_files_is_refused_by_name(tmp_path: Path) -> None:
    write_files(tmp_path / "usb")
    (tmp_path / "usb" / "encoder.onnx").unlink()
    with pytest.raises(ModelError, match=r"encoder\.onnx is missing"):
        pull(store(tmp_path, manifest(None)), "small", tmp_path / "usb")
    assert tree(tmp_path / "site") == []


def test_an_empty_disk_says_what_belongs_there(tmp_path: Path) -> None:
    (tmp_path / "usb").mkdir()
    with pytest.raises(ModelError, match=r"encoder\.onnx, tokens\.txt.*small\.tar\.bz2"):
        pull(store(tmp_path, manifest(None)), "small", tmp_path / "usb")
    with pytest.raises(ModelError, match="neither a file nor a folder"):
        pull(store(tmp_path, manifest(None)), "small", tmp_path / "nowhere")


def test_the_real_recognizer_is_imported_from_its_folder(tmp_path: Path) -> None:
    """The manifest's sums, on the true files, packed as upstream packs them."""
    name = "asr-zh-pinyin-zipformer"
    genuine = ModelStore().open(name).directory
    upstream = ModelStore().entry(name).archive
    assert upstream is not None
    assert upstream.prefix is not None
    archive = tmp_path / "usb" / "archive"
    shutil.copytree(genuine, archive / upstream.prefix)
    packed = shutil.make_archive(str(tmp_path / "usb" / name), "bztar", archive)
    shutil.rmtree(archive)
    config = Config.model_validate({"models": {"directory": tmp_path / "site"}})
    models = ModelStore.configured(config)
    (tmp_path / "site" / name).mkdir(parents=True)
    (tmp_path / "site" / name / "tokens.txt").write_bytes(b"damaged")
    assert pull(models, name, Path(packed)).folder == tmp_path / "site" / name
    assert models.open(name).directory == tmp_path / "site" / name
