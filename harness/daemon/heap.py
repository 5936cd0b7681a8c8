"""How the C library hands memory to the threads of a daemon, and takes it back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

_ARENA_MAX = -8
_MMAP_THRESHOLD = -3
"""M_ARENA_MAX and M_MMAP_THRESHOLD of glibc's malloc.h."""
_ARENAS = 2
_LARGE_BYTES = 128 * 1024
_ARENAS_CHOSEN = "MALLOC_ARENA_MAX"
_LARGE_CHOSEN = "MALLOC_MMAP_THRESHOLD_"


def share_heap(environ: Mapping[str, str]) -> bool:
    """Let all threads that begin from now on share two heaps; say whether this C library can be told so.

    glibc gives up to eight heaps a core to the threads, and each keeps what was ever freed in it: the forty
    threads of a daemon held 20 MiB more after 5,000 runs than they do with two. The threads hardly ever ask
    at once, since Python lets one of them run at a time. MALLOC_ARENA_MAX, where it is set, stays in force.
    """
    tell = None if environ.get(_ARENAS_CHOSEN) else _mallopt()
    return tell is not None and tell(_ARENA_MAX, _ARENAS) == 1


def return_large(environ: Mapping[str, str]) -> bool:
    """Give back at once what is freed in large pieces; say whether this C library can be told so.

    glibc keeps up to 64 MiB of them once one was freed, for the next: a daemon that had written one long page
    held 2 MiB of it for good. MALLOC_MMAP_THRESHOLD_, where it is set, stays in force.
    """
    tell = None if environ.get(_LARGE_CHOSEN) else _mallopt()
    return tell is not None and tell(_MMAP_THRESHOLD, _LARGE_BYTES) == 1


def _mallopt() -> Callable[[int, int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    import ctypes  # nothing else of the daemon needs it

    tell: Callable[[int, int], int] | None = getattr(ctypes.CDLL(None), "mallopt", None)
    return tell  # another C library has no such thing
