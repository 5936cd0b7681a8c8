"""What the daemon answers on its control socket about requests: each is done here, and the tick goes on with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from harness.bus.sending import Sent
from harness.daemon.control import Answer, Handler
from harness.domain.errors import HarnessError
from harness.domain.request import Standing
from harness.wiring.bus import Bus, ask_of


class BusCommands:
    """The handlers: `bus_send`, `bus_answer`, `bus_cancel`, `bus_resend`, `bus_drop`, `bus_read`.

    Each answers with `request`, its `state`, and `is_new` where one was sent. `wake` has the daemon begin with it at
    once.
    """

    def __init__(self, bus: Bus, wake: Callable[[], None]) -> None:
        self._bus = bus
        self._wake = wake

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers by command."""
        return {
            "bus_send": self._send,
            "bus_answer": self._answer,
            "bus_cancel": self._cancel,
            "bus_resend": self._resend,
            "bus_drop": self._drop,
            "bus_read": self._read,
        }

    async def _send(self, request: dict[str, Any]) -> Answer:
        return await self._sent(lambda: self._bus.ask(ask_of(request)))

    async def _resend(self, request: dict[str, Any]) -> Answer:
        force = bool(request.get("force"))
        return await self._sent(lambda: self._bus.resend(_id(request), force=force))

    async def _answer(self, request: dict[str, Any]) -> Answer:
        def answer() -> Standing:
            return self._bus.answer(
                _id(request),
                str(request.get("conclusion") or ""),
                result=request.get("result") or "done",
                evidence=request.get("evidence") or (),
                actions=request.get("actions") or (),
                verdict=request.get("verdict"),
            )

        return await self._changed(answer)

    async def _cancel(self, request: dict[str, Any]) -> Answer:
        return await self._changed(lambda: self._bus.cancel(_id(request), str(request.get("reason") or "")))

    async def _drop(self, request: dict[str, Any]) -> Answer:
        return await self._changed(lambda: self._bus.drop(_id(request), str(request.get("reason") or "")))

    async def _read(self, request: dict[str, Any]) -> Answer:
        return {"changed": await asyncio.to_thread(self._bus.note_read, _id(request))}

    async def _sent(self, work: Callable[[], Sent]) -> Answer:
        sent = await asyncio.to_thread(work)
        self._wake()
        return {**_standing_json(sent.standing), "is_new": sent.is_new}

    async def _changed(self, work: Callable[[], Standing]) -> Answer:
        standing = await asyncio.to_thread(work)
        self._wake()
        return _standing_json(standing)


def _id(request: dict[str, Any]) -> str:
    request_id = request.get("request")
    if not isinstance(request_id, str) or not request_id:
        raise HarnessError("this needs the id of a request")
    return request_id


def _standing_json(standing: Standing) -> Answer:
    return {"request": standing.request.id, "state": str(standing.state)}
