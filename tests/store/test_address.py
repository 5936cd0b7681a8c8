"""Which database a workspace uses, and what is said of an address that cannot be used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.errors import OwnerError
from harness.store.address import BadAddress, database_address, file_address, file_url, parse_address

ROOT = Path("/home/sam/team")


def write(root: Path, text: str) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "harness.toml").write_text(text)
    return root


def test_without_a_word_it_is_the_file_in_the_state_folder(tmp_path: Path) -> None:
    root = write(tmp_path, 'home = "UTC"\n')
    assert database_address(root, {}).path == root / ".harness" / "harness.db"
    assert database_address(root, {"HARNESS_HOME": "/var/state"}).path == Path("/var/state/harness.db")


def test_only_the_file_in_the_workspace_itself_needs_no_owner(tmp_path: Path) -> None:
    root = write(tmp_path, "")
    assert database_address(root, {}).is_own
    assert database_address(root, {"HARNESS_HOME": str(root / ".harness")}).is_own
    assert not database_address(root, {"HARNESS_HOME": "/var/state"}).is_own
    assert database_address(root, {"HARNESS_DATABASE_URL": "sqlite:///.harness/harness.db"}).is_own
    assert not database_address(root, {"HARNESS_DATABASE_URL": "sqlite:///.harness/other.db"}).is_own


def test_the_environment_stands_before_the_settings_and_an_empty_word_is_none(tmp_path: Path) -> None:
    root = write(tmp_path, 'database_url = "sqlite:///team.db"\n')
    assert database_address(root, {}).path == root / "team.db"
    assert database_address(root, {"HARNESS_DATABASE_URL": ""}).path == root / "team.db"
    assert database_address(root, {"HARNESS_DATABASE_URL": "sqlite:////srv/all.db"}).path == Path("/srv/all.db")


def test_while_the_settings_are_broken_their_last_good_version_counts(tmp_path: Path) -> None:
    root = write(tmp_path, "database_url = \n")
    write(root / ".harness" / "last-good", 'database_url = "postgresql://db/team"\n')
    assert str(database_address(root, {})) == "postgresql://db/team"


def test_an_address_that_cannot_be_used_is_told_with_its_line_and_without_its_password(tmp_path: Path) -> None:
    root = write(tmp_path, 'home = "UTC"\n\ndatabase_url = "mysql://sam:secret@db/team"\n')
    with pytest.raises(OwnerError) as caught:
        database_address(root, {})
    assert (caught.value.path, caught.value.line) == (str(root / "harness.toml"), 3)
    assert "postgresql://USER@HOST/DATABASE" in str(caught.value)
    assert "secret" not in str(caught.value)
    with pytest.raises(OwnerError, match=r"HARNESS_DATABASE_URL: .* names no database"):
        database_address(root, {"HARNESS_DATABASE_URL": "postgresql://db"})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://sam:secret@db.example:5433/team?sslmode=require", "postgresql://sam@db.example:5433/team"),
        ("postgres://db/team", "postgresql://db/team"),
        ("postgresql+psycopg://s%40m:a%2Fb@[::1]/team", "postgresql://s@m@[::1]/team"),
        ("postgresql:///team?host=/run/postgresql", "postgresql:///team"),
    ],
)
def test_a_server_is_shown_without_password_and_options(text: str, shown: str) -> None:
    address = parse_address(text, ROOT)
    assert (address.kind, str(address), address.path) == ("postgresql", shown, None)
    assert "secret" not in repr(address)
    assert address.url.startswith("postgresql://")


def test_a_server_that_does_not_answer_is_not_waited_for_without_end() -> None:
    assert parse_address("postgresql://db/team", ROOT).url == "postgresql://db/team?connect_timeout=10"
    assert parse_address("postgresql://db/t?sslmode=require", ROOT).url.endswith("sslmode=require&connect_timeout=10")
    assert parse_address("postgresql://db/t?connect_timeout=2", ROOT).url.endswith("?connect_timeout=2")


@pytest.mark.parametrize(
    "text",
    ["", "team.db", "sqlite://team.db", "sqlite:///", "sqlite:///team.db?mode=ro", "postgresql://db:port/team", "[::"],
)
def test_what_is_no_address_says_how_to_write_one(text: str) -> None:
    with pytest.raises(BadAddress, match="write "):
        parse_address(text, ROOT)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_every_file_is_found_again_by_its_url(name: str) -> None:
    path = Path("/srv") / f"x{name}"
    address = parse_address(file_url(path), ROOT)
    assert (address.path, address) == (path, file_address(path))


def test_an_address_is_found_without_a_heavy_library(tmp_path: Path) -> None:
    root = write(tmp_path, 'database_url = "postgresql://db/team"\n')
    script = (
        "import sys; from pathlib import Path\n"
        "from harness.store.address import database_address\n"
        "from harness.store.peek import peek\n"
        "print(database_address(Path(sys.argv[1]), {}))\n"
        "print({'sqlalchemy', 'psycopg', 'pydantic', 'dbos'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(root)], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["postgresql://db/team", "set()"]
