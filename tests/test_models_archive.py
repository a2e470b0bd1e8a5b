"""Unpacking: the listed files come out, and whatever else an archive tries does not."""

from __future__ import annotations

import bz2
import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.models import ModelEntry, ModelError
from appliance.models_archive import extract
from tests.model_archives import FILES, FOLDER, manifest, tar_archive, tree, upstream_members, zip_archive


def entry() -> ModelEntry:
    data = msgspec.toml.decode(manifest("https://192.0.2.1/a").encode())
    return msgspec.convert(data["model"][0], ModelEntry)


def unpack(tmp_path: Path, archive: bytes, **options: int) -> list[str]:
    (tmp_path / "archive").write_bytes(archive)
    (tmp_path / "out").mkdir(exist_ok=True)
    extract(tmp_path / "archive", entry(), tmp_path / "out", **options)
    return tree(tmp_path / "out")


def tar_of(*members: tuple[tarfile.TarInfo, bytes], **options: object) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", **options) as tar:  # type: ignore[call-overload]
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize("mode", ["w:bz2", "w:gz", "w"])
@pytest.mark.parametrize("folder", [f"{FOLDER}/", f"./{FOLDER}/", "", "./", "small/"])
def test_the_files_are_found_in_a_tar_archive(tmp_path: Path, mode: str, folder: str) -> None:
    members = {f"{folder}{name}": content for name, content in FILES.items()}
    assert unpack(tmp_path, tar_archive(members, mode)) == sorted(FILES)
    assert (tmp_path / "out" / "encoder.onnx").read_bytes() == FILES["encoder.onnx"]


def test_the_files_are_found_in_a_zip_archive(tmp_path: Path) -> None:
    assert unpack(tmp_path, zip_archive(upstream_members())) == sorted(FILES)
    assert (tmp_path / "out" / "tokens.txt").read_bytes() == FILES["tokens.txt"]


def test_long_names_are_read_in_every_format_of_tar(tmp_path: Path) -> None:
    other = "o" * 300
    members = [(tarfile.TarInfo(f"{FOLDER}/{name}"), content) for name, content in FILES.items()]
    for number, form in enumerate((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)):
        place = tmp_path / str(number)
        place.mkdir()
        assert unpack(place, tar_of((tarfile.TarInfo(other), b"x"), *members, format=form)) == sorted(FILES)


def test_files_of_other_folders_are_not_taken(tmp_path: Path) -> None:
    members = {f"elsewhere/{name}": content for name, content in FILES.items()}
    with pytest.raises(ModelError, match=r"does not hold encoder\.onnx, tokens\.txt"):
        unpack(tmp_path, tar_archive(members))


HOSTILE = ["../escaped", f"{FOLDER}/../../escaped", "/tmp/escaped", "a\\..\\..\\escaped", ".."]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("pack", [tar_archive, zip_archive])
def test_a_name_that_leads_outside_refuses_the_archive(
    tmp_path: Path, name: str, pack: Callable[[dict[str, bytes]], bytes]
) -> None:
    with pytest.raises(ModelError, match="leads out of it"):
        unpack(tmp_path, pack({name: b"x"} | upstream_members()))
    assert tree(tmp_path) == ["archive"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_a_link_in_the_place_of_a_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    archive = tar_of((link(f"{FOLDER}/tokens.txt", "/etc/passwd", kind), b""))
    with pytest.raises(ModelError, match=r"tokens\.txt .*(no plain file|does not hold)"):
        unpack(tmp_path, archive)
    assert not (tmp_path / "out" / "tokens.txt").exists()


def test_a_link_beside_the_files_is_passed_over_and_leads_nowhere(tmp_path: Path) -> None:
    # Were the link made, the file after it would be written through it.
    members = [(tarfile.TarInfo(f"{FOLDER}/{name}"), content) for name, content in FILES.items()]
    archive = tar_of((link(FOLDER, str(tmp_path / "elsewhere"), tarfile.SYMTYPE), b""), *members)
    assert unpack(tmp_path, archive) == sorted(FILES)
    assert not (tmp_path / "elsewhere").exists()


def test_a_zip_link_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    import zipfile  # noqa: PLC0415

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as container:
        member = zipfile.ZipInfo(f"{FOLDER}/tokens.txt")
        member.create_system, member.external_attr = 3, 0o120777 << 16
        container.writestr(member, "/etc/passwd!")
    with pytest.raises(ModelError, match="no plain file"):
        unpack(tmp_path, buffer.getvalue())


def test_a_file_of_another_size_is_refused_before_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"tokens\.txt .* has 13 bytes, the manifest says 12"):
        unpack(tmp_path, tar_archive({"tokens.txt": FILES["tokens.txt"] + b"x"}))
    assert tree(tmp_path / "out") == []


@pytest.mark.parametrize("compress", [bz2.compress, gzip.compress])
def test_a_decompression_bomb_is_left_at_the_limit(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    bomb = compress(tar_archive({"zeros": bytes(20_000_000)}, "w"))
    assert len(bomb) < 100_000
    with pytest.raises(ModelError, match="unpacks to more"):
        unpack(tmp_path, bomb, limit=1_000_000)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_huge_extended_header_is_not_read_into_memory(tmp_path: Path, kind: bytes) -> None:
    header = tarfile.TarInfo("header")
    header.type = kind
    with pytest.raises(ModelError, match="unpacks to more"):
        unpack(tmp_path, tar_of((header, bytes(3_000_000))))


def test_an_archive_of_very_many_members_is_left(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="unpacks to more"):
        unpack(tmp_path, zip_archive({str(number): b"" for number in range(10_001)}))


@pytest.mark.parametrize("mode", ["w:bz2", "w:gz", "w"])
@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.9])
def test_a_truncated_archive_is_said_to_be_one(tmp_path: Path, mode: str, part: float) -> None:
    whole = tar_archive(upstream_members(), mode)
    with pytest.raises(ModelError, match="archive"):
        unpack(tmp_path, whole[: int(len(whole) * part)])


def test_a_truncated_zip_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be unpacked"):
        unpack(tmp_path, zip_archive(upstream_members())[:-100])


@pytest.mark.parametrize("text", [b"<html>404</html>", b"", b"PK\x03\x04", b"BZh9" + b"x" * 50])
def test_what_is_no_archive_is_refused(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(ModelError, match="archive"):
        unpack(tmp_path, text)


def test_a_zip_whose_directory_lies_before_its_begin_is_said_to_be_broken(tmp_path: Path) -> None:
    whole = bytearray(zip_archive(upstream_members()))
    whole[-3] = 1  # the highest byte of the directory's offset, in the record at the end
    with pytest.raises(ModelError, match="cannot be unpacked"):
        unpack(tmp_path, bytes(whole))


SMALL = {"encoder.onnx": b"e" * 40, "tokens.txt": b"t" * 12}


@settings(max_examples=300)
@given(
    st.sampled_from(
        [tar_archive(SMALL, "w"), tar_archive(SMALL, "w:gz"), tar_archive(SMALL), zip_archive(SMALL)]
    ),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_mutated_archives_raise_nothing_but_the_sentence(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, changes: list[tuple[float, int]]
) -> None:
    data = bytearray(whole)
    for place, value in changes:
        data[int(place * len(data))] = value
    folder = tmp_path_factory.mktemp("mutated")
    (folder / "archive").write_bytes(data)
    (folder / "out").mkdir()
    text = manifest("https://192.0.2.1/a", files=SMALL)
    model = msgspec.convert(msgspec.toml.decode(text.encode())["model"][0], ModelEntry)
    try:
        extract(folder / "archive", model, folder / "out")
    except ModelError:
        return
    assert tree(folder / "out") == sorted(SMALL)
