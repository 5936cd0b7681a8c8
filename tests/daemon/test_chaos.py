"""kill -9 at moments that nobody chose: what was acknowledged is done, once."""

from __future__ import annotations

import random
import re
import signal
import threading
from collections import Counter
from pathlib import Path

import pytest

from harness.daemon.control_client import ask_lines
from harness.domain.errors import HarnessError
from harness.domain.run import FireState
from harness.testing.openai_server import OpenAIServer, delay, say
from harness.testing.web_server import WebServer
from harness.testing.workspace import write_workspace_files
from tests.daemon.daemon_process import JOB, SETTINGS, Daemon, daemon_on, serve_feed, wait_until

pytestmark = pytest.mark.slow

AGENTS = ("scout", "ranger", "pilot")
LIVES = 6
ORDERS_PER_LIFE = 4


def write_team(root: Path, web: WebServer, model: OpenAIServer) -> Path:
    files: dict[str, str | None] = {
        "harness.toml": SETTINGS.format(base_url=model.base_url),
        "shared-context/feeds/ai.md": f"- [News]({web.url('/feed.xml')})\n",
    }
    for agent in AGENTS:
        files[f"agents/{agent}/SOUL.md"] = f"You are {agent}.\n"
        files[f"agents/{agent}/AGENTS.md"] = "Write a list of links.\n"
        files[f"agents/{agent}/agent.toml"] = 'description = "Looks at feeds"\nprofile = "cheap"\n'
        files[f"agents/{agent}/jobs/morning.md"] = JOB
    return write_workspace_files(root, files)


class Orders:
    """Runs that are asked for, and the ids of those that the daemon has acknowledged."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._threads: list[threading.Thread] = []
        self.acknowledged: set[str] = set()

    def place(self, agent: str) -> None:
        def order() -> None:
            try:
                for answer in ask_lines(self._daemon.state, "run", 30.0, job=f"{agent}/morning"):
                    self.acknowledged.add(str(answer["run_id"]))
            except HarnessError:
                return  # the daemon was killed under it

        thread = threading.Thread(target=order)
        self._threads.append(thread)
        thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()


@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_acknowledged_is_delivered_exactly_once_whenever_the_daemon_dies(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    with WebServer() as web:
        link = serve_feed(web)
        answer = say(f"- [A story]({link}) — read.")
        model = OpenAIServer(lambda request: delay(answer, dice.random() * 0.1))
        with model, daemon_on(write_team(tmp_path / "w", web, model)) as daemon:
            orders = Orders(daemon)
            pause = threading.Event()
            for _ in range(LIVES):
                daemon.start()
                for _ in range(ORDERS_PER_LIFE):
                    orders.place(dice.choice(AGENTS))
                    pause.wait(dice.random() * 0.05)
                pause.wait(dice.random() * 0.6)
                daemon.end(signal.SIGKILL)
            orders.join()
            daemon.start()
            wait_until(lambda: all(not fire.state.is_open for fire in daemon.fires()))
            fires = daemon.fires()
            delivered = [p for p in (daemon.state.root / "digests").rglob("*.md") if p.parent.name != "latest"]
            keys = Counter(re.findall(r"harness delivery: (\S+)", "".join(p.read_text() for p in delivered)))
    assert {fire.state for fire in fires} == {FireState.DELIVERED}
    assert orders.acknowledged <= {fire.run_id for fire in fires}
    assert len(orders.acknowledged) >= LIVES
    assert set(keys.values()) == {1}
    assert len(keys) == len(fires)
    # A call in flight at a kill may repeat; each life can have at most one of them per agent.
    assert len(fires) <= len(model.requests) <= len(fires) + LIVES * len(AGENTS)
