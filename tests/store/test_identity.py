"""Two workspaces cannot write into one database by mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from harness.domain.errors import OwnerError
from harness.store.address import parse_address
from harness.store.database import Database
from harness.store.identity import Claim, claim_database, require_team
from harness.store.tables import identity

HERE, THERE = Path("/home/sam/team"), Path("/home/sam/other")


def claim(database: Database, team: str | None, root: Path, *workspaces: Path) -> None:
    with database.write() as connection:
        claim_database(connection, database.address, Claim(team, root), lambda folder: folder in workspaces)


def owner(database: Database) -> dict[str, str]:
    with database.read() as connection:
        return {row.name: row.value for row in connection.execute(select(identity))}


def test_the_first_workspace_owns_the_database_and_may_come_back(database: Database) -> None:
    claim(database, None, HERE, HERE)
    claim(database, None, HERE, HERE)
    assert owner(database) == {"workspace": str(HERE)}


def test_another_workspace_is_refused_with_both_names_and_the_fix(database: Database) -> None:
    claim(database, None, HERE, HERE, THERE)
    with pytest.raises(OwnerError) as caught:
        claim(database, None, THERE, HERE, THERE)
    assert f"belongs to the workspace {HERE}, not to the workspace {THERE}" in str(caught.value)
    assert "set the same team in both" in str(caught.value)
    assert owner(database) == {"workspace": str(HERE)}


def test_a_workspace_that_moved_is_known_again(database: Database) -> None:
    claim(database, None, HERE, HERE)
    claim(database, None, THERE, THERE)
    assert owner(database) == {"workspace": str(THERE)}


def test_workspaces_of_one_team_share_it_and_those_of_another_do_not(database: Database) -> None:
    claim(database, "kitchen", HERE, HERE, THERE)
    claim(database, "kitchen", THERE, HERE, THERE)
    with pytest.raises(OwnerError, match="belongs to the team 'kitchen', not to the team 'garden'"):
        claim(database, "garden", THERE, HERE, THERE)
    with pytest.raises(OwnerError, match=r'set team = "kitchen" in harness\.toml'):
        claim(database, None, HERE, HERE, THERE)
    assert owner(database) == {"team": "kitchen"}


def test_a_workspace_that_is_given_a_team_takes_its_database_along(database: Database) -> None:
    claim(database, None, HERE, HERE, THERE)
    with pytest.raises(OwnerError, match="start the other one first"):
        claim(database, "kitchen", THERE, HERE, THERE)
    claim(database, "kitchen", HERE, HERE, THERE)
    claim(database, "kitchen", THERE, HERE, THERE)
    assert owner(database) == {"team": "kitchen"}


def test_a_server_needs_the_name_of_a_team() -> None:
    address = parse_address("postgresql://sam:secret@db/team", HERE)
    with pytest.raises(OwnerError, match=r"harness.toml: .*postgresql://sam@db/team.*add team = ") as caught:
        require_team(address, Claim(None, HERE))
    assert "secret" not in str(caught.value)
    require_team(address, Claim("kitchen", HERE))
