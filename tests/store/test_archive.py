"""A backup is believed only when every byte of it is what was packed."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.domain.errors import OwnerError
from harness.store.archive import (
    FORMAT,
    About,
    ArchivedLink,
    ArchiveWriter,
    DamagedBackup,
    Manifest,
    read_about,
    read_archive,
)

ABOUT = About(FORMAT, "1", "2026-11-21T11:00:00Z", "team", "/home/sam/team")
TOML = "workspace/harness.toml"
FILES = {
    TOML: b"home = 'UTC'\n",
    "workspace/skills/run.sh": b"#!/bin/sh\n",
    "state/executor-id": b"x",
}


def pack(folder: Path, links: tuple[ArchivedLink, ...] = ()) -> tuple[Path, Manifest]:
    path = folder / "backup.tar.gz"
    with path.open("wb") as file:
        writer = ArchiveWriter(file, ABOUT)
        for name, content in FILES.items():
            source = folder / "source"
            source.write_bytes(content)
            source.chmod(0o755 if name.endswith(".sh") else 0o644)
            writer.add(source, name)
        manifest = writer.finish(
            schema_version=2, database="sqlite", tables={"fire": 3}, links=links, folders=("workspace/memory",),
            left_out=(),
        )  # fmt: skip
    return path, manifest


def rewrite(path: Path, change: Callable[[dict[str, tuple[tarfile.TarInfo, bytes]]], None]) -> None:
    """Pack the members anew as somebody would who wants to deceive."""
    members: dict[str, tuple[tarfile.TarInfo, bytes]] = {}
    with tarfile.open(path) as tar:
        for member in tar:
            packed = tar.extractfile(member)
            members[member.name] = (member, b"" if packed is None else packed.read())
    change(members)
    with tarfile.open(path, "w:gz") as tar:
        for member, content in members.values():
            if member.isreg():
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def edited(document: tuple[tarfile.TarInfo, bytes], **changes: Any) -> tuple[tarfile.TarInfo, bytes]:
    return document[0], json.dumps({**json.loads(document[1]), **changes}).encode()


def test_what_was_packed_is_read_back_and_unpacked_with_its_mode(tmp_path: Path) -> None:
    path, packed = pack(tmp_path, (ArchivedLink("workspace/zoe", "agents/zoe"),))
    assert read_archive(path, lambda name: None) == packed
    assert read_archive(path, lambda name: tmp_path / "out" / name) == packed
    assert {name: (tmp_path / "out" / name).read_bytes() for name in FILES} == FILES
    assert (tmp_path / "out/workspace/skills/run.sh").stat().st_mode & 0o777 == 0o755
    assert read_about(path) == ABOUT


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_flipped_bit_passes_for_a_sound_backup(tmp_path: Path, place: float, bit: int) -> None:
    path, packed = pack(tmp_path)
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    path.write_bytes(content)
    try:
        found = read_archive(path, lambda name: None)
    except OwnerError:
        return
    assert found == packed, "only what carries no content, such as the time in the header of gzip, may differ"


@given(place=st.floats(0, 1, exclude_max=True))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_backup_that_was_cut_short_passes_for_a_sound_one(tmp_path: Path, place: float) -> None:
    path, _ = pack(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(place * len(content))])
    with pytest.raises(DamagedBackup):
        read_archive(path, lambda name: None)


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/etc/evil",
        "workspace/../../evil",
        "workspace//evil",
        "workspace/./evil",
        "elsewhere/evil",
        "workspace",
    ],
)
def test_member_that_leads_out_is_refused_and_not_written(tmp_path: Path, name: str) -> None:
    path, _ = pack(tmp_path)

    def add(members: dict[str, tuple[tarfile.TarInfo, bytes]]) -> None:
        evil = {"evil": (tarfile.TarInfo(name), b"evil")}
        rest = dict(members)
        members.clear()
        members.update(evil | rest)

    rewrite(path, add)
    with pytest.raises(DamagedBackup, match=r"leads out|stands where"):
        read_archive(path, lambda member: tmp_path / "out" / member)
    assert list(tmp_path.rglob("evil")) == []


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_member_that_is_no_regular_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    path, _ = pack(tmp_path)

    def add(members: dict[str, tuple[tarfile.TarInfo, bytes]]) -> None:
        evil = tarfile.TarInfo("workspace/evil")
        evil.type, evil.linkname = kind, "/etc/passwd"
        rest = dict(members)
        members.clear()
        members.update({"evil": (evil, b"")} | rest)

    rewrite(path, add)
    with pytest.raises(DamagedBackup, match="is no regular file"):
        read_archive(path, lambda member: tmp_path / "out" / member)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda m: m.pop(TOML), "harness.toml is missing"),
        (lambda m: m.update({TOML: (m[TOML][0], b"home = 'XYZ'\n")}), "not as it was packed"),
        (lambda m: m.pop("manifest.json"), "never finished"),
        (lambda m: m.update({"z": (tarfile.TarInfo("workspace/more"), b"")}), "stands where nothing should"),
        (lambda m: m.update({"manifest.json": (m["manifest.json"][0], b"[")}), "is not JSON"),
        (lambda m: m.update({"manifest.json": edited(m["manifest.json"], files=3)}), "not what it should be"),
        (lambda m: m.update({"manifest.json": edited(m["manifest.json"], folders=["workspace/../.."])}), "leads out"),
    ],
)  # fmt: skip
def test_backup_that_was_tampered_with_is_refused(tmp_path: Path, change: Callable[[Any], None], problem: str) -> None:
    path, _ = pack(tmp_path)
    rewrite(path, change)
    with pytest.raises(DamagedBackup, match=problem):
        read_archive(path, lambda name: None)


@pytest.mark.parametrize(
    "link",
    [
        ArchivedLink("workspace/out", "../state"),
        ArchivedLink("workspace/a/out", "../../../etc"),
        ArchivedLink("workspace/out", "/etc/passwd"),
        ArchivedLink("workspace/out", "agents/../../.."),
        ArchivedLink("../out", "agents"),
    ],
)
def test_link_that_leads_out_of_its_part_is_refused(tmp_path: Path, link: ArchivedLink) -> None:
    path, _ = pack(tmp_path, (link,))
    with pytest.raises(DamagedBackup, match="leads out"):
        read_archive(path, lambda name: None)


def test_link_below_a_link_is_refused(tmp_path: Path) -> None:
    links = (ArchivedLink("workspace/a", "deep/er"), ArchivedLink("workspace/a/b", "../c"))
    path, _ = pack(tmp_path, links)
    with pytest.raises(DamagedBackup, match="leads out"):
        read_archive(path, lambda name: None)


def test_more_than_the_disk_can_take_is_not_unpacked(tmp_path: Path) -> None:
    path, _ = pack(tmp_path)
    with pytest.raises(OwnerError, match="not enough space"):
        read_archive(path, lambda name: tmp_path / "out" / name, max_bytes=20)


def test_backup_of_a_format_to_come_is_not_called_damaged(tmp_path: Path) -> None:
    path, manifest = pack(tmp_path)
    newer = asdict(replace(manifest, about=replace(ABOUT, format=2)))
    rewrite(path, lambda members: members.update({"about.json": edited(members["about.json"], format=2)}))
    with pytest.raises(OwnerError, match="format 2, and this harness knows 1") as caught:
        read_about(path)
    assert not isinstance(caught.value, DamagedBackup)
    assert newer["about"]["format"] == 2


@pytest.mark.parametrize(
    "content", [b"", b"no archive", gzip.compress(b"no tar", mtime=0), gzip.compress(b"", mtime=0)]
)
def test_file_that_is_no_backup_is_called_that(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DamagedBackup):
        read_about(path)
    with pytest.raises(DamagedBackup):
        read_archive(path, lambda name: None)


def test_file_that_grows_while_it_is_packed_is_packed_as_it_was_read(tmp_path: Path) -> None:
    files: Mapping[str, bytes] = {"workspace/notes.md": b"x" * 3_000_000}
    source = tmp_path / "notes.md"
    source.write_bytes(files["workspace/notes.md"])
    path = tmp_path / "backup.tar.gz"
    with path.open("wb") as file, source.open("ab") as agent:
        writer = ArchiveWriter(file, ABOUT)
        agent.write(b"y" * 10)
        agent.flush()
        writer.add(source, "workspace/notes.md")
        agent.write(b"z" * 10)
        agent.flush()
        packed = writer.finish(schema_version=2, database="sqlite", tables={}, links=(), folders=(), left_out=())
    assert read_archive(path, lambda name: None) == packed
    assert packed.files[0].size == 3_000_010
