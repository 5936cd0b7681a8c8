import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import parse

import pytest

from harness.domain.agent import Agent
from harness.domain.errors import OwnerError
from harness.domain.feed import FeedEntry
from harness.domain.job import FreshFile, Job, OnlyIf, Requires
from harness.domain.schedule import Cron
from harness.domain.settings import Settings
from harness.domain.workspace import Workspace
from harness.rehearsal.workspace_copy import MARKER, copy_workspace, named_paths, point_at_world

SETTINGS_TEXT = """\
# The team of Sam.
home = "America/Los_Angeles"  # where the day begins
profile = "cheap"

[profiles.cheap]
adapter = "extractive"

[sources]
timeout = "20s"  # feeds are slow
"""
UNHURRIED = {"per_host": 20, "host_pause": "0s", "arxiv_pause": "0s"}


@dataclass(frozen=True)
class SmallWorld:
    arxiv_url: str = "http://preprints.sample.test/api/query"
    feed_lists: Mapping[str, Sequence[FeedEntry]] = field(
        default_factory=lambda: {
            "ai": (FeedEntry("Herald", "http://herald.sample.test/f?a=1&b=2"),),
            "github-trending": (FeedEntry("Forge", "http://forge.sample.test/t"),),
            "releases": (FeedEntry("Loom", "http://forge.sample.test/r"),),
        }
    )


def write(path: Path, text: str = "text\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "home"
    write(root / "harness.toml", SETTINGS_TEXT)
    write(root / "USER.md")
    write(root / "agents/ainews/SOUL.md", "curious\n")
    write(root / "agents/ainews/.learnings/ERRORS.md")
    write(root / "agents/ainews/jobs/scan.md")
    write(root / "shared-context/feeds/ai.md", "- [Real](https://example.org/feed)\n")
    return root


def paths_in(root: Path) -> set[str]:
    return {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_symlink() or not p.is_dir()}


def test_everything_that_is_the_workspace_is_copied_with_hidden_folders_and_a_marker(
    source: Path, tmp_path: Path
) -> None:
    copied = copy_workspace(source, tmp_path / "out/workspace")
    assert paths_in(copied.root) == paths_in(source) | {MARKER}
    assert (copied.root / "agents/ainews/SOUL.md").read_text() == "curious\n"
    assert (copied.root / "harness.toml").read_text() == SETTINGS_TEXT
    assert (copied.files, copied.left_out) == (6, ())


def test_state_repositories_environments_caches_and_other_folders_stay_behind(source: Path, tmp_path: Path) -> None:
    for unwanted in (
        ".harness/harness.db",
        ".git/config",
        ".venv/bin/python",
        "node_modules/x.js",
        "harness/cli.py",
        "agents/.git/config",
        "agents/ainews/.harness/harness.db",
        "skills/rank/scripts/__pycache__/x.pyc",
        "skills/rank/.pytest_cache/x",
        "memory/.DS_Store",
    ):
        write(source / unwanted)
    write(source / "memory/ainews/cache.md")
    copied = copy_workspace(source, tmp_path / "out")
    expected = {"harness.toml", "USER.md", "memory/ainews/cache.md", "shared-context/feeds/ai.md", MARKER}
    expected |= {f"agents/ainews/{name}" for name in ("SOUL.md", ".learnings/ERRORS.md", "jobs/scan.md")}
    assert paths_in(copied.root) == expected


def test_changes_to_the_copy_do_not_reach_the_workspace(source: Path, tmp_path: Path) -> None:
    (source / "agents/ainews/SOUL.md").chmod(0o444)
    copied = copy_workspace(source, tmp_path / "out")
    (copied.root / "agents/ainews/SOUL.md").write_text("changed\n")
    assert (source / "agents/ainews/SOUL.md").read_text() == "curious\n"
    assert (source / "agents/ainews/SOUL.md").stat().st_mode & 0o777 == 0o444


def test_further_paths_that_the_workspace_names_are_copied_too(source: Path, tmp_path: Path) -> None:
    write(source / "notes/goals.md")
    write(source / "notes/private.md")
    write(source / "reports/q3/table.csv")
    copied = copy_workspace(
        source, tmp_path / "out", also=["notes/goals.md", "reports", "not/there", ".", "agents/x/.."]
    )
    assert {"notes/goals.md", "reports/q3/table.csv"} <= paths_in(copied.root)
    assert not (copied.root / "notes/private.md").exists()
    assert copied.left_out == ()


def test_a_further_path_outside_the_workspace_is_left_out_and_said(source: Path, tmp_path: Path) -> None:
    secret = write(tmp_path / "secret.txt")
    copied = copy_workspace(source, tmp_path / "out", also=["../secret.txt", str(secret), ".harness/../../secret.txt"])
    assert "secret.txt" not in {Path(p).name for p in paths_in(copied.root)}
    assert len(copied.left_out) == 3


def test_links_that_lead_out_of_the_workspace_are_left_out_and_said(source: Path, tmp_path: Path) -> None:
    secret = write(tmp_path / "elsewhere/secret.txt", "secret")
    (source / "agents/ainews/absolute.md").symlink_to(secret)
    (source / "agents/ainews/relative.md").symlink_to("../../../elsewhere/secret.txt")
    (source / "agents/folder").symlink_to(secret.parent, target_is_directory=True)
    (source / "agents/broken.md").symlink_to("nowhere.md")
    (source / "agents/root").symlink_to(source, target_is_directory=True)
    write(source / ".harness/harness.db")
    (source / "agents/state").symlink_to("../.harness", target_is_directory=True)
    copied = copy_workspace(source, tmp_path / "out")
    assert not any(path.is_symlink() for path in copied.root.rglob("*"))
    assert not any(b"secret" in path.read_bytes() for path in copied.root.rglob("*") if path.is_file())
    assert sorted(item.path for item in copied.left_out) == [
        "agents/ainews/absolute.md",
        "agents/ainews/relative.md",
        "agents/broken.md",
        "agents/folder",
        "agents/root",
        "agents/state",
    ]


def test_links_inside_the_workspace_lead_to_the_copy_and_never_to_the_original(source: Path, tmp_path: Path) -> None:
    write(source / "notes/style.md", "original")
    (source / "agents/ainews/STYLE.md").symlink_to(source / "notes/style.md")
    (source / "skills").symlink_to("agents/ainews", target_is_directory=True)
    (source / "agents/ainews/up").symlink_to("..", target_is_directory=True)
    copied = copy_workspace(source, tmp_path / "out")
    assert (copied.root / "agents/ainews/STYLE.md").resolve() == (copied.root / "notes/style.md").resolve()
    assert (copied.root / "skills").resolve() == (copied.root / "agents/ainews").resolve()
    assert (copied.root / "agents/ainews/up").resolve() == (copied.root / "agents").resolve()
    (copied.root / "agents/ainews/STYLE.md").write_text("changed")
    assert (source / "notes/style.md").read_text() == "original"


def test_a_path_through_a_link_inside_the_workspace_exists_in_the_copy(source: Path, tmp_path: Path) -> None:
    write(source / "data/2026/numbers.csv", "1")
    (source / "current").symlink_to("data/2026", target_is_directory=True)
    copied = copy_workspace(source, tmp_path / "out", also=["current/numbers.csv"])
    assert (copied.root / "current/numbers.csv").read_text() == "1"
    assert (copied.root / "current").is_symlink()


def test_a_pipe_is_left_out_instead_of_waiting_for_a_writer(source: Path, tmp_path: Path) -> None:
    os.mkfifo(source / "agents/pipe")
    copied = copy_workspace(source, tmp_path / "out")
    assert [item.path for item in copied.left_out] == ["agents/pipe"]


def test_a_second_rehearsal_replaces_its_own_output_and_nothing_else(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out/workspace"
    beside = write(tmp_path / "out/mine.txt", "mine")
    outside = write(tmp_path / "kept/file.txt", "kept")
    copy_workspace(source, out)
    write(out / ".harness/digests/old.md")
    (out / "link").symlink_to(outside.parent, target_is_directory=True)
    (source / "agents/ainews/SOUL.md").write_text("bolder\n")
    (source / "USER.md").unlink()
    copied = copy_workspace(source, out)
    assert paths_in(out) == paths_in(source) | {MARKER}
    assert (copied.root / "agents/ainews/SOUL.md").read_text() == "bolder\n"
    assert (beside.read_text(), outside.read_text()) == ("mine", "kept")


def test_a_rehearsal_that_was_killed_half_way_can_be_repeated(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    copy_workspace(source, out)
    for path in (out / "harness.toml", out / "USER.md"):
        path.unlink()
    assert paths_in(copy_workspace(source, out).root) == paths_in(source) | {MARKER}


def test_an_empty_folder_is_taken_and_one_with_anything_else_is_refused_untouched(source: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    copy_workspace(source, tmp_path / "empty")
    mine = write(tmp_path / "documents/thesis.md", "years of work")
    with pytest.raises(OwnerError, match="no rehearsal made it") as caught:
        copy_workspace(source, mine.parent)
    assert "--out" in caught.value.fix
    assert paths_in(mine.parent) == {"thesis.md"}


def test_targets_that_would_destroy_something_are_refused(source: Path, tmp_path: Path) -> None:
    kept = write(tmp_path / "kept/file.txt")
    write(tmp_path / "kept" / MARKER)
    (tmp_path / "link").symlink_to(kept.parent, target_is_directory=True)
    write(tmp_path / MARKER)  # even a folder that claims to be a rehearsal
    for target, problem in (
        (source, "contains the workspace"),
        (tmp_path, "contains the workspace"),
        (tmp_path / "link", "symbolic link"),
        (kept, "not a folder"),
    ):
        with pytest.raises(OwnerError, match=problem):
            copy_workspace(source, target)
    assert kept.exists()
    assert (source / "harness.toml").exists()


def test_a_marker_that_is_only_a_link_makes_no_rehearsal(source: Path, tmp_path: Path) -> None:
    mine = write(tmp_path / "documents/thesis.md")
    (mine.parent / MARKER).symlink_to("thesis.md")
    with pytest.raises(OwnerError, match="no rehearsal made it"):
        copy_workspace(source, mine.parent)


def test_a_folder_without_settings_is_no_workspace(tmp_path: Path) -> None:
    with pytest.raises(OwnerError, match=r"harness\.toml: is not there"):
        copy_workspace(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_target_inside_the_workspace_is_not_copied_into_itself(source: Path) -> None:
    out = source / "memory/rehearsal"
    write(source / "memory/note.md")
    for _ in range(2):
        copied = copy_workspace(source, out)
        assert not (copied.root / "memory/rehearsal").exists()
        assert (copied.root / "memory/note.md").exists()


def test_a_rehearsal_can_itself_be_rehearsed(source: Path, tmp_path: Path) -> None:
    first = copy_workspace(source, tmp_path / "first")
    second = copy_workspace(first.root, tmp_path / "second")
    assert paths_in(second.root) == paths_in(first.root)


@pytest.mark.parametrize("folder", ["/srv/digests", "~/digests", "../digests", "a/../../digests"])
def test_a_channel_that_delivers_elsewhere_delivers_inside_the_copy(source: Path, tmp_path: Path, folder: str) -> None:
    channels = f'\n[channels.mail]\nkind = "file"\nfolder = "{folder}"  # shared\n\n[channels.term]\nkind = "stdout"\n'
    (source / "harness.toml").write_text(SETTINGS_TEXT + channels)
    copied = copy_workspace(source, tmp_path / "out")
    text = (copied.root / "harness.toml").read_text()
    assert tomllib.loads(text)["channels"] == {
        "mail": {"kind": "file", "folder": "digests/mail"},
        "term": {"kind": "stdout"},
    }
    assert "# shared" in text
    [said] = copied.left_out
    assert folder in str(said)
    assert folder in (source / "harness.toml").read_text()


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("webhook", 'url = "https://example.com/hook"\nkey_env = "HOOK_KEY"'),
        ("email", 'host = "smtp.example.com"\nfrom = "team@example.com"\nto = "you@example.com"'),
        ("ntfy", 'url_env = "NTFY_URL"\npriority = "high"'),
    ],
)
def test_a_channel_that_sends_to_somebody_delivers_inside_the_copy(
    source: Path, tmp_path: Path, kind: str, keys: str
) -> None:
    channel = f'\n[channels.phone]\nkind = "{kind}"\n{keys}\nquiet_hours = "22:00-06:00"\nunseen_for = "7d"\n'
    (source / "harness.toml").write_text(SETTINGS_TEXT + channel)
    copy = copy_workspace(source, tmp_path / "copy")
    assert tomllib.loads((copy.root / "harness.toml").read_text())["channels"]["phone"] == {
        "kind": "file", "folder": "digests/phone", "quiet_hours": "22:00-06:00", "unseen_for": "7d",
    }  # fmt: skip
    assert [str(one) for one in copy.left_out] == [
        f"harness.toml: channel phone delivers to digests/phone of the rehearsal, not by {kind}"
    ]


@pytest.mark.parametrize("folder", ["/mnt/safe", "~/safe", "../safe"])
def test_backups_that_go_elsewhere_go_inside_the_copy(source: Path, tmp_path: Path, folder: str) -> None:
    (source / "harness.toml").write_text(f'{SETTINGS_TEXT}\n[backups]\nfolder = "{folder}"\nkeep = 3\n')
    copied = copy_workspace(source, tmp_path / "out")
    settings = tomllib.loads((copied.root / "harness.toml").read_text())
    assert settings["backups"] == {"folder": "backups", "keep": 3}
    [said] = copied.left_out
    assert folder in str(said)


def test_settings_that_are_not_toml_are_copied_as_they_are_for_the_check_to_judge(source: Path, tmp_path: Path) -> None:
    (source / "harness.toml").write_text("home = \n")
    copied = copy_workspace(source, tmp_path / "out")
    assert (copied.root / "harness.toml").read_text() == "home = \n"
    with pytest.raises(OwnerError, match=r"harness\.toml:1: is not TOML"):
        point_at_world(copied.root, SmallWorld())


def test_pointing_changes_sources_and_egress_and_keeps_comments(source: Path, tmp_path: Path) -> None:
    copied = copy_workspace(source, tmp_path / "out")
    point_at_world(copied.root, SmallWorld())
    text = (copied.root / "harness.toml").read_text()
    assert text.startswith(SETTINGS_TEXT)
    settings = tomllib.loads(text)
    assert settings["sources"] == {"timeout": "20s", "arxiv_url": SmallWorld().arxiv_url, **UNHURRIED}
    assert settings["egress"] == {"loopback": True}
    assert (source / "harness.toml").read_text() == SETTINGS_TEXT


@pytest.mark.parametrize(
    "egress",
    [
        "[egress]\nloopback = false  # never\nnetworks = []\n",
        "egress = {loopback = false, networks = []}\n",
        "egress.loopback = false\negress.networks = []\n",
    ],
)
def test_pointing_copes_with_every_way_to_write_a_table(source: Path, tmp_path: Path, egress: str) -> None:
    (source / "harness.toml").write_text(egress + '\n[sources]\narxiv_url = "https://example.org"\n\n[profiles.x]\n')
    copied = copy_workspace(source, tmp_path / "out")
    for _ in range(2):
        point_at_world(copied.root, SmallWorld())
        settings = tomllib.loads((copied.root / "harness.toml").read_text())
        assert settings["egress"] == {"loopback": True, "networks": []}
        assert settings["sources"] == {"arxiv_url": SmallWorld().arxiv_url, **UNHURRIED}
        assert settings["profiles"] == {"x": {}}


def test_in_a_world_that_hangs_a_source_gets_a_second(source: Path, tmp_path: Path) -> None:
    copied = copy_workspace(source, tmp_path / "out")
    point_at_world(copied.root, SmallWorld(), is_patient=False)
    assert tomllib.loads((copied.root / "harness.toml").read_text())["sources"]["timeout"] == "1s"


def test_settings_in_which_a_table_is_something_else_are_refused(source: Path, tmp_path: Path) -> None:
    (source / "harness.toml").write_text("sources = 3\n")
    copied = copy_workspace(source, tmp_path / "out")
    with pytest.raises(OwnerError, match="sources is not a table"):
        point_at_world(copied.root, SmallWorld())


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("ai", "http://herald.sample.test/f?a=1&b=2"),
        ("github-trending", "http://forge.sample.test/t"),
        ("releases", "http://forge.sample.test/r"),
        ("my-releases", "http://forge.sample.test/r"),
        ("Trending", "http://forge.sample.test/t"),
        ("markets", "http://herald.sample.test/f?a=1&b=2"),
    ],
)
def test_every_list_gets_the_feeds_that_its_name_suggests(source: Path, tmp_path: Path, name: str, url: str) -> None:
    write(source / f"shared-context/feeds/{name}.md", "# Mine\n- [Real](https://example.org/feed)\n")
    write(source / "shared-context/feeds/README.txt", "https://example.org/feed")
    copied = copy_workspace(source, tmp_path / "out")
    point_at_world(copied.root, SmallWorld())
    text = (copied.root / f"shared-context/feeds/{name}.md").read_text()
    assert f"]({url})" in text
    assert "example.org" not in text
    assert "example.org" in (copied.root / "shared-context/feeds/README.txt").read_text()
    assert "example.org" in (source / f"shared-context/feeds/{name}.md").read_text()


def test_an_opml_list_stays_opml(source: Path, tmp_path: Path) -> None:
    write(source / "shared-context/feeds/ai.opml", "<opml/>")
    copied = copy_workspace(source, tmp_path / "out")
    point_at_world(copied.root, SmallWorld())
    outlines = parse(copied.root / "shared-context/feeds/ai.opml").findall("./body/outline")
    assert [(o.get("text"), o.get("xmlUrl")) for o in outlines] == [("Herald", "http://herald.sample.test/f?a=1&b=2")]


def test_a_workspace_that_is_no_copy_is_never_pointed_elsewhere(source: Path) -> None:
    with pytest.raises(OwnerError, match="not the copy of a rehearsal"):
        point_at_world(source, SmallWorld())
    assert (source / "harness.toml").read_text() == SETTINGS_TEXT


def test_a_workspace_names_the_paths_that_its_jobs_read_and_look_for_and_its_agents_touch(tmp_path: Path) -> None:
    for name in ("notes/goals.md", "inbox/a/note.md", "lists/fresh.md"):
        write(tmp_path / name)
    reads = ("feeds/ai", "notes/goals.md", "https://example.org/feed", "zoe/daily-digest", "../x", "/etc/hosts")
    job = Job(
        "ainews", "scan", "agents/ainews/jobs/scan.md", (Cron("0 6 * * *"),), "UTC", read=reads,
        requires=Requires(("http://127.0.0.1:1/",), (FreshFile("lists/fresh.md"), FreshFile("lists/none.md"))),
        only_if=OnlyIf(exists=("inbox/*/note.md", "**/*.md", "none/*.md")),
    )  # fmt: skip
    agent = Agent(
        "ainews", "d", "s", "r", jobs={"scan": job}, read_paths=("reports", "../out"), write_paths=("drafts",)
    )
    workspace = Workspace(tmp_path, Settings(), agents={"ainews": agent})
    assert named_paths(workspace) == ("drafts", "inbox", "lists/fresh.md", "notes/goals.md", "reports")
