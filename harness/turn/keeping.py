"""Texts that leave the conversation: each whole in a file of the run, before anything stands in its place."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from harness.ports import Json
from harness.turn.means import Means


async def keep_files(files: Mapping[str, str], call_id: str, means: Means) -> None:
    """Write the texts into files of the run's folder, as one step; nothing if there are none."""
    if not files:
        return

    def write() -> None:
        for name, text in files.items():
            means.tools.keep(name, text)

    async def work() -> Json:
        await asyncio.to_thread(write)
        return {"files": list(files)}

    await means.steps.reserve("keep", call_id, {"files": list(files)}).run(work)
