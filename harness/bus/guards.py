"""What keeps requests from running away: depth, fan-out, cycles, rate, queues that are full. Pure judgements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from harness.domain.errors import Refused
from harness.domain.request import SYSTEM, USER, Standing
from harness.domain.roundtable import seat_of
from harness.domain.settings import BusRules

RATE_WINDOW = timedelta(hours=1)
OPEN_PER_AGENT = "open-per-agent"
"""The rule of an agent that has as many open requests at another one as it may have."""
_PERSONS = (USER, SYSTEM)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What there is already when a request is made.

    `chain` holds the parties above it, the first sender first: who asked, and who was asked, up to the one that
    asks now. `asked_by_run` counts the requests of the same run, `in_window` those of the sender to the receiver in the
    last hour, `at_work` and `waiting` those that the receiver has and that wait to be given to it. `table` are the
    speakers of the roundtable for which it is asked.
    """

    chain: Sequence[str] = ()
    asked_by_run: int = 0
    in_window: int = 0
    at_work: int = 0
    waiting: int = 0
    table: Sequence[str] = ()


def check_request(sender: str, receiver: str, traffic: Traffic, rules: BusRules, max_open: int | None) -> None:
    """Raise Refused, with the name of the rule and the numbers, if the request must not be made.

    Rules: `out-of-turn`, `cycle`, `depth`, `fan-out`, `rate`, `receiver-full`, `queue-full`. The person's own requests
    are held by the last two only, and nothing that is asked of the person makes a cycle: nobody answers by asking back
    for ever.
    """
    if receiver in traffic.table:
        why = f"{receiver} speaks at the same table, and nobody hears another before the round is over"
        raise Refused("out-of-turn", f"{why}; answer for yourself")
    if receiver not in _PERSONS and receiver in traffic.chain:
        way = " → ".join((*traffic.chain, receiver))
        raise Refused("cycle", f"{receiver} stands above this already ({way}); answer, or reject with what is missing")
    if len(traffic.chain) - 1 >= rules.max_depth:
        way = " → ".join(traffic.chain)
        raise Refused("depth", f"requests stand {rules.max_depth} deep above this ({way}); do it here, or reject it")
    if sender not in _PERSONS:
        _check_flow(sender, receiver, traffic, rules)
    if max_open is None:
        return
    if rules.when_full == "refuse" and traffic.at_work + traffic.waiting >= max_open:
        raise Refused("receiver-full", f"{receiver} has {traffic.at_work} open requests, and takes {max_open}")
    if traffic.waiting >= rules.max_waiting:
        raise Refused("queue-full", f"{traffic.waiting} requests wait for {receiver} already")


def _check_flow(sender: str, receiver: str, traffic: Traffic, rules: BusRules) -> None:
    if traffic.asked_by_run >= rules.max_asks:
        raise Refused("fan-out", f"this run has made {traffic.asked_by_run} requests, and may make {rules.max_asks}")
    if traffic.in_window >= rules.per_hour:
        raise Refused(
            "rate",
            f"{sender} asked {receiver} {traffic.in_window} times in the last hour, and may {rules.per_hour} times",
        )


def check_share(receiver: str, still_open: Sequence[str], most: int | None) -> None:
    """Raise Refused (`open-per-agent`) if the sender has as much open at this receiver as it may have at one."""
    if most is not None and len(still_open) >= most:
        names = "; ".join(still_open)
        why = f"{len(still_open)} of your requests to {receiver} are open, and you may have {most}: {names}"
        raise Refused(OPEN_PER_AGENT, f"{why}; wait for an answer before you ask more of it")


def check_handoff(standing: Standing, receiver: str, chain: Sequence[str]) -> None:
    """Raise Refused (`cycle`) if a request must not be passed on to this receiver.

    It had it before, or stands above it: `chain` holds the parties down to the request's sender. A seat at a
    roundtable is passed on to nobody (`out-of-turn`).
    """
    if seat_of(standing.request) is not None:
        raise Refused(
            "out-of-turn", "you are asked as yourself at a roundtable: finish it with your position, or reject it"
        )
    gone = (*chain, *standing.handed_off_by, standing.receiver)
    if receiver in gone:
        way = " → ".join((*gone, receiver))
        raise Refused("cycle", f"{receiver} had this before or stands above it ({way}); finish it, or reject it")
