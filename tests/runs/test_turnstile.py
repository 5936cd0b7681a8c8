from __future__ import annotations

import threading

from harness.runs.turnstile import Turnstile


def test_whoever_wants_to_be_alone_waits_for_those_who_pass_and_keeps_later_ones_out() -> None:
    turnstile, told = Turnstile(), list[str]()
    is_alone, may_end = threading.Event(), threading.Event()

    def be_alone() -> None:
        with turnstile.alone():
            told.append("alone")
            is_alone.set()
            assert may_end.wait(30)
            with turnstile.passing():
                told.append("passes itself")

    def pass_through() -> None:
        with turnstile.passing():
            told.append("passes later")

    alone, later = threading.Thread(target=be_alone), threading.Thread(target=pass_through)
    with turnstile.passing():
        alone.start()
        assert not is_alone.wait(0.05)
    assert is_alone.wait(30)
    later.start()
    later.join(0.05)
    assert later.is_alive()
    may_end.set()
    alone.join(30)
    later.join(30)
    assert told == ["alone", "passes itself", "passes later"]


def test_several_pass_at_once() -> None:
    turnstile = Turnstile()
    meet = threading.Barrier(2, timeout=30)

    def pass_through() -> None:
        with turnstile.passing():
            meet.wait()

    threads = [threading.Thread(target=pass_through) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not meet.broken
