"""Whose database this is, so that two workspaces cannot write into one by mistake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from harness.domain.errors import OwnerError
from harness.store.address import DatabaseAddress
from harness.store.tables import identity

_TEAM = "team"
_ROOT = "workspace"


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wants to use the database: a team, wherever its workspaces lie, or else the one workspace `root`."""

    team: str | None
    root: Path


def claim_database(
    connection: Connection, address: DatabaseAddress, claim: Claim, is_workspace: Callable[[Path], bool]
) -> None:
    """Make the database the claimant's, if it is nobody's yet or was its own under another name.

    A workspace that has moved, so that there is none where it was, and one that was given a team are known
    again. `is_workspace` says whether a folder is one. Raises OwnerError if the database is another's.
    """
    owner = {row.name: row.value for row in connection.execute(select(identity))}
    mine = {_TEAM: claim.team} if claim.team else {_ROOT: str(claim.root)}
    if owner == mine:
        return
    if _is_another(owner, claim, is_workspace):
        raise _refusal(address, owner, claim)
    connection.execute(delete(identity))
    connection.execute(insert(identity), [{"name": name, "value": value} for name, value in mine.items()])


def require_team(address: DatabaseAddress, claim: Claim) -> None:
    """Raise OwnerError for a server without a team: there, no folder says whose the database is."""
    if address.kind == "postgresql" and not claim.team:
        raise OwnerError(
            claim.root / "harness.toml",
            None,
            f"a database on a server ({address}) needs the name of the team that it belongs to",
            'add team = "NAME", the same in every workspace of the team',
        )


def _is_another(owner: dict[str, str], claim: Claim, is_workspace: Callable[[Path], bool]) -> bool:
    if _TEAM in owner:
        return owner[_TEAM] != claim.team
    if _ROOT not in owner:
        return False
    return owner[_ROOT] != str(claim.root) and is_workspace(Path(owner[_ROOT]))


def _refusal(address: DatabaseAddress, owner: dict[str, str], claim: Claim) -> OwnerError:
    who = f"the team {claim.team!r}" if claim.team else f"the workspace {claim.root}"
    if _TEAM in owner:
        fix = f'if this is a workspace of that team, set team = "{owner[_TEAM]}" in harness.toml'
        theirs = f"the team {owner[_TEAM]!r}"
    else:
        fix = "if both are one team, set the same team in both, and start the other one first"
        theirs = f"the workspace {owner[_ROOT]}"
    return OwnerError(
        address, None, f"the database belongs to {theirs}, not to {who}", f"{fix}; otherwise name another database_url"
    )
