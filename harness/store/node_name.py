"""What this machine is called among those that share a database: the name that `on:` binds jobs to.

Standard library only: fast commands import this.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.store.durable_file import read_if_there, replace_text
from harness.store.state_folder import StateFolder

VARIABLE = "HARNESS_NODE"
_NAMELESS = "node"


def node_name(environ: Mapping[str, str], state: StateFolder, hostname: str) -> str:
    """Return HARNESS_NODE, else what the file `node-name` says, else the host's name without its domain.

    In lower-case words with hyphens, as all names in a workspace are. Raises OSError if the file is there
    and cannot be read.
    """
    kept = read_if_there(state.node_name) or ""
    return as_node_name(environ.get(VARIABLE, "")) or as_node_name(kept) or as_node_name(hostname) or _NAMELESS


def keep_node_name(environ: Mapping[str, str], state: StateFolder, hostname: str) -> str:
    """Return `node_name`, and write the host's name down where nobody has chosen one.

    A laptop is called otherwise in each network it joins; what is bound to it must not wait for a name that
    is gone. Raises OSError if the state folder cannot be written.
    """
    name = node_name(environ, state, hostname)
    if read_if_there(state.node_name) is None and not as_node_name(environ.get(VARIABLE, "")):
        replace_text(state.node_name, f"{name}\n")
    return name


def as_node_name(text: str) -> str:
    """Return the text as a node's name, without a domain: `Mac-Mini.local` is `mac-mini`; empty if nothing is left.

    Both the name of a node and what `on:` says go through this, so that they meet.
    """
    return "-".join(re.findall(r"[a-z0-9]+", text.partition(".")[0].lower()))
