"""What is not finished at the deadline is a gap, and what is finished is kept."""

from __future__ import annotations

import asyncio

import pytest

from harness.collectors.deadline import Deadline, finish
from harness.domain.source import Gap


async def _never() -> str:
    await asyncio.Event().wait()
    return "late"


async def _soon() -> str:
    await asyncio.sleep(0)
    return "in time"


def test_what_is_finished_is_returned_and_what_is_not_is_given_up() -> None:
    async def scenario() -> list[str | None]:
        deadline = Deadline.after(0.05)
        return list(await asyncio.gather(finish(_soon(), deadline), finish(_never(), deadline)))

    assert asyncio.run(scenario()) == ["in time", None]


def test_without_a_deadline_nothing_is_given_up() -> None:
    assert asyncio.run(finish(_soon(), None)) == "in time"


def test_a_timeout_of_the_work_itself_is_not_taken_for_the_deadline() -> None:
    async def fails() -> str:
        raise TimeoutError("its own")

    async def scenario() -> None:
        await finish(fails(), Deadline.after(60))

    with pytest.raises(TimeoutError, match="its own"):
        asyncio.run(scenario())


def test_the_gap_names_the_limit_in_words() -> None:
    assert Deadline(0.0, 900).gap("News") == Gap("News", "was not finished within 15 min, the job's timeout")
