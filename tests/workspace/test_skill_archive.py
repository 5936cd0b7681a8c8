"""A skill in one file: the same bytes for the same skill, and nothing unsafe comes out of one."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.domain.errors import OwnerError
from harness.workspace.skill_archive import pack, read_skill_at
from harness.workspace.skill_folder import (
    MOST_BYTES,
    MOST_FILES,
    SkillFile,
    folder_sha256,
    is_junk,
    list_files,
    read_files,
    write_files,
)

FILES = {
    "SKILL.md": SkillFile(b"---\nname: lamp\ndescription: x\n---\nUse it.\n"),
    "assets/lamp.png": SkillFile(b"\x89PNG\xff\x00"),
    "scripts/dim.sh": SkillFile(b"#!/bin/sh\n", is_executable=True),
}
_PARTS = st.from_regex(r"[a-z][a-z0-9_.]{0,8}[a-z0-9]", fullmatch=True)
_PATHS = st.lists(_PARTS, min_size=1, max_size=3).map("/".join).filter(lambda path: not is_junk(path))


def archive(tmp_path: Path, **entries: bytes) -> Path:
    path = tmp_path / "a.skill"
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in entries.items():
            packed.writestr(name, content)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(OwnerError) as caught:
        read_skill_at(path)
    return str(caught.value)


def test_what_was_packed_comes_out_as_it_was_and_the_bytes_depend_on_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "lamp"
    write_files(folder, FILES)
    first = pack("lamp", read_files(folder))
    for path in folder.rglob("*"):
        os.utime(path, (1, 1))
    (folder / ".DS_Store").write_bytes(b"x")
    assert pack("lamp", read_files(folder)) == first == pack("lamp", dict(reversed(FILES.items())))
    (tmp_path / "lamp.skill").write_bytes(first)
    assert read_skill_at(tmp_path / "lamp.skill") == FILES == read_skill_at(folder)


@settings(deadline=None)
@given(st.dictionaries(_PATHS, st.builds(SkillFile, st.binary(max_size=50), st.booleans()), max_size=8))
def test_every_set_of_files_has_a_hash_of_its_own(files: dict[str, SkillFile]) -> None:
    same = folder_sha256(dict(reversed(files.items())))
    assert folder_sha256(files) == same
    for name, file in files.items():
        others = {path: one for path, one in files.items() if path != name}
        changed = (
            others,
            {**others, name: SkillFile(file.content + b"x", file.is_executable)},
            {**others, name: SkillFile(file.content, not file.is_executable)},
            {**others, f"{name}x": file},
        )
        assert all(folder_sha256(one) != same for one in changed)


@pytest.mark.parametrize(
    "name", ["../x", "/x", "lamp/../../x", "a\\b", "C:/x", "lamp//x", "./lamp/x", "lamp/a\nb"], ids=repr
)
def test_a_path_that_leads_out_of_the_skill_is_refused(tmp_path: Path, name: str) -> None:
    assert "is no path inside of a skill" in refusal(archive(tmp_path, **{"lamp/SKILL.md": b"x", name: b"x"}))


def test_links_doubles_bombs_and_what_is_no_archive_are_refused(tmp_path: Path) -> None:
    linked = tmp_path / "linked.skill"
    with zipfile.ZipFile(linked, "w") as packed:
        entry = zipfile.ZipInfo("lamp/SKILL.md")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(entry, "/etc/passwd")
    assert "is no file" in refusal(linked)
    twice = tmp_path / "twice.skill"
    with zipfile.ZipFile(twice, "w") as packed, pytest.warns(UserWarning, match="Duplicate"):
        packed.writestr("SKILL.md", "x")
        packed.writestr("SKILL.md", "y")
    assert "in it twice" in refusal(twice)
    bomb = tmp_path / "bomb.skill"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("SKILL.md", b"\0" * (MOST_BYTES + 1))
    assert bomb.stat().st_size < 1_000_000
    assert "more than 50,000,000 bytes" in refusal(bomb)
    (tmp_path / "text.skill").write_text("hello")
    assert "is no zip archive" in refusal(tmp_path / "text.skill")
    cut = tmp_path / "cut.skill"
    cut.write_bytes(pack("lamp", FILES)[:-30])
    assert "is no zip archive" in refusal(cut)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_whatever_bit_is_flipped_an_archive_is_read_or_refused_by_its_name(tmp_path: Path, method: int) -> None:
    sound = io.BytesIO()
    with zipfile.ZipFile(sound, "w", method) as packed:
        packed.writestr("lamp/SKILL.md", "---\nname: lamp\ndescription: A lamp\n---\n" + "Use the lamp. " * 5)
        packed.writestr("lamp/ä.txt", "x" * 50)
    path = tmp_path / "flipped.skill"
    for place in range(len(sound.getvalue())):
        for bit in (0x01, 0x80):
            flipped = bytearray(sound.getvalue())
            flipped[place] ^= bit
            path.write_bytes(flipped)
            with suppress(OwnerError):
                assert read_skill_at(path)


def test_an_archive_that_few_programs_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lzma.skill"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as packed:
        packed.writestr("SKILL.md", "x")
    assert "pack it again, as plain zip" in refusal(path)


def test_what_holds_no_skill_or_several_is_told(tmp_path: Path) -> None:
    assert "there is nothing" in refusal(tmp_path / "gone")
    assert "there is no SKILL.md" in refusal(archive(tmp_path, **{"lamp/README.md": b"x"}))
    several = archive(tmp_path, **{"all/lamp/SKILL.md": b"x", "all/tides/SKILL.md": b"x"})
    assert "it holds 2 skills: all/lamp, all/tides; name one of their folders" in refusal(several)


def test_a_folder_with_links_pipes_or_too_much_is_refused_and_listing_it_shows_no_links(tmp_path: Path) -> None:
    folder = tmp_path / "lamp"
    write_files(folder, FILES)
    (folder / "out").symlink_to(tmp_path)
    assert "is a link" in refusal(folder)
    assert list_files(folder) == sorted(FILES)
    (folder / "out").unlink()
    os.mkfifo(folder / "pipe")
    assert "is neither a file nor a folder" in refusal(folder)
    (folder / "pipe").unlink()
    for number in range(MOST_FILES):
        (folder / f"{number}.md").touch()
    assert "more than 2,000 files" in refusal(folder)
    assert list_files(tmp_path / "gone") == []


def test_a_file_by_itself_is_a_skill_without_others(tmp_path: Path) -> None:
    path = tmp_path / "lamp.md"
    path.write_text("x")
    (tmp_path / "other.md").write_text("y")
    assert read_skill_at(path) == {"SKILL.md": SkillFile(b"x")}


def test_an_archive_of_another_tool_is_read_too(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("lamp/", "")
        packed.writestr("lamp/SKILL.md", "x")
        packed.writestr("__MACOSX/lamp/._SKILL.md", "x")
    path = tmp_path / "lamp.zip"
    path.write_bytes(buffer.getvalue())
    assert read_skill_at(path) == {"SKILL.md": SkillFile(b"x")}
