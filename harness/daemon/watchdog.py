"""The watchdog inside: notices that a part of the daemon does not answer any more, and says what it hangs in.

It looks from a thread of its own, because what it watches may hold up all others, and it waits for none of
them: no lock, no log and no database stands between a stall and the restart. `StallDetector` judges and is
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
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn

from harness.domain.errors import HarnessError
from harness.ports import Incidents

STALL = "stall "
"""How the causes of its incidents begin; the part's name follows."""
EXIT_CODE = 1
_STDERR = 2

log = logging.getLogger("harness.watchdog")

Ask = Callable[[Callable[[], None]], None]
"""Takes what is to be called by the part that is asked, and returns at once."""


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


@dataclass(frozen=True, slots=True)
class _News:
    look: Look
    stacks: str = field(repr=False)


class Watchdog:
    """Looks at the parts of this process once a second, from `start` to `stop`.

    `show` is told all stalls whenever one begins or ends (it writes the heartbeat file). `give_up`, if
    there is one, is called once a stall is hopeless. What goes to the log and to the incidents goes
    through a second thread, as both may be what hangs.
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
        self._unanswered: set[str] = set()
        self._news: queue.SimpleQueue[_News | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._threads = (
            threading.Thread(target=self._watch, name="watchdog", daemon=True),
            threading.Thread(target=self._tell_news, name="watchdog-teller", daemon=True),
        )

    def ask(self, part: str, ask: Ask) -> None:
        """Watch a part that answers when it is asked; call it before `start`."""
        self._asks[part] = ask
        self._detector.expect(part)

    def expect(self, part: str, *, behind: str | None = None) -> None:
        """Watch a part that says by itself, with `answered`, that it goes on; call it before `start`."""
        self._detector.expect(part, behind=behind)

    def answered(self, part: str) -> None:
        """Take note that the part goes on; from any thread."""
        self._unanswered.discard(part)
        self._detector.answered(part)

    def start(self) -> None:
        """Begin to look."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Look no more; what could not be told by then, because it hangs, is not waited for."""
        self._stopped.set()
        self._news.put(None)
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout_s)

    def _watch(self) -> None:
        while not self._stopped.wait(self._patience.look_every_s):
            self.look()

    def look(self) -> None:
        """Ask every part that has answered the last question, and act on what the look shows."""
        for part, ask in self._asks.items():
            if part not in self._unanswered:
                self._unanswered.add(part)
                ask(partial(self.answered, part))
        seen = self._detector.look(self._stopwatch())
        if seen.begun or seen.over:
            self._news.put(_News(seen, stacks_of_all_threads() if seen.begun else ""))
            try:
                self._show(seen.stalls)
            except OSError as error:
                # Not logged from here: the disk that refuses the one file may hold up the other.
                sys.stderr.write(f"the watchdog cannot write the heartbeat: {error}\n")
        if seen.is_hopeless and self._give_up is not None:
            self._give_up()

    def _tell_news(self) -> None:
        while (news := self._news.get()) is not None:
            for stall in news.look.begun:
                message = silence_in_words(stall, is_given_up=self._give_up is not None, patience=self._patience)
                log.critical("%s; what every thread does:\n%s", message, news.stacks)
                self._with_incidents(partial(self._incidents.open, STALL + stall.part, message))
            for part in news.look.over:
                log.warning("%s answers again", part)
                self._with_incidents(partial(self._incidents.resolve, STALL + part))

    def _with_incidents(self, work: Callable[[], None]) -> None:
        try:
            work()
        except HarnessError as error:
            log.error("the incident could not be written down: %s", error)


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
