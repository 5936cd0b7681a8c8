"""An agent's files of memory as they are now: MEMORY.md and its two files of records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.domain.errors import OwnerError
from harness.domain.learning import Learning
from harness.gate.sanitise import in_short
from harness.memory.learnings import FILES, learnings_path, parse_learnings

_LARGEST_BYTES = 8_000_000


@dataclass(frozen=True, slots=True)
class Notebook:
    """What was read. `texts` are by path in the workspace, `files` say in which one a record stands.

    `problems` are files and records that cannot be read: they are left alone.
    """

    agent: str
    texts: Mapping[str, str]
    learnings: Mapping[str, Learning]
    files: Mapping[str, str]
    problems: tuple[str, ...] = ()


def memory_path(agent: str) -> PurePosixPath:
    """Return the agent's MEMORY.md, relative to the workspace."""
    return PurePosixPath("agents", agent, "MEMORY.md")


def read_notebook(root: Path, agent: str) -> Notebook:
    """Return what the agent's files hold; a file that is not there is an empty one."""
    texts: dict[str, str] = {}
    learnings: dict[str, Learning] = {}
    files: dict[str, str] = {}
    problems: list[str] = []
    for path in (memory_path(agent), *(learnings_path(agent, kind) for kind in FILES)):
        try:
            texts[str(path)] = read_text(root, path)
        except OwnerError as error:
            problems.append(in_short(str(error), 300))
    for kind in FILES:
        name = str(learnings_path(agent, kind))
        found = parse_learnings(texts.get(name, ""))
        problems += [f"{name}:{each.line}: {in_short(each.what, 200)}; {each.fix}" for each in found.problems]
        for each in found.found:
            if each.learning.id in learnings:
                problems.append(f"{name}: {each.learning.id} stands in {files[each.learning.id]} as well; keep one")
                continue
            learnings[each.learning.id], files[each.learning.id] = each.learning, name
    return Notebook(agent, texts, learnings, files, tuple(problems))


def read_text(root: Path, path: PurePosixPath) -> str:
    """Return the text of a file of the workspace to the byte; empty if there is none.

    Raises OwnerError for what is no text, or so long that nobody wrote it.
    """
    file = root / path
    try:
        if file.stat().st_size > _LARGEST_BYTES:
            problem = f"is longer than {_LARGEST_BYTES // 1_000_000} MB"
            raise OwnerError(str(path), None, problem, "move what is old to another file")
        return file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise OwnerError(str(path), None, "is no UTF-8 text", "save the file as UTF-8") from error
    except OSError as error:
        raise OwnerError(str(path), None, f"cannot be read: {error.strerror}", "correct it there") from error
