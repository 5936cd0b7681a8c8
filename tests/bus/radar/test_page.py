"""A page of the Tech Radar: what it says, and that no byte of a person is lost to what the harness adds."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.bus.radar.page import (
    EVALUATION,
    HISTORY,
    Evaluation,
    new_page,
    read_page,
    with_decision,
    with_evaluation,
    with_line,
)
from harness.domain.errors import OwnerError
from harness.domain.radar import Move, Technology
from harness.workspace.report import Report

DAY = date(2026, 11, 21)
FOUND = Technology("", "SQLite: vectors", "discovered", "tools", "https://example.com/a?b=1#c", "ainews", "cron:a/b:1")
MOVE = Move(DAY, "discovered", "One file · no server.", "cron:a/b:1")
DECIDED = Move(DAY, "trial", "Worth a week (request r-1)", "cron:zoe/radar:2")
BY_HAND = """\
---
# mine
name: "Paper maps"   # folded
quadrant:   techniques
ring: discovered # since always
url: https://maps.example/
---
I know them. ## Evaluation is no heading here.

```
## Evaluation
```

## Evaluation
<!-- to do -->

### Details
"""


def read(text: str) -> Technology:
    report = Report("page.md")
    found = read_page("page", text, report)
    assert found is not None, report.entries
    return found


def problems(text: str) -> list[str]:
    report = Report("page.md")
    assert read_page("page", text, report) is None
    return [str(entry.finding) for entry in report.entries]


def test_a_new_page_says_what_it_was_made_of() -> None:
    found = read(new_page(FOUND, MOVE))
    assert (found.name, found.url, found.found_by, found.found_run) == (
        FOUND.name, FOUND.url, "ainews", "cron:a/b:1",
    )  # fmt: skip
    assert (found.stage, found.decided_at, found.request, found.moves) == ("discovered", None, "", (MOVE,))


def test_an_evaluation_is_added_to_its_sections_once() -> None:
    text = with_evaluation(new_page(FOUND, MOVE), Evaluation("Fits.", "Young.", "our index"), DAY, "zoe")
    assert read(text).stage == "evaluated"
    assert "## Evaluation\n\n- 2026-11-21 · zoe: Fits.\n\n## Risks\n\n- 2026-11-21 · zoe: Young.\n" in text
    assert with_evaluation(text, Evaluation("Fits.", "Young.", "our index"), DAY, "zoe") == text
    later = with_evaluation(text, Evaluation("Still fits."), DAY, "zoe")
    assert "- 2026-11-21 · zoe: Fits.\n- 2026-11-21 · zoe: Still fits.\n" in later


def test_a_decision_changes_three_keys_and_adds_a_line() -> None:
    before = new_page(FOUND, MOVE)
    text = with_decision(before, DECIDED, "r-1", "page.md")
    found = read(text)
    assert (found.ring, found.decided_at, found.request) == ("trial", DAY, "r-1")
    assert found.moves == (MOVE, DECIDED)
    kept = [line for line in before.splitlines() if not line.startswith(("ring:", "decided_at:", "request:"))]
    assert [line for line in text.splitlines() if line in kept] == kept


def test_a_page_by_hand_keeps_every_line_of_its_writer() -> None:
    assert read(BY_HAND).stage == "discovered"
    text = with_decision(with_evaluation(BY_HAND, Evaluation("Fit."), DAY, "zoe"), DECIDED, "r-1", "page.md")
    changed = BY_HAND.replace("ring: discovered #", "ring: trial #")
    rest = iter(text.splitlines())
    assert all(line in rest for line in changed.splitlines()), "every line stays, in its order"
    assert "decided_at: 2026-11-21\nrequest: r-1\n---\n" in text
    assert text.endswith("## History\n\n- 2026-11-21 · trial · Worth a week (request r-1) · cron:zoe/radar:2\n")
    assert (read(text).ring, read(text).stage, read(text).is_evaluated) == ("trial", "decided", True)


def test_line_ends_of_windows_stay() -> None:
    text = with_decision(new_page(FOUND, MOVE).replace("\n", "\r\n"), DECIDED, "r-1", "page.md")
    assert text.count("\r\n") == text.count("\n")
    assert read(text).ring == "trial"


@pytest.mark.parametrize("ring", ["ring:\n  discovered", "ring: >\n  discovered", '"ring": discovered'])
def test_a_key_that_cannot_be_changed_alone_is_refused_with_its_line(ring: str) -> None:
    text = new_page(FOUND, MOVE).replace("ring: discovered", ring)
    assert read(text).ring == "discovered"
    with pytest.raises(OwnerError, match="ring"):
        with_decision(text, DECIDED, "r-1", "page.md")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("ring: discovered", "ring: adpot", "page.md:3: there is no ring 'adpot'; did you mean 'adopt'?"),
        ("quadrant: tools", "quadrant: toys", "page.md:4: there is no quadrant 'toys'; did you mean 'tools'?"),
        ("decided_at:", "decided_at: soon", "page.md:8: decided_at: "),
        ("https://example.com/a?b=1#c", "ftp://example.com", "page.md:5: 'ftp://example.com' is no address of a page"),
        ("name:", "title:", "name is missing"),
        ("---\n", "", "page.md:1: the file has no front matter"),
    ],
)
def test_what_a_page_lacks_is_named_with_its_line(old: str, new: str, problem: str) -> None:
    assert any(problem in found for found in problems(new_page(FOUND, MOVE).replace(old, new, 1)))


def test_the_page_in_the_documentation_is_one() -> None:
    page = (Path(__file__).parents[3] / "docs/radar.md").read_text()
    example = page.split("```markdown\n")[1].split("```\n")[0]
    found = read(example)
    assert (found.ring, found.request, found.is_evaluated) == ("trial", "r-k3v7q2mzpa", True)
    assert [move.what for move in found.moves] == ["discovered", "trial", "request done"]


def test_a_code_block_that_was_left_open_is_closed_before_the_line() -> None:
    text = with_line(new_page(FOUND, MOVE) + "```sh\nls", HISTORY, "- the new one")
    assert text.endswith("```sh\nls\n```\n\n- the new one\n")


LINES = st.lists(
    st.sampled_from(
        ["", "text", "- a bullet", "## Evaluation", "## History", "# Top", "```", "~~~", "---", "### Sub", "  indented"]
    ),
    max_size=12,
)


@given(body=LINES, ends=st.booleans(), heading=st.sampled_from([EVALUATION, HISTORY, "Risks"]))
def test_adding_a_line_adds_lines_only_and_adds_it_once(body: list[str], ends: bool, heading: str) -> None:
    text = new_page(FOUND, MOVE).split("# SQLite")[0] + "\n".join(body) + ("\n" if ends else "")
    added = with_line(text, heading, "- the new one")
    rest = iter(added.splitlines())
    assert all(line in rest for line in text.splitlines()), "every line stays, in its order"
    assert added.splitlines().count("- the new one") == 1
    assert with_line(added, heading, "- the new one") == added
