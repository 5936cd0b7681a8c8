"""How the C library hands memory to the threads of a daemon."""

from __future__ import annotations

import sys
from collections.abc import Mapping

_ARENA_MAX = -8
"""M_ARENA_MAX of glibc's malloc.h."""
_ARENAS = 2
_OWN_CHOICE = "MALLOC_ARENA_MAX"


def share_heap(environ: Mapping[str, str]) -> bool:
    """Let all threads that begin from now on share two heaps; say whether this C library can be told so.

    glibc gives up to eight heaps a core to the threads, and each keeps what was ever freed in it: the forty
    threads of a daemon held 20 MiB more after 5,000 runs than they do with two. The threads hardly ever ask
    at once, since Python lets one of them run at a time. MALLOC_ARENA_MAX, where it is set, stays in force.
    """
    if not sys.platform.startswith("linux") or environ.get(_OWN_CHOICE):
        return False
    import ctypes  # nothing else of the daemon needs it

    tell = getattr(ctypes.CDLL(None), "mallopt", None)  # another C library has no such thing
    return tell is not None and tell(_ARENA_MAX, _ARENAS) == 1
