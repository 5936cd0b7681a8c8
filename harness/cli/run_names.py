"""The run that a person means, who need not write the whole of its id."""

from __future__ import annotations

from harness.cli.completion import run_ids
from harness.cli.failures import Misused, UnknownName
from harness.cli.place import Place
from harness.store.peek import Peek

_MANY = 4


def find_run(place: Place, look: Peek | None, name: str) -> str:
    """Return the id that is meant, which may be written as its beginning.

    Raises UnknownName, with the ids that are near, if there is none, and Misused where more than one is meant.
    """
    found = run_beginning(look, name)
    if found is None:
        raise UnknownName("run", name, run_ids(place), "harness runs")
    return found


def run_beginning(look: Peek | None, name: str) -> str | None:
    """Return the id of the run that is called or begins so, or None; Misused where that is true of several."""
    if look is None or not name:
        return None
    found = look.runs_beginning(name, _MANY + 1)
    if name in found or len(found) == 1:
        return name if name in found else found[0]
    if found:
        shown = ", ".join(found[:_MANY])
        more = " and more" if len(found) > _MANY else ""
        raise Misused(f"{name!r} begins the ids of several runs: {shown}{more}; write more of it")
    return None
