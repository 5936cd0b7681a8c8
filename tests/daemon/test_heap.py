"""The heaps of the C library, counted by itself in a process of its own."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

COUNT = """
import ctypes, os, sys, threading
from harness.daemon.heap import share_heap

shared = share_heap(os.environ)
all_there = threading.Barrier(12)

def hold():
    all_there.wait(30)
    kept = [bytes(1000) for _ in range(1000)]
    all_there.wait(30)

threads = [threading.Thread(target=hold) for _ in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()

libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
stream = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, stream)
libc.fclose(stream)
print(shared)
"""

LARGE = """
import ctypes, os, sys
from harness.daemon.heap import return_large

returned = return_large(os.environ)
page = bytearray(16 << 20)
del page
pages = [bytearray(1 << 20) for _ in range(8)]
last = bytearray(100_000)
del pages

libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
stream = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, stream)
libc.fclose(stream)
print(returned)
"""


def free_mib(told: Path, **environ: str) -> tuple[str, float]:
    """Return what `return_large` said, and how much the C library keeps of 8 MiB that were freed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    command = [sys.executable, "-c", LARGE, str(told)]
    ended = subprocess.run(command, env={**kept, **environ}, capture_output=True, text=True, timeout=60, check=True)
    rest = re.findall(r'<total type="rest" count="\d+" size="(\d+)"/>', told.read_text(encoding="ascii"))
    return ended.stdout.strip(), int(rest[-1]) / 2**20


def heaps(told: Path, **environ: str) -> tuple[str, int]:
    """Return what `share_heap` said, and how many heaps twelve busy threads had then."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    command = [sys.executable, "-c", COUNT, str(told)]
    ended = subprocess.run(command, env={**kept, **environ}, capture_output=True, text=True, timeout=60, check=True)
    return ended.stdout.strip(), told.read_text(encoding="ascii").count("<heap nr=")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives heaps to threads")
def test_threads_of_a_daemon_share_two_heaps(tmp_path: Path) -> None:
    assert heaps(tmp_path / "told") == ("True", 2)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives heaps to threads")
def test_number_of_heaps_that_the_person_chose_stays_in_force(tmp_path: Path) -> None:
    assert heaps(tmp_path / "told", MALLOC_ARENA_MAX="3") == ("False", 3)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps large pieces")
def test_large_pieces_are_given_back_after_a_larger_one_was_freed(tmp_path: Path) -> None:
    said, kept = free_mib(tmp_path / "told")
    assert said == "True"
    assert kept < 4


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps large pieces")
def test_what_the_person_chose_to_be_large_stays_in_force(tmp_path: Path) -> None:
    said, kept = free_mib(tmp_path / "told", MALLOC_MMAP_THRESHOLD_=str(32 << 20))
    assert said == "False"
    assert kept > 4
