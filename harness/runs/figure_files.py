"""The figures that a run collected, kept beside its digest for the jobs that read it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from harness.collectors.collect import read_kind
from harness.domain.figures import Figure
from harness.domain.source import Collected, Gap
from harness.ports import RecordedStep
from harness.store.json_codec import from_json, to_json

FIGURES_FILE = "figures.json"
FORMAT = 1


def figure_files(collected: Iterable[Collected]) -> Mapping[str, str]:
    """Return the file, by its name, that holds the figures of a run's inputs; none if it had none.

    Those of other jobs are left out: they lie beside those jobs' digests, and would add up from job to job.
    """
    figures = _first_hand(collected)
    if not figures:
        return {}
    value = {"format": FORMAT, "figures": to_json(tuple[Figure, ...], figures)}
    return {FIGURES_FILE: json.dumps(value, ensure_ascii=False, indent=1)}


def read_figures(text: str) -> tuple[Figure, ...]:
    """Return the figures of such a file. Raises ValueError if it is none, or one of another format."""
    value = json.loads(text)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise ValueError(f"no figures of format {FORMAT}")
    return from_json(tuple[Figure, ...], value.get("figures"))


def recorded_figures(steps: Iterable[RecordedStep]) -> tuple[Figure, ...]:
    """Return the figures that a run's record says it collected, for a run whose files lie on another node.

    Empty where it collected nothing itself. Raises ValueError if what is recorded cannot be read.
    """
    for step in steps:
        if step.kind == "collect" and isinstance(step.value, dict):
            return _first_hand(from_json(tuple[Collected, ...], step.value.get("collected", ())))
    return ()


def with_figures(output: Collected, figures: Sequence[Figure] | None) -> Collected:
    """Return a job's output with the figures behind it; None are figures that cannot be read: a gap."""
    if figures is None:
        gap = Gap(output.read, "the figures behind it cannot be read, so its numbers cannot be traced")
        return replace(output, gaps=(*output.gaps, gap))
    return replace(output, figures=tuple(figures))


def _first_hand(collected: Iterable[Collected]) -> tuple[Figure, ...]:
    """Return the figures of all inputs but other jobs', each key once: a second one also names its input."""
    found: dict[str, Figure] = {}
    for one in collected:
        for figure in one.figures if read_kind(one.read) != "output" else ():
            if figure != found.setdefault(figure.key, figure):
                key = f"{one.read} {figure.key}"
                found.setdefault(key, replace(figure, key=key))
    return tuple(found.values())
