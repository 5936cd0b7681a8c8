from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.memory.records import MemoryRecord, parse_memory

MEMORY = """\
# Memory

Sam writes this file too.

## Data
- The field is BUY_AMT, not AMT.
  It was wrong five times. ^ERR-20261121-7f3a
- Prices come in cents
  - except in Japan ^LRN-20261122-0001
  - and in tests

  A second paragraph of the same bullet.
* Kept short
### Sources
1. First
```
# no heading
- no bullet
```
## Habits

- Reads on a phone ^my-anchor
"""


def test_bullets_keep_what_belongs_to_them_and_their_headings() -> None:
    records = parse_memory(MEMORY)
    assert [(r.headings, r.text.split("\n")[0]) for r in records] == [
        (("# Memory",), "Sam writes this file too."),
        (("# Memory", "## Data"), "- The field is BUY_AMT, not AMT."),
        (("# Memory", "## Data"), "- Prices come in cents"),
        (("# Memory", "## Data"), "* Kept short"),
        (("# Memory", "## Data", "### Sources"), "1. First"),
        (("# Memory", "## Habits"), "- Reads on a phone ^my-anchor"),
    ]
    assert records[2].text.endswith("- and in tests\n\n  A second paragraph of the same bullet.")
    assert records[4].text == "1. First\n```\n# no heading\n- no bullet\n```"


def test_only_a_bullet_with_a_learnings_id_of_its_own_is_not_pinned() -> None:
    records = parse_memory(MEMORY)
    assert [r.id for r in records] == [None, "ERR-20261121-7f3a", None, None, None, None]
    assert [r.is_pinned for r in records] == [True, False, True, True, True, True]


def test_id_before_nested_bullets_is_the_parents() -> None:
    (record,) = parse_memory("- parent ^ERR-20261121-7f3a\n  - child\n")
    assert record.id == "ERR-20261121-7f3a"


def test_empty_memory_has_no_records() -> None:
    assert parse_memory("") == parse_memory("\n \n") == ()


lines = st.sampled_from(
    [
        "# A", "## B", "### C", "#", "- one", "  - two", "* three ^ERR-20261121-7f3a",
        "words", "  words", "\tx", "", "", "1. n", "-",
    ]
)  # fmt: skip
closed_fences = st.sampled_from(["```\n# x\n\n- y\n```", "  ~~~\nz\n  ~~~"])


@settings(max_examples=300, deadline=None)
@given(st.lists(lines | closed_fences | st.text(max_size=10), max_size=25))
def test_no_line_but_blank_ones_and_headings_is_lost(parts: list[str]) -> None:
    text = "\n".join(parts)

    def words(record: MemoryRecord) -> list[str]:
        return [line for line in record.text.split("\n") if line.strip()]

    kept = [line for record in parse_memory(text) for line in words(record)]
    lost = [line for line in text.split("\n") if line.strip()]
    for line in kept:
        lost.remove(line)
    assert all(line.lstrip(" ").startswith("#") for line in lost)
