"""Follow-ups as people write them: found by their lines, changed within them, and no byte elsewhere."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.bus.files.follow_up_folder import FollowUpFolder
from harness.bus.files.follow_ups import (
    Change,
    FollowUp,
    Status,
    change_entries,
    count_same,
    read_follow_ups,
    roll_over,
)
from harness.domain.errors import OwnerError, TransientError

DAY = date(2026, 11, 21)
WHOLE = """\
# Follow-ups of 2026-11-21

Some words of mine - not a list.

- [open] P1 ainews: Find out why the feed has lost its dates (open for 2 days)
  Two of its five sources are affected.
  - since: 2026-11-19
  - evidence: shared-context/intel/dates.md
  - ask the publisher
- P0 user: Pay the domain
* [x] **P2** @zoe: Tidy the radar

```
- [open] P1 scout: this is an example
```
<!-- - P1 scout: and this
a comment -->
"""


def entries(text: str) -> tuple[FollowUp, ...]:
    return read_follow_ups(text, "x.md").entries


def problems(text: str) -> list[str]:
    return [str(problem) for problem in read_follow_ups(text, "x.md").problems]


def test_entries_are_read_as_people_write_them() -> None:
    assert entries(WHOLE) == (
        FollowUp(
            "ainews", "P1", "open", "Find out why the feed has lost its dates",
            "Find out why the feed has lost its dates\nTwo of its five sources are affected.\n- ask the publisher",
            5, 9, since=date(2026, 11, 19), evidence="shared-context/intel/dates.md",
        ),
        FollowUp("user", "P0", "open", "Pay the domain", "Pay the domain", 10, 10),
        FollowUp("zoe", "P2", "done", "Tidy the radar", "Tidy the radar", 11, 11),
    )  # fmt: skip
    assert problems(WHOLE) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- Pay the domain", "x.md:1: this is no follow-up; write it as - [open] P1 owner: what has to happen"),
        ("\n- [open] P3 a: b", "x.md:2: there is no P3; use P0, P1 or P2"),
        ("- [opne] P1 a: b", "x.md:1: unknown status 'opne'; did you mean 'open'?"),
        ("- P1 a: b\n  - since: yesterday", "x.md:2: since: 'yesterday' is not a date; write it as 2026-12-05"),
        ("- P1 a: b\n  - request: r 1", "x.md:2: 'r 1' is no id of a request"),
        ("- P1 a: b\n  - since: 2026-11-01\n  - since: 2026-11-02", "x.md:3: since is given twice"),
    ],
)
def test_a_line_that_looks_like_an_entry_and_is_none_is_named_and_left_alone(text: str, said: str) -> None:
    [problem] = problems(text)
    assert said in problem
    assert entries(text) == ()


def test_an_entry_is_changed_within_its_lines() -> None:
    first, second, _ = entries(WHOLE)
    changed = change_entries(
        WHOLE,
        {
            first.key: Change(status="done", evidence="shared-context/intel/new.md", result="done: they are back"),
            second.key: Change(status="asked", request="r-abc"),
        },
    )
    assert changed == WHOLE.replace("[open] P1 ainews", "[done] P1 ainews").replace(
        "intel/dates.md\n  - ask the publisher\n",
        "intel/new.md\n  - ask the publisher\n  - result: done: they are back\n",
    ).replace("- P0 user: Pay the domain\n", "- [asked] P0 user: Pay the domain\n  - request: r-abc\n")


def test_an_entry_keeps_the_line_ends_of_its_file_and_one_at_the_end_may_have_none() -> None:
    assert change_entries("- P1 a: b\r\nx", {("a", "b", 0): Change(request="r-1")}) == (
        "- P1 a: b\r\n  - request: r-1\r\nx"
    )
    assert change_entries("- P1 a: b", {("a", "b", 0): Change(request="r-1")}) == "- P1 a: b\n  - request: r-1\n"


def test_of_two_entries_with_the_same_words_each_is_changed_alone() -> None:
    text = "- P1 a: b\n- P1 A:  b\n"
    assert [entry.copy for entry in entries(text)] == [0, 1]
    assert change_entries(text, {("a", "b", 1): Change(status="done")}) == "- P1 a: b\n- [done] P1 A:  b\n"


def test_an_entry_goes_on_with_its_age_and_its_first_day() -> None:
    text = "- P1 a: b (open for 1 day)\n  mine\n"
    moved = roll_over(text, entries(text)[0], day=DAY, into="", target=DAY + timedelta(days=1))
    assert moved == "# Follow-ups of 2026-11-22\n\n- P1 a: b (open for 1 day)\n  mine\n  - since: 2026-11-21\n"
    again = roll_over(moved, entries(moved)[0], day=DAY + timedelta(days=1), into="x", target=DAY + timedelta(days=4))
    assert again == "x\n- P1 a: b (open for 4 days)\n  mine\n  - since: 2026-11-21\n"


LINES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["```", "~~~~", "<!-- x", "-->", "", "  ", "\t- x", "- P1 a: b"]),
    st.just("- [x] P0 zoe: c (open for 3 days)"),
    st.builds(
        "{}{}{} {}: {}".format, st.sampled_from(["- ", "* ", "+\t", " - "]),
        st.sampled_from(["", "[open] ", "[ ]", "[?] "]),
        st.sampled_from(["P0", "P1", "**P2**", "P7"]), st.sampled_from(["zoe", "@user", "a-b"]), st.text(max_size=20),
    ),
    st.builds("  - {}: {}".format, st.sampled_from(["since", "evidence", "request", "result", "moved to", "note"]),
              st.sampled_from(["2026-11-19", "r-abc", "x y", ""])),
)  # fmt: skip
TEXTS = st.lists(st.tuples(LINES, st.sampled_from(["\n", "\r\n", "\n\n", ""]))).map(
    lambda pairs: "".join(line + end for line, end in pairs)
)
CHANGES = st.builds(
    Change,
    status=st.none() | st.sampled_from(get_args(Status)),
    since=st.none() | st.dates(date(2000, 1, 1)),
    evidence=st.none() | st.just("shared-context/x.md"),
    request=st.none() | st.just("r-new"),
    result=st.none() | st.text(max_size=30),
    moved_to=st.none() | st.dates(date(2000, 1, 1)),
    age_days=st.none() | st.integers(0, 400),
)


@given(TEXTS)
def test_a_file_of_which_nothing_changes_is_the_same_to_the_byte(text: str) -> None:
    found = entries(text)
    assert change_entries(text, {}) == text
    assert change_entries(text, {entry.key: Change() for entry in found}) == text


@given(TEXTS, CHANGES, st.data())
def test_a_change_of_one_entry_touches_no_byte_elsewhere(text: str, change: Change, data: st.DataObject) -> None:
    found = entries(text)
    if not found:
        return
    chosen = data.draw(st.integers(0, len(found) - 1))
    before, entry = found[:chosen], found[chosen]
    changed = change_entries(text, {entry.key: change})
    lines = text.split("\n")
    head = "".join(f"{line}\n" for line in lines[: entry.first_line - 1])
    tail = "\n".join(lines[entry.last_line :])
    assert changed.startswith(head)
    assert changed.endswith(tail)
    again = entries(changed)
    assert again[:chosen] == before
    assert [(one.owner, one.words, one.status) for one in again[chosen + 1 :]] == [
        (one.owner, one.words, one.status) for one in found[chosen + 1 :]
    ]
    got = again[chosen]
    assert (got.owner, got.importance, got.words) == (entry.owner, entry.importance, entry.words)
    assert got.status == (change.status or entry.status)
    for name in ("since", "request", "evidence", "moved_to"):
        wanted = getattr(change, name)
        assert getattr(got, name) == (getattr(entry, name) if wanted is None else wanted)


@given(TEXTS, TEXTS)
def test_what_rolls_over_is_there_once_and_changes_nothing_that_was_there(text: str, into: str) -> None:
    for entry in entries(text):
        after = roll_over(text, entry, day=DAY, into=into, target=DAY + timedelta(days=3))
        assert after.startswith(into)
        known = (entry.owner.casefold(), " ".join(entry.words.split()))
        gained = count_same(read_follow_ups(after, "")) - count_same(read_follow_ups(into, ""))
        assert gained in ({known: 1}, {})  # nothing, if the file ends inside of a fence or a comment


# ── On disk ──────────────────────────────────────────────────────────────────────────────────────


def put(root: Path, text: str | bytes, day: date = DAY) -> Path:
    path = root / f"shared-context/followups/{day}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_days_are_those_that_have_a_file(tmp_path: Path) -> None:
    assert FollowUpFolder(tmp_path).days() == []
    for name in ("2026-11-21.md", "2026-11-03.md", "2026-13-01.md", "README.md", "2026-11-05.md.bak"):
        put(tmp_path, "").with_name(name).write_text("")
    assert FollowUpFolder(tmp_path).days() == [date(2026, 11, 3), DAY]


def test_what_a_person_saves_meanwhile_is_kept_and_changed_too(tmp_path: Path) -> None:
    path = put(tmp_path, "- P1 a: b\n")
    saves = ["mine\n- P1 a: b\n", "mine\nand more\n- P1 a: b\n"]

    def save() -> None:
        if saves:
            path.write_text(saves.pop(0))

    FollowUpFolder(tmp_path, save).edit(DAY, lambda text: change_entries(text, {("a", "b", 0): Change(status="asked")}))
    assert path.read_text() == "mine\nand more\n- [asked] P1 a: b\n"
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_file_that_is_saved_all_the_time_is_left_to_whoever_saves_it(tmp_path: Path) -> None:
    path = put(tmp_path, "- P1 a: b\n")
    count = iter(range(1000))

    def save() -> None:
        put(tmp_path, f"- P1 a: b\n{next(count)}\n")

    folder = FollowUpFolder(tmp_path, save)
    with pytest.raises(TransientError, match=r"2026-11-21\.md is changed by others all the time"):
        folder.edit(DAY, lambda text: text + "x")
    assert "x" not in path.read_text()


def test_a_new_file_that_somebody_makes_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    made: list[Path] = []
    folder = FollowUpFolder(tmp_path, lambda: None if made else made.append(put(tmp_path, "mine\n")))
    assert folder.edit(DAY, lambda text: f"{text}theirs\n") == "mine\ntheirs\n"


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    path = put(tmp_path, "x")
    real = tmp_path / "elsewhere.md"
    path.rename(real)
    real.chmod(0o640)
    path.symlink_to(real)
    FollowUpFolder(tmp_path).edit(DAY, lambda text: text + "y")
    assert path.is_symlink()
    assert (real.read_text(), real.stat().st_mode & 0o777) == ("xy", 0o640)


def test_a_file_that_is_no_text_is_named_and_left_alone(tmp_path: Path) -> None:
    put(tmp_path, b"\n\xff")
    with pytest.raises(OwnerError, match=r"followups/2026-11-21\.md:2: is not UTF-8 text"):
        FollowUpFolder(tmp_path).edit(DAY, lambda text: "")
