"""Where file tools may go."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.errors import Refused, ToolError
from harness.gate.paths import PathRules


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "workspace"
    (root / "notes").mkdir(parents=True)
    (root / "notes" / "a.md").write_text("hello")
    (root / "private").mkdir()
    (root / "private" / "b.md").write_text("not yours")
    (tmp_path / "outside.md").write_text("outside")
    return root


def rules(root: Path, read: tuple[str, ...] = ("notes",), write: tuple[str, ...] = ()) -> PathRules:
    return PathRules(root, read, write)


def rule_of(refused: pytest.ExceptionInfo[Refused]) -> str:
    return refused.value.rule


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("", "path-invalid"),
        ("notes/a\0.md", "path-invalid"),
        ("notes/a\n.md", "path-invalid"),
        ("notes\\a.md", "path-invalid"),
        ("notes/\ud800", "path-invalid"),
        pytest.param("n" * 1_001, "path-invalid", id="long"),
        ("/etc/passwd", "path-absolute"),
        ("~/x", "path-absolute"),
        ("C:/x", "path-absolute"),
        ("notes/../private/b.md", "path-parent"),
        ("notes/../notes/a.md", "path-parent"),
        ("..", "path-parent"),
        ("notes/\uff0e\uff0e/private/b.md", "path-parent"),
        (".harness/harness.db", "path-hidden"),
        ("notes/.git/config", "path-hidden"),
        ("notes/\uff0eenv", "path-hidden"),
        ("notes/server.pem", "path-secret"),
        ("notes/ID_RSA", "path-secret"),
        ("notes/secrets.toml", "path-secret"),
        ("notes/prod-credentials.json", "path-secret"),
        ("notes/api_key.txt", "path-secret"),
        ("private/b.md", "path-outside"),
        ("notes2/a.md", "path-outside"),
        ("Notes/a.md", "path-outside"),
        (".", "path-outside"),
    ],
)
def test_a_path_that_is_not_granted_is_refused_by_the_name_of_the_rule(root: Path, path: str, rule: str) -> None:
    with pytest.raises(Refused) as refused:
        rules(root).read_bytes(path, 100)
    assert rule_of(refused) == rule


@pytest.mark.parametrize("path", ["notes/secretary.md", "notes/keyboard.md", "notes/tokens.md", "notes/monkey.md"])
def test_a_name_that_only_resembles_a_secret_is_read(root: Path, path: str) -> None:
    (root / path).write_text("plain")
    assert rules(root).read_bytes(path, 100) == b"plain"


def test_nothing_is_granted_by_default(root: Path) -> None:
    with pytest.raises(Refused) as refused:
        PathRules(root).read_bytes("notes/a.md", 100)
    assert rule_of(refused) == "path-outside"


def test_a_dot_grants_the_whole_root_but_nothing_hidden(root: Path) -> None:
    (root / ".env").write_text("KEY=1")
    everything = rules(root, (".",))
    assert everything.read_bytes("private/b.md", 100) == b"not yours"
    assert [entry.name for entry in everything.entries(".")] == ["notes", "private"]
    with pytest.raises(Refused):
        everything.read_bytes(".env", 100)


@pytest.mark.parametrize("link", ["notes/link.md", "notes/folder/b.md"])
def test_no_link_is_followed_neither_the_file_nor_a_folder_above_it(root: Path, link: str) -> None:
    (root / "notes" / "link.md").symlink_to(root.parent / "outside.md")
    (root / "notes" / "folder").symlink_to(root / "private")
    with pytest.raises(Refused) as refused:
        rules(root).read_bytes(link, 100)
    assert rule_of(refused) == "path-link"
    with pytest.raises(Refused) as refused:
        rules(root, write=("notes",)).write_bytes(link, b"x", replaces=None)
    assert rule_of(refused) == "path-link"
    assert (root.parent / "outside.md").read_text() == "outside"
    assert (root / "private" / "b.md").read_text() == "not yours"


def test_a_folder_swapped_for_a_link_while_it_is_read_never_shows_what_the_link_points_to(root: Path) -> None:
    notes, kept, link = root / "notes", root / "kept", root / "link"
    (root / "private" / "a.md").write_text("not yours")
    link.symlink_to(root / "private")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            notes.rename(kept)
            link.rename(notes)
            notes.rename(link)
            kept.rename(notes)

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen = set()
    try:
        for _ in range(3_000):
            try:
                seen.add(rules(root).read_bytes("notes/a.md", 100))
            except (Refused, ToolError):
                continue
    finally:
        stop.set()
        swapper.join()
    assert seen == {b"hello"}


def test_a_named_pipe_and_a_socket_are_refused_and_not_waited_for(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(root / "notes" / "pipe")
    monkeypatch.chdir(root / "notes")  # a socket's path is limited to 108 bytes
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("listening")
        for name in ("pipe", "listening"):
            with pytest.raises(Refused) as refused:
                rules(root).read_bytes(f"notes/{name}", 100)
            assert rule_of(refused) == "path-special"


def test_a_missing_file_a_folder_and_a_file_that_is_too_long_are_told_apart(root: Path) -> None:
    with pytest.raises(ToolError, match="No such file"):
        rules(root).read_bytes("notes/none.md", 100)
    with pytest.raises(ToolError, match="is a folder"):
        rules(root).read_bytes("notes", 100)
    with pytest.raises(ToolError, match="longer than 4 bytes"):
        rules(root).read_bytes("notes/a.md", 4)
    assert rules(root).read_bytes("notes/a.md", 5) == b"hello"


def test_a_folder_shows_neither_links_nor_hidden_nor_secret_names(root: Path) -> None:
    for name in (".hidden", "key.pem", "z.md"):
        (root / "notes" / name).write_text("x")
    (root / "notes" / "link").symlink_to(root / "private")
    (root / "notes" / "sub").mkdir()
    assert [(entry.name, entry.size) for entry in rules(root).entries("notes")] == [
        ("a.md", 5),
        ("sub", None),
        ("z.md", 1),
    ]


def test_writing_needs_its_own_grant_and_includes_reading(root: Path) -> None:
    with pytest.raises(Refused) as refused:
        rules(root).write_bytes("notes/new.md", b"x", replaces=None)
    assert rule_of(refused) == "path-outside"
    writer = rules(root, (), ("notes",))
    writer.write_bytes("notes/deep/er/new.md", b"x", replaces=None)
    assert writer.read_bytes("notes/deep/er/new.md", 100) == b"x"


@pytest.mark.parametrize(
    "path",
    [
        "harness.toml", "USER.md", "user.md", "agents/a/SOUL.md", "Agents/a/jobs/new.md", "skills/s/SKILL.md",
        "shared-context/feeds/ai.md", "shared-context/AGENT_PROTOCOL.md", "./agents/a/agent.toml",
        "shared-context/dispatches/inbox/x.md", "shared-context/Dispatches", "shared-context/job-status/r-x.json",
        "shared-context/radar/lantern.md", "shared-context/baskets.md", "shared-context/markets/us.md",
        "shared-context/calendars/nyse.md",
    ],
)  # fmt: skip
def test_what_agents_never_change_is_refused_even_where_everything_is_granted(root: Path, path: str) -> None:
    with pytest.raises(Refused) as refused:
        rules(root, (), (".",)).write_bytes(path, b"x", replaces=None)
    assert rule_of(refused) == "path-owner"


def test_other_content_is_overwritten_only_by_who_has_read_it(root: Path) -> None:
    writer = rules(root, (), ("notes",))
    with pytest.raises(Refused) as refused:
        writer.write_bytes("notes/a.md", b"new", replaces=None)
    assert rule_of(refused) == "overwrite"
    stale = hashlib.sha256(b"older").hexdigest()
    with pytest.raises(Refused):
        writer.write_bytes("notes/a.md", b"new", replaces=stale)
    assert (root / "notes" / "a.md").read_text() == "hello"
    writer.write_bytes("notes/a.md", b"new", replaces=hashlib.sha256(b"hello").hexdigest())
    assert (root / "notes" / "a.md").read_text() == "new"


def test_a_write_repeated_after_a_crash_succeeds_and_clears_what_the_crash_left(root: Path) -> None:
    writer = rules(root, (), ("notes",))
    (root / "notes" / ".harness-write.tmp").write_text("half")
    writer.write_bytes("notes/new.md", b"whole", replaces=None)
    writer.write_bytes("notes/new.md", b"whole", replaces=None)
    assert sorted(path.name for path in (root / "notes").iterdir()) == ["a.md", "new.md"]


def test_of_many_writers_of_one_new_file_exactly_one_wins(root: Path) -> None:
    writer = rules(root, (), ("notes",))
    outcomes: list[str] = []

    def write(number: int) -> None:
        try:
            writer.write_bytes("notes/race.md", b"%d" % number, replaces=None)
            outcomes.append(str(number))
        except Refused as refusal:
            outcomes.append(refusal.rule)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [outcome for outcome in outcomes if outcome != "overwrite"]
    assert winners == [(root / "notes" / "race.md").read_text()]


_PIECES = st.one_of(
    st.sampled_from(
        ["..", ".", "", "/", "~", "notes", "private", "b.md", "a.md", "out", "\uff0e\uff0e", "\u2024\u2024", "%2e%2e"]
    ),
    st.text(max_size=6),
)


@given(st.lists(_PIECES, max_size=6).map("/".join))
def test_no_path_however_written_reads_outside_its_grant(tmp_path_factory: pytest.TempPathFactory, path: str) -> None:
    root = tmp_path_factory.getbasetemp() / "any" / "workspace"
    (root / "notes").mkdir(parents=True, exist_ok=True)
    (root / "private").mkdir(exist_ok=True)
    (root / "notes" / "a.md").write_text("hello")
    (root / "private" / "b.md").write_text("not yours")
    (root.parent / "a.md").write_text("outside")
    if not (root / "notes" / "out").is_symlink():
        (root / "notes" / "out").symlink_to(root.parent)
    try:
        assert rules(root).read_bytes(path, 100) == b"hello"
    except (Refused, ToolError):
        return
