"""Looking at one request again and again until it is final, and telling what is new on stderr."""

from __future__ import annotations

from harness.cli.bus_lines import answer_command, first_line
from harness.cli.bus_story import log_in_words
from harness.cli.output import note
from harness.cli.place import Place, present_moment
from harness.daemon.nodes import liveness_now
from harness.domain.errors import TransientError
from harness.domain.request import DeadLettered, Finished, Noticed, Requested, fold
from harness.store.peek import Peek, peek

_LOOKS_BEFORE_DOUBT = 20


class Followed:
    """One request that is being waited for.

    It is read from the database, so that the wait outlives a daemon that is started anew.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._shown = 0
        self._told: set[str] = set()
        self._looks = 0
        self.request_id: str | None = None
        self._is_final = False

    def begin(self, request_id: str, *, is_new: bool) -> None:
        """Follow this request from now on."""
        self.request_id = request_id
        if not is_new:
            note(f"{request_id} was sent before with this key")

    def is_over(self) -> bool:
        """Look at the request once, tell what is new, and say whether it is final."""
        with peek(self._place.database) as look:
            assert look is not None, "the request is in it"
            assert self.request_id is not None, "begin comes first"
            self._tell_news(look, self.request_id)
            if not self._is_final:
                self._tell_waits(look, self.request_id)
        return self._is_final

    def is_over_for_sure(self) -> bool:
        """Do as `is_over`; a database that cannot be reached for now is told once, and waited for.

        Also says, once, if nobody is there to go on with the request.
        """
        try:
            if self.is_over():
                return True
            self._tell_if_daemon_is_gone()
        except TransientError as error:
            self._tell_once(f"{error}; the wait goes on")
        return False

    def tell_how_to_go_on(self) -> None:
        """Say that the request stays open although nobody waits for it any more, and what to do with it."""
        if self.request_id is not None and not self._is_final:
            see, cancel = f"harness bus show {self.request_id}", f"harness bus cancel {self.request_id}"
            note(f"\n{self.request_id} stays open; see it: {see}; end it: {cancel}")

    def _tell_if_daemon_is_gone(self) -> None:
        self._looks += 1
        if self._looks % _LOOKS_BEFORE_DOUBT:
            return
        with peek(self._place.database) as look:
            liveness = liveness_now(self._place.state, look, present_moment())
        if not liveness.is_alive:
            self._tell_once("no daemon is there any more; the request waits for the next one: harness up")

    def _tell_news(self, look: Peek, request_id: str) -> None:
        log = look.requests.log(request_id)
        for event, words in list(log_in_words(log))[self._shown :]:
            # What it came to is printed as the result; that it was asked is known.
            if not isinstance(event.body, Requested | Finished | DeadLettered | Noticed):
                note(f"{request_id}: {words}")
        self._shown = len(log)
        self._is_final = not fold(log).is_open

    def _tell_waits(self, look: Peek, request_id: str) -> None:
        record = look.requests.record(request_id)
        if record is not None and record.why_waiting:
            self._tell_once(f"{request_id} waits: {record.why_waiting}")
        for asked in look.requests.below(request_id):
            if asked.waits_for_person:
                task = first_line(asked.task)
                self._tell_once(f"{asked.sender} asks you: {task} (in another terminal: {answer_command(asked.id)})")

    def _tell_once(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            note(line)
