"""With --json, stdout is one document, whatever else a command has to say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli.app import main
from harness.testing.workspace import write_workspace_files

FEED = """<?xml version="1.0"?>
<rss version="2.0"><channel><title>Example News</title><link>https://news.example.org</link><description>n</description>
<item><title>A compiler learns to explain itself</title><link>https://news.example.org/compiler</link>
<description>The new release explains each error in a sentence, with the rule that it follows.</description></item>
<item><title>Databases get smaller</title><link>https://news.example.org/databases</link>
<description>A team halves the size of its index and measures what it costs.</description></item>
</channel></rss>
"""


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("HARNESS_HOME", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    root = write_workspace_files(
        tmp_path / "team",
        {
            "feed.xml": FEED,
            "agents/scout/jobs/morning.md": "---\nschedule: daily 08:00\nread: [feeds/ai]\n"
            "deliver: [digest, terminal]\n---\nRank what changed.\n",
        },
    )
    monkeypatch.chdir(root)
    return root


@pytest.mark.parametrize(
    "arguments",
    [
        "status", "ledger", "runs", "why scout/morning", "jobs", "jobs next", "jobs show scout/morning", "agents",
        "agents show scout", "skills", "skills show rank-items", "check", "doctor", "doctor --overdue", "audit verify",
        "prompt show scout/morning", "nodes", "cost", "cost --since yesterday --by model", "cost --forecast",
    ],
)  # fmt: skip
def test_stdout_is_one_document(team: Path, capsys: pytest.CaptureFixture[str], arguments: str) -> None:
    code = main([*arguments.split(), "--json"])
    assert code == (1 if arguments == "doctor" else 0)
    assert json.loads(capsys.readouterr().out) is not None


@pytest.mark.parametrize(
    "arguments",
    [
        "jobs", "jobs next", "jobs show scout/morning", "agents", "agents show scout", "skills", "check", "doctor",
        "cost", "cost --forecast",
    ],
)  # fmt: skip
def test_words_fit_into_eighty_columns(team: Path, capsys: pytest.CaptureFixture[str], arguments: str) -> None:
    main(arguments.split())
    out = capsys.readouterr().out
    assert out
    # What is one word, such as a path, is never broken.
    assert all(len(line) <= 80 or str(team) in line for line in out.splitlines())


def test_run_gives_its_fire_although_the_job_prints_to_the_terminal(
    team: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["run", "scout/morning", "--input", "feeds=feed.xml", "--json"])
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert (code, document["state"], document["items"]) == (0, "delivered", 2)
    assert "https://news.example.org/compiler" in captured.err
    assert (team / ".harness" / document["artifact"]).is_file()


def test_preview_prints_the_digest_and_delivers_nothing(team: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "scout/morning", "--input", "feeds=feed.xml", "--preview"]) == 0
    assert "https://news.example.org/compiler" in capsys.readouterr().out
    assert not (team / ".harness" / "digests").exists()


def test_broken_file_is_told_with_its_line_and_exit_code_2(team: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = team / "agents/scout/jobs/morning.md"
    job.write_text("---\nschedule: daily 25:00\n---\nRank.\n")
    assert main(["check"]) == 2
    out = capsys.readouterr().out
    assert out.startswith("agents/scout/jobs/morning.md:2: ")
    assert main(["check", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["errors"] == 1


def test_settings_that_cannot_be_read_hide_no_other_finding(team: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (team / "harness.toml").write_text("[profiles")
    (team / "agents/scout/jobs/morning.md").write_text("---\nschedule: daily 25:00\n---\nRank.\n")
    assert main(["check", "--json"]) == 2
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [(one["path"], one["line"]) for one in found] == [("agents/scout/jobs/morning.md", 2), ("harness.toml", 1)]


@pytest.mark.parametrize("arguments", ["run scout/morning", "prompt show scout/morning", "jobs show scout/morning"])
def test_job_that_cannot_be_loaded_says_what_is_wrong_with_its_file(
    team: Path, capsys: pytest.CaptureFixture[str], arguments: str
) -> None:
    (team / "agents/scout/jobs/morning.md").write_text("---\nschedule: daily 25:00\n---\nRank.\n")
    assert main(arguments.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    [line] = captured.err.splitlines()
    assert line.startswith("agents/scout/jobs/morning.md:2: ")


@pytest.mark.parametrize("arguments", ["run scout/morning", "prompt show scout/morning", "jobs show scout/morning"])
@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("agent.toml", 'description = "x"\ntools = ["web.raed"]\n', "agent.toml:2: unknown tool 'web.raed'"),
        ("agent.toml", 'description = "x"\nskills = ["rank-item"]\n', "agent.toml:2: unknown skill 'rank-item'"),
        ("agent.toml", 'description = "x"\ndescription = "y"\n', "agent.toml:2: description is given twice"),
        ("SOUL.md", None, "SOUL.md: the file is missing"),
    ],
)
def test_job_of_an_agent_that_cannot_be_loaded_says_what_is_wrong_with_the_agent(
    team: Path, capsys: pytest.CaptureFixture[str], arguments: str, file: str, text: str | None, told: str
) -> None:
    path = team / "agents/scout" / file
    path.unlink() if text is None else path.write_text(text)
    assert main(arguments.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    [line] = captured.err.splitlines()
    assert line.startswith(f"agents/scout/{told}")
