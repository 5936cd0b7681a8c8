"""What runs of a daemon show is in the files of their agents, beside what a person says meanwhile."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from harness.domain.learning import Learning
from harness.domain.message import ToolCall
from harness.memory.learnings import parse_learnings
from harness.testing.openai_server import OpenAIServer, call_tools, say
from harness.testing.workspace import write_workspace_files
from tests.daemon.daemon_process import SETTINGS, Daemon, daemon_on, wait_until


def write(path: str) -> ToolCall:
    return ToolCall("c1", "files_write", json.dumps({"path": path, "text": "six"}))


WRONG, RIGHT = call_tools(write("intel/cups.md")), call_tools(write("shared-context/intel/cups.md"))
AGENT = 'description = "Counts"\nprofile = "cheap"\ntools = ["files.write"]\nwrite_paths = ["shared-context/intel"]\n'
JOB = "---\nschedule: daily 03:00\ndeliver: digest\n---\nCount the cups.\n"


def workspace(folder: Path, model: OpenAIServer) -> Path:
    files = {
        "harness.toml": SETTINGS.format(base_url=model.base_url),
        "agents/scout/agent.toml": AGENT,
        "agents/scout/jobs/morning.md": JOB,
    }
    return write_workspace_files(folder / "team", files)


def records(daemon: Daemon, file: str) -> list[Learning]:
    path = daemon.root / "agents/scout/.learnings" / file
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return [found.learning for found in parse_learnings(text).found]


@pytest.mark.slow
def test_a_daemon_notes_what_was_mended_and_a_person_teaches_beside_it(tmp_path: Path) -> None:
    says = [WRONG, RIGHT, say("Six cups."), say("Still six.")]
    with OpenAIServer(says) as model, daemon_on(workspace(tmp_path, model)) as daemon:
        daemon.start()
        daemon.run()
        taught = daemon.harness("learn", "add", "scout", "Count the cups twice", "--json")
        assert taught.returncode == 0, taught.stderr
        wait_until(lambda: len(records(daemon, "ERRORS.md")) == 1)
        assert records(daemon, "LEARNINGS.md")[0].id == json.loads(taught.stdout)["id"]
        assert records(daemon, "ERRORS.md")[0].trigger.startswith("calling files.write")


@pytest.mark.slow
def test_what_the_last_run_before_a_kill_showed_is_noted_by_the_next_daemon(tmp_path: Path) -> None:
    with OpenAIServer([WRONG, RIGHT, say("Six cups.")]) as model, daemon_on(workspace(tmp_path, model)) as daemon:
        daemon.start()
        daemon.run()
        daemon.end(signal.SIGKILL)
        daemon.start()
        daemon.end(signal.SIGTERM)
        assert [each.trigger[:19] for each in records(daemon, "ERRORS.md")] == ["calling files.write"]


@pytest.mark.slow
def test_a_single_run_without_a_daemon_notes_what_it_showed(tmp_path: Path) -> None:
    with OpenAIServer([WRONG, RIGHT, say("Six cups.")]) as model, daemon_on(workspace(tmp_path, model)) as daemon:
        assert daemon.harness("run", "scout/morning").returncode == 0
        assert [each.trigger[:19] for each in records(daemon, "ERRORS.md")] == ["calling files.write"]
