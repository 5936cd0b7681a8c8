"""The watchdog inside: notices that a part of the daemon does not answer any more, and says what it hangs in.

It looks from a thread of its own, because what it watches may hold up all others, and it waits for none of
them: no lock, no file and no database stands between a stall and the restart. `StallDetector` judges and is
pure but for what it remembers; `Watchdog` asks, tells and gives up.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

from harness.domain.errors import HarnessError
from harness.ports import Incidents

STALL = "stall "
"""How the causes of its incidents begin; the part's name follows."""
EXIT_CODE = 1
_STDERR = 2

log = logging.getLogger("harness.watchdog")

Ask = Callable[[Callable[[], None]], object]
"""Takes what is to be called by the part that is asked, and returns at once."""
_ASKED_AGAIN_AFTER_LOOKS = 5
"""A question is lost with the event loop that it was put to, when the part begins a new one."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a part may be silent, in seconds.

    After `stall_s` it is told, after `give_up_s` the process is given up where something starts it again.
    A stall is over when the part has answered for `calm_s`.
    """

    stall_s: float = 10.0
    give_up_s: float = 120.0
    calm_s: float = 60.0
    look_every_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Stall:
    """A part that has not answered for so many seconds."""

    part: str
    silent_s: float


@dataclass(frozen=True, slots=True)
class Look:
    """What one look showed: all `stalls` there are, those that have `begun` since the last look, and the
    parts whose stall is `over`. `is_hopeless`: one of them will not end by itself."""

    stalls: tuple[Stall, ...] = ()
    begun: tuple[Stall, ...] = ()
    over: tuple[str, ...] = ()
    is_hopeless: bool = False


class StallDetector:
    """Knows which parts have answered when. `earlier` are parts that had stalled in a former life of the daemon.

    Seconds count only while it looks itself: a machine that slept, and a process that was stopped, had no
    part that could have answered.
    """

    def __init__(self, patience: Patience, *, earlier: tuple[str, ...] = ()) -> None:
        self._patience = patience
        self._awake_s = 0.0
        self._looked_at: float | None = None
        self._answered: dict[str, float] = {}
        self._behind: dict[str, str] = {}
        self._told: dict[str, float] = dict.fromkeys(earlier, 0.0)

    def expect(self, part: str, *, behind: str | None = None) -> None:
        """Expect answers of the part from now on; while the part that it stands `behind` is silent, its own
        silence means nothing."""
        if behind is not None:
            self._behind[part] = behind
        self._answered[part] = self._awake_s

    def answered(self, part: str) -> None:
        """Take note that the part has answered; from any thread."""
        self._answered[part] = self._awake_s

    def look(self, now_s: float) -> Look:
        """Return who is silent for too long at `now_s`, a moment of a clock that only goes forward."""
        elapsed_s = 0.0 if self._looked_at is None else now_s - self._looked_at
        self._looked_at = now_s
        self._awake_s += min(elapsed_s, 2 * self._patience.look_every_s)
        stalls = self._stalls()
        begun = tuple(stall for stall in stalls if stall.part not in self._told)
        self._told |= dict.fromkeys((stall.part for stall in stalls), self._awake_s)
        calm_since_s = self._awake_s - self._patience.calm_s
        over = tuple(part for part, last_s in self._told.items() if last_s <= calm_since_s)
        for part in over:
            del self._told[part]
        return Look(stalls, begun, over, any(stall.silent_s >= self._patience.give_up_s for stall in stalls))

    def _stalls(self) -> tuple[Stall, ...]:
        silent_s = {part: self._awake_s - answered_s for part, answered_s in self._answered.items()}
        late = {part for part, seconds in silent_s.items() if seconds >= self._patience.stall_s}
        return tuple(
            Stall(part, seconds)
            for part, seconds in silent_s.items()
            if part in late and self._behind.get(part) not in late
        )


class Errands:
    """Does what it is given in order, on a thread of its own: whoever gives an errand does not wait for it."""

    def __init__(self, name: str) -> None:
        self._queue: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def give(self, errand: Callable[[], object]) -> None:
        """Have it done after what was given before."""
        self._queue.put(errand)

    def stop(self, timeout_s: float) -> None:
        """Work no more once all is done; an errand that hangs is not waited for any longer."""
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _work(self) -> None:
        while (errand := self._queue.get()) is not None:
            try:
                errand()
            except Exception as error:  # the thread's own edge: the next errand is still to be done
                is_ours = isinstance(error, HarnessError | OSError)
                log.error("the watchdog could not tell: %s", error, exc_info=not is_ours)


class Watchdog:
    """Looks at the parts of this process once a second, from `start` to `stop`.

    `show` is told all stalls whenever one begins or ends (it writes the heartbeat file). `give_up`, if
    there is one, is called once a stall is hopeless. Heartbeat, log and incidents may be what hangs, so
    none of them is touched by the thread that looks.
    """

    def __init__(
        self,
        *,
        incidents: Incidents,
        show: Callable[[tuple[Stall, ...]], None],
        stopwatch: Callable[[], float],
        give_up: Callable[[], object] | None,
        patience: Patience | None = None,
        earlier: tuple[str, ...] = (),
    ) -> None:
        self._incidents = incidents
        self._show = show
        self._stopwatch = stopwatch
        self._give_up = give_up
        self._patience = patience or Patience()
        self._detector = StallDetector(self._patience, earlier=earlier)
        self._asks: dict[str, Ask] = {}
        self._waiting: dict[str, int] = {}
        self._shown: tuple[str, ...] = ()
        self._showing = Errands("watchdog-heartbeat")
        self._telling = Errands("watchdog-log")
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def ask(self, part: str, ask: Ask) -> None:
        """Watch a part that answers when it is asked; call it before `start`."""
        self._asks[part] = ask
        self._detector.expect(part)

    def expect(self, part: str, *, behind: str | None = None) -> None:
        """Watch a part that says by itself, with `answered`, that it goes on; call it before `start`."""
        self._detector.expect(part, behind=behind)

    def answered(self, part: str) -> None:
        """Take note that the part goes on; from any thread."""
        self._waiting.pop(part, None)
        self._detector.answered(part)

    def start(self) -> None:
        """Begin to look."""
        self._showing.start()
        self._telling.start()
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Look no more; what could not be told by then, because it hangs, is not waited for."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        self._showing.stop(timeout_s)
        self._telling.stop(timeout_s)

    def _watch(self) -> None:
        while not self._stopped.wait(self._patience.look_every_s):
            for part, ask in self._asks.items():
                self._put_question(part, ask)
            self._act_on(self._detector.look(self._stopwatch()))

    def _put_question(self, part: str, ask: Ask) -> None:
        looks = self._waiting.get(part, 0)
        self._waiting[part] = looks + 1
        if looks % _ASKED_AGAIN_AFTER_LOOKS:
            return
        try:
            ask(partial(self.answered, part))
        except Exception as error:  # noqa: BLE001 - who cannot be asked is silent, and the others are still watched
            self._telling.give(partial(log.error, "%s could not be asked", part, exc_info=error))

    def _act_on(self, look: Look) -> None:
        if look.begun or look.over:
            stacks = stacks_of_all_threads() if look.begun else ""
            self._telling.give(partial(self._tell, look, stacks))
        stalled = tuple(stall.part for stall in look.stalls)
        if stalled != self._shown:
            self._shown = stalled
            self._showing.give(partial(self._show, look.stalls))
        if look.is_hopeless and self._give_up is not None:
            self._give_up()

    def _tell(self, look: Look, stacks: str) -> None:
        for stall in look.begun:
            message = silence_in_words(stall, is_given_up=self._give_up is not None, patience=self._patience)
            log.critical("%s; what every thread does:\n%s", message, stacks)
            self._telling.give(partial(self._incidents.open, STALL + stall.part, message))
        for part in look.over:
            log.warning("%s answers again", part)
            self._telling.give(partial(self._incidents.resolve, STALL + part))


def silence_in_words(stall: Stall, *, is_given_up: bool, patience: Patience) -> str:
    """Return what is the matter, and what becomes of it."""
    what = f"{stall.part} has not answered for {stall.silent_s:.0f} s"
    if is_given_up:
        return f"{what}; after {patience.give_up_s:.0f} s the daemon is started anew"
    return f"{what}; if it stays so, end it and start it again: kill -9 {os.getpid()}, then harness up"


def stacks_of_all_threads() -> str:
    """Return where every thread of this process is at this moment, as tracebacks are written."""
    names: Mapping[int | None, str] = {thread.ident: thread.name for thread in threading.enumerate()}
    parts = []
    for ident, frame in sys._current_frames().items():
        if ident != threading.get_ident():
            parts.append(f"Thread {names.get(ident, ident)}:\n{''.join(traceback.format_stack(frame))}")
    return "\n".join(parts)


def end_process() -> NoReturn:
    """End this process as it is, with the stacks of its threads on stderr: whoever keeps it up starts it again."""
    faulthandler.dump_traceback(file=_STDERR, all_threads=True)
    os._exit(EXIT_CODE)
