from __future__ import annotations

from typing import Any

import pytest

from harness.workspace.front_matter import FrontMatter, read_front_matter
from harness.workspace.report import Report


def read(text: str) -> tuple[FrontMatter | None, list[str]]:
    report = Report("job.md")
    matter = read_front_matter(text, report)
    return matter, [str(entry.finding) for entry in report.entries]


def values(yaml_text: str) -> dict[str, Any]:
    matter, findings = read(f"---\n{yaml_text}\n---\nbody\n")
    assert matter is not None, findings
    return matter.located.values


def refusal(yaml_text: str) -> str:
    _, findings = read(f"---\n{yaml_text}\n---\nbody\n")
    assert len(findings) == 1
    return findings[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("on", "on"),
        ("12:30:45", "12:30:45"),
        ("2026-12-01", "2026-12-01"),
        ("weekdays 07:40        # every one", "weekdays 07:40"),
        ("$0.15", "$0.15"),
        ("1_000", "1_000"),
        ("14d", "14d"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("", None),
        ("~", None),
        ("12", 12),
        ("010", 10),
        ("0x1f", 31),
        ("0o17", 15),
        ("-1.5e3", -1500.0),
        ("'12'", "12"),
        ("[a/b, cat:cs.AI, 3]", ["a/b", "cat:cs.AI", 3]),
        ("{run: latest, within: 3h}", {"run": "latest", "within": "3h"}),
    ],
)
def test_scalars_are_what_yaml_1_2_says(text: str, value: object) -> None:
    assert values(f"key: {text}") == {"key": value}


def test_words_of_yaml_1_1_stay_words_as_keys() -> None:
    assert values("on: 1\nNO: 2") == {"on": 1, "NO": 2}


def test_lines_of_values_and_of_the_body_are_those_of_the_file() -> None:
    matter, _ = read("---\nread:\n  - a\n  - b\ncontract:\n  min_items: 1\n---\n\n\nHello\nthere\n\n")
    assert matter is not None
    assert matter.located.line("read") == 2
    assert matter.located.line("read", 1) == 4
    assert matter.located.line("contract", "min_items") == 6
    assert matter.located.line("contract", "absent") == 5
    assert (matter.body, matter.body_line) == ("Hello\nthere", 10)


def test_every_duplicate_key_is_refused_with_both_lines() -> None:
    _, findings = read("---\na: 1\nb: {c: 1, c: 2}\na: 2\n---\n")
    assert findings == [
        "job.md:3: c is given twice, first in line 3; keep one of them",
        "job.md:4: a is given twice, first in line 2; keep one of them",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("schedule: */5 * * * *", 'quote it: schedule: "*/5 * * * *"'),
        ("schedule: * * * * *   # always", 'quote it: schedule: "* * * * *"'),
        ("schedule: @daily", 'quote it: schedule: "@daily"'),
        ("title: News: today", 'quote it: title: "News: today"'),
        ("a: &x 1\nb: *x", 'job.md:3: YAML reads the value of b as something else than text; quote it: b: "*x"'),
        ("title: {{ today }}", "job.md:2: a key is not a plain word"),
        ("a: !!python/name:os.system", "job.md:2: the tag tag:yaml.org,2002:python/name:os.system is not used here"),
        ("a:\n\tb: 1", "job.md:3: a line begins with a tab"),
        ('a: "open', "job.md:2: the front matter is not YAML"),
        ("- a", "job.md:2: the front matter is not a list of settings"),
        ("a: \x07", "job.md:2: the front matter is not YAML"),
    ],
)
def test_what_is_not_plain_yaml_is_refused_with_its_line_and_the_fix(text: str, expected: str) -> None:
    assert expected in refusal(text)


def test_missing_and_unclosed_front_matter_are_told_apart() -> None:
    assert "has no front matter" in read("Hello\n")[1][0]
    assert "has no end" in read("---\na: 1\nHello\n")[1][0]


def test_empty_front_matter_has_no_values() -> None:
    assert values("") == {}
