"""Many may pass, or one alone: nobody uses the engine while it changes from one life to the next."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turnstile:
    """Lets any number of threads pass, or a single one.

    Whoever is alone may pass as well. Passing is not to be nested otherwise.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._passing = 0
        self._alone: int | None = None

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Wait until nobody is alone, and keep everybody from it while the block runs."""
        if self._alone == threading.get_ident():
            yield
            return
        with self._changed:
            self._changed.wait_for(lambda: self._alone is None)
            self._passing += 1
        try:
            yield
        finally:
            with self._changed:
                self._passing -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until nobody passes any more, and let nobody pass while the block runs."""
        with self._changed:
            self._changed.wait_for(lambda: self._alone is None)
            self._alone = threading.get_ident()
            self._changed.wait_for(lambda: not self._passing)
        try:
            yield
        finally:
            with self._changed:
                self._alone = None
                self._changed.notify_all()
