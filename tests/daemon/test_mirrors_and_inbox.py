"""The folders of requests, as a daemon keeps them: dropped files are taken, and what comes of them is shown."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from harness.domain.message import ToolCall
from harness.store.address import file_address
from harness.store.peek import peek
from harness.testing.openai_server import OpenAIServer, call_tools
from harness.testing.workspace import write_workspace_files
from tests.daemon.daemon_process import SETTINGS, Daemon, daemon_on, wait_until

FINISH = call_tools(ToolCall("c1", "finish", json.dumps({"conclusion": "There are two kettles.", "verdict": "PASS"})))
REQUEST = "---\nto: scout\n---\nCount the kettles.\n"


def workspace(folder: Path, model: OpenAIServer) -> Path:
    agent = 'description = "Counts"\nprofile = "cheap"\n'
    settings = SETTINGS.format(base_url=model.base_url)
    return write_workspace_files(folder / "team", {"harness.toml": settings, "agents/scout/agent.toml": agent})


def drop(root: Path, name: str, text: str) -> None:
    """Write the file as a program should: whole under another name first."""
    inbox = root / "shared-context/dispatches/inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    (inbox / f"{name}.new").write_text(text)
    (inbox / f"{name}.new").rename(inbox / name)


def taken(root: Path, stem: str) -> list[str]:
    """Return the ids of the requests that the file was taken as."""
    folder = root / "shared-context/dispatches/inbox/taken"
    return [path.name.removeprefix(f"{stem}.").removesuffix(".md") for path in folder.glob(f"{stem}.*.md")]


def status(root: Path, request_id: str) -> dict[str, object]:
    path = root / f"shared-context/job-status/{request_id}.json"
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def pages(root: Path) -> list[Path]:
    """Return the pages of the days: a page is written after the states of its requests."""
    return list(root.glob("shared-context/dispatches/20*.md"))


def causes(daemon: Daemon) -> list[str]:
    with peek(file_address(daemon.state.database)) as look:
        return [] if look is None else [incident.cause for incident in look.open_incidents()]


@pytest.mark.slow
def test_a_dropped_file_is_worked_on_and_shown_also_by_a_daemon_that_comes_after_a_kill(tmp_path: Path) -> None:
    with OpenAIServer([FINISH, FINISH]) as model, daemon_on(workspace(tmp_path, model)) as daemon:
        daemon.start()
        drop(daemon.root, "kettles.md", REQUEST)
        wait_until(lambda: bool(taken(daemon.root, "kettles")))
        [request_id] = taken(daemon.root, "kettles")
        wait_until(lambda: status(daemon.root, request_id).get("state") == "final")
        assert status(daemon.root, request_id)["final"] == {
            "result": "done", "conclusion": "There are two kettles.", "actions": [], "verdict": "PASS",
        }  # fmt: skip
        wait_until(lambda: bool(pages(daemon.root)))
        [page] = pages(daemon.root)
        wait_until(lambda: "There are two kettles." in page.read_text())
        daemon.end(signal.SIGKILL)
        page.unlink()
        drop(daemon.root, "again.md", REQUEST.replace("kettles", "cups"))
        daemon.start()
        wait_until(lambda: bool(taken(daemon.root, "again")))
        wait_until(lambda: page.is_file() and page.read_text().count("There are two kettles.") == 2)


@pytest.mark.slow
def test_folders_that_cannot_be_written_are_incidents_that_end_no_daemon(tmp_path: Path) -> None:
    with OpenAIServer([FINISH]) as model, daemon_on(workspace(tmp_path, model)) as daemon:
        in_the_way = daemon.root / "shared-context/job-status"
        in_the_way.write_text("no folder")
        daemon.start()
        drop(daemon.root, "kettles.md", REQUEST)
        drop(daemon.root, "broken.md", "words\n")
        wait_until(lambda: {"daemon mirrors", "inbox broken.md"} <= set(causes(daemon)))
        in_the_way.unlink()
        (daemon.root / "shared-context/dispatches/inbox/refused/broken.md").unlink()
        wait_until(lambda: not {"daemon mirrors", "inbox broken.md"} & set(causes(daemon)))
        [request_id] = taken(daemon.root, "kettles")
        wait_until(lambda: status(daemon.root, request_id).get("state") == "final")
