"""`skills/.proposed/`: skills that were proposed and wait for the person. Nobody loads what lies there.

What the person decided stands in DECISIONS.md, a line each, so that nothing is proposed a second time.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path, PurePosixPath

from harness.domain.errors import OwnerError
from harness.gate.sanitise import one_line
from harness.memory.rewriting import rewrite
from harness.memory.skill_proposals import SkillProposal, key_of
from harness.memory.versions import text_hash, versions_of
from harness.workspace.skill_folder import Files, read_files
from harness.workspace.skill_install import install
from harness.workspace.skills import SKILL_FILE

FOLDER = PurePosixPath("skills", ".proposed")
EVIDENCE_FILE = "references/EVIDENCE.md"
_DECISIONS = FOLDER / "DECISIONS.md"
_HEAD = "# What you decided on proposed skills\n\nA line that is gone lets the skill be proposed again.\n\n"
_DECISION = re.compile(r"^- (?P<decision>accepted|rejected) \S+ `(?P<name>[^`]*)` \((?P<key>[^)]*)\)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposal that waits: `name` is its folder, `key` what it was made of."""

    name: str
    key: str
    files: Files


def proposals_of(root: Path, tell: Callable[[str], None]) -> tuple[Proposed, ...]:
    """Return the proposals that wait for the person; `tell` is told of each that cannot be read."""
    decided = _decided(root)
    found = []
    for folder in sorted((root / FOLDER).glob("[!.]*/")):
        try:
            files = read_files(folder)
            # A person may have edited away of what it was made.
            key = (
                (key_of(files[SKILL_FILE].content.decode("utf-8")) or f"folder {folder.name}")
                if SKILL_FILE in files
                else None
            )
        except (OwnerError, UnicodeDecodeError) as error:
            tell(f"{FOLDER / folder.name}: the proposal cannot be read ({error}); correct it, or remove its folder")
            continue
        if key is not None and key not in decided and not (root / "skills" / folder.name).exists():
            found.append(Proposed(folder.name, key, files))
    return tuple(found)


def write_proposals(root: Path, state: Path, proposals: Sequence[SkillProposal]) -> tuple[SkillProposal, ...]:
    """Write the proposals that are news, bring others up to date, and return those that are new.

    Proposed again is nothing that the person decided on, or has installed under whatever name. A proposal that they
    have edited stays as they left it. Raises as `rewrite`.
    """
    decided, installed = _decided(root), _keys_in(root / "skills")
    waiting = _keys_in(root / FOLDER)
    new = []
    for proposal in proposals:
        if proposal.key in decided or proposal.key in installed:
            continue
        name = waiting.get(proposal.key) or _free_name(root, proposal.name)
        skill = proposal.skill.replace(f"name: {proposal.name}\n", f"name: {name}\n", 1)
        if not _is_edited(root, state, FOLDER / name / SKILL_FILE):
            # The evidence first: a proposal is one when it has its SKILL.md.
            _write(root, state, FOLDER / name / EVIDENCE_FILE, proposal.evidence)
            _write(root, state, FOLDER / name / SKILL_FILE, skill)
        if proposal.key not in waiting:
            new.append(SkillProposal(proposal.key, name, skill, proposal.evidence, proposal.ids))
    return tuple(new)


def accept_proposal(root: Path, state: Path, proposed: Proposed, now: datetime, today: date) -> None:
    """Install the skill, pinned as it lies there; raises OwnerError if that cannot be written."""
    install(root, proposed.name, proposed.files, f"learned ({proposed.key})", now)
    _decide(root, state, proposed, "accepted", "", today)


def reject_proposal(root: Path, state: Path, proposed: Proposed, reason: str, today: date) -> None:
    """Remove the proposal; it is never made again. Raises OwnerError if that cannot be written."""
    _decide(root, state, proposed, "rejected", reason, today)


def _decide(root: Path, state: Path, proposed: Proposed, decision: str, reason: str, today: date) -> None:
    """Write down what was decided, and then remove the proposal: whoever dies in between has decided."""
    said = f": {one_line(reason)}" if reason.strip() else ""
    line = f"- {decision} {today} `{proposed.name}` ({proposed.key}){said}\n"

    def change(text: str) -> str:
        return text if proposed.key in _keys(text) else f"{text or _HEAD}{line}"

    rewrite(root / _DECISIONS, change, versions_of(state, _DECISIONS))
    try:
        shutil.rmtree(root / FOLDER / proposed.name)
    except OSError as error:
        problem = f"the proposal is {decision}, and its folder cannot be removed ({error.strerror})"
        raise OwnerError(root / FOLDER / proposed.name, None, problem, "remove it by hand") from error


def _decided(root: Path) -> frozenset[str]:
    try:
        return _keys((root / _DECISIONS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return frozenset()
    except UnicodeDecodeError as error:
        raise OwnerError(root / _DECISIONS, None, "is no UTF-8 text", "save the file as UTF-8") from error


def _keys(text: str) -> frozenset[str]:
    return frozenset(found["key"] for found in _DECISION.finditer(text))


def _keys_in(folder: Path) -> dict[str, str]:
    """Return what the skills in the folder were proposed of, with their names."""
    texts = ((path, path.read_text(encoding="utf-8", errors="replace")) for path in folder.glob(f"[!.]*/{SKILL_FILE}"))
    found = ((key_of(text), path.parent.name) for path, text in texts)
    return {key: name for key, name in found if key is not None}


def _free_name(root: Path, name: str) -> str:
    """Return the name, with a number where a skill or another proposal is called so."""
    taken = {path.name for folder in (root / "skills", root / FOLDER) for path in folder.glob("[!.]*/")}
    return next(each for number in range(1, len(taken) + 2) if (each := _numbered(name, number)) not in taken)


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"


def _is_edited(root: Path, state: Path, file: PurePosixPath) -> bool:
    """Say whether the file is other than we wrote it."""
    try:
        text = (root / file).read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    newest = next(versions_of(state, file).newest_first(), None)
    return newest is None or newest.sha != text_hash(text)


def _write(root: Path, state: Path, file: PurePosixPath, text: str) -> None:
    rewrite(root / file, lambda _: text, versions_of(state, file))
