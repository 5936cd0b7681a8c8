"""The keys of a job file that say what must hold before a run is begun: `only_if`, `depends_on`, `requires`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from harness.domain.job import Dependency, FreshFile, Job, OnlyIf, Requires
from harness.workspace.fields import AtLeastOne, Duration, Texts
from harness.workspace.located import Located
from harness.workspace.names import Names, is_inside
from harness.workspace.quantities import BadValue
from harness.workspace.report import Report, suggestion
from harness.workspace.shapes import Shape, as_list


def _check_path(value: str) -> str:
    if not value.strip() or not is_inside(value):
        raise BadValue(
            f"{value!r} is not a path of the workspace", "write it relative to the workspace, without .. and without :"
        )
    return value.strip()


def _check_requirement(value: str) -> str:
    if "://" not in value:
        return _check_path(value)
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadValue(f"{value!r} is not a web address", "write it with http:// or https:// and a host")
    return value


def _as_mappings(key: str) -> BeforeValidator:
    """Let a text stand for `{key: text}`, and one entry for a list of one."""

    def convert(value: object) -> object:
        entries = [value] if isinstance(value, str | dict) else value
        if not isinstance(entries, list):
            return value
        return [{key: entry} if isinstance(entry, str) else entry for entry in entries]

    return BeforeValidator(convert)


_DEFAULTS = Dependency("")
WorkspacePath = Annotated[str, AfterValidator(_check_path)]
Paths = Annotated[list[WorkspacePath], BeforeValidator(as_list)]


class OnlyIfShape(Shape):
    changed: Texts = Field(default_factory=list)
    new_items: AtLeastOne | None = None
    exists: Paths = Field(default_factory=list)


class DependencyShape(Shape):
    job: str
    within: Duration = _DEFAULTS.within_s
    wait: Duration | None = None


class RequirementShape(Shape):
    file: Annotated[str, AfterValidator(_check_requirement)]
    within: Duration | None = None

    @model_validator(mode="after")
    def _check_that_only_files_age(self) -> RequirementShape:
        if "://" in self.file and self.within is not None:
            raise BadValue(f"{self.file} is an address, which has no age", "drop within, or name a file")
        return self


Dependencies = Annotated[list[DependencyShape], _as_mappings("job")]
Requirements = Annotated[list[RequirementShape], _as_mappings("file")]


def only_if_of(shape: OnlyIfShape | None, reads: list[str], located: Located, report: Report) -> OnlyIf:
    """Return the condition; what it asks of inputs must be among what the job reads."""
    if shape is None:
        return OnlyIf()
    if all(value in (None, "", []) for value in located.values["only_if"].values()):
        fix = "write changed, new_items or exists, or drop the key"
        report.error(located.line("only_if"), "only_if names no condition", fix)
    for position, entry in enumerate(shape.changed):
        if entry not in reads:
            line = located.line("only_if", "changed", position)
            fix = suggestion(entry, reads) if reads else f"add it: read: [{entry}]"
            report.error(line, f"only_if.changed names {entry!r}, which the job does not read", fix)
    if shape.new_items is not None and not reads:
        line = located.line("only_if", "new_items")
        report.error(line, "only_if.new_items counts items, and the job reads nothing", "say what it reads: read: […]")
    changed = tuple(entry for entry in dict.fromkeys(shape.changed) if entry in reads)
    return OnlyIf(changed, shape.new_items, tuple(dict.fromkeys(shape.exists)))


def dependencies_of(
    shapes: list[DependencyShape], own_id: str, located: Located, names: Names, report: Report
) -> tuple[Dependency, ...]:
    """Return the jobs that come first; each must exist, be another one, and be named once."""
    found: dict[str, Dependency] = {}
    for position, shape in enumerate(shapes):
        line = located.line("depends_on", position)
        if shape.job == own_id:
            report.error(line, f"{own_id} depends on itself", "name another job, or drop it")
        elif shape.job in found:
            report.error(line, f"depends_on names {shape.job} twice", "keep one of them")
        else:
            report.check_name(line, "job", shape.job, names.jobs - {own_id})
            found[shape.job] = Dependency(shape.job, shape.within, shape.wait or _DEFAULTS.wait_s)
    return tuple(found.values())


def requires_of(shapes: list[RequirementShape]) -> Requires:
    """Return the addresses that must answer and the files that must be there."""
    endpoints = [shape.file for shape in shapes if "://" in shape.file]
    files = [FreshFile(shape.file, shape.within) for shape in shapes if "://" not in shape.file]
    return Requires(tuple(dict.fromkeys(endpoints)), tuple(dict.fromkeys(files)))


def endpoint_lines(shapes: list[RequirementShape], located: Located) -> tuple[tuple[str, int], ...]:
    """Return every address that must answer, with its line."""
    lines = ((shape.file, located.line("requires", position)) for position, shape in enumerate(shapes))
    return tuple((address, line) for address, line in lines if "://" in address)


def find_cycles(jobs: Mapping[str, Job]) -> dict[str, tuple[str, ...]]:
    """Return for every job that waits for itself the shortest chain that leads back to it, itself at both ends.

    `jobs` are the jobs by id; what they depend on and is not among them ends a chain.
    """
    chains = {job_id: _chain_back(job_id, jobs) for job_id in sorted(jobs)}
    return {job_id: chain for job_id, chain in chains.items() if chain}


def _chain_back(start: str, jobs: Mapping[str, Job]) -> tuple[str, ...]:
    seen = {start}
    chains: list[tuple[str, ...]] = [(start,)]
    for chain in chains:  # grows while it is walked: breadth first
        for dependency in jobs[chain[-1]].depends_on:
            if dependency.job_id == start:
                return (*chain, start)
            if dependency.job_id in jobs and dependency.job_id not in seen:
                seen.add(dependency.job_id)
                chains.append((*chain, dependency.job_id))
    return ()
