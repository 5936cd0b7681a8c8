"""`harness try channel`: through the real channels of a workspace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.testing.web_server import WebReply, WebServer

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine


@pytest.fixture
def workspace(harness: CommandLine) -> CommandLine:
    (harness.root / "harness.toml").write_text(
        'home = "UTC"\nquiet_hours = "00:00-23:59"\n[profiles.cheap]\nadapter = "extractive"\n'
        '[channels.digest]\nkind = "file"\n[channels.screen]\nkind = "stdout"\n'
        '[channels.blocked]\nkind = "file"\nfolder = "in-the-way"\n'
    )
    return harness


def test_a_test_digest_lies_where_it_says_and_says_that_it_is_one(workspace: CommandLine) -> None:
    document = json.loads(workspace("try", "channel", "digest", "--json").stdout)
    text = Path(document["location"]).read_text(encoding="utf-8")
    assert (document["channel"], document["kind"]) == ("digest", "file")
    assert all(Path(path).is_file() for path in document["files"])
    assert "This is a test" in text


def test_a_second_test_is_another_digest(workspace: CommandLine) -> None:
    places = [json.loads(workspace("try", "channel", "digest", "--json").stdout)["location"] for _ in range(2)]
    assert len(set(places)) == 2


def test_what_prints_prints_it_and_leaves_json_alone(workspace: CommandLine) -> None:
    assert "This is a test" in workspace("try", "channel", "screen").stdout
    apart = workspace("try", "channel", "screen", "--json")
    assert json.loads(apart.stdout)["location"] == "stdout"
    assert "This is a test" in apart.stderr


def test_a_channel_that_takes_nothing_is_one_line_with_the_fix(workspace: CommandLine) -> None:
    state = workspace.root / ".harness"
    state.mkdir(exist_ok=True)
    (state / "in-the-way").write_text("no folder")
    ended = workspace("try", "channel", "blocked")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "set another folder for channels.blocked in harness.toml" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_it_stands_in_no_ledger(workspace: CommandLine) -> None:
    assert workspace("try", "channel", "digest").returncode == 0
    assert json.loads(workspace("runs", "list", "--json").stdout) == []


def test_an_unknown_channel_is_told_with_what_is_near(workspace: CommandLine) -> None:
    ended = workspace("try", "channel", "digset")
    assert ended.returncode == 2
    assert "did you mean digest?" in ended.stderr


def test_a_webhook_gets_a_real_request_also_at_night_and_a_refusal_is_one_line(workspace: CommandLine) -> None:
    def declare(url: str) -> None:
        text = (workspace.root / "harness.toml").read_text().partition("[channels.hook]")[0]
        text = text.replace("[egress]\nloopback = true\n", "")
        (workspace.root / "harness.toml").write_text(
            f'{text}[channels.hook]\nkind = "webhook"\nurl = "{url}"\n[egress]\nloopback = true\n'
        )

    with WebServer() as server:
        declare(server.serve("/hook", WebReply(b"thanks")))
        document = json.loads(workspace("try", "channel", "hook", "--json").stdout)
        assert (document["kind"], document["location"]) == ("webhook", "posted to 127.0.0.1")
        assert "This is a test" in json.loads(server.requests[0].body)["text"]
        server.serve("/hook", WebReply(b"who are you", status=401))
        refused = workspace("try", "channel", "hook")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "does not let us in" in refused.stderr
        server.serve("/hook", WebReply(b"", status=503))
        assert workspace("try", "channel", "hook").returncode == 75
