from __future__ import annotations

import pytest

from harness.workspace.report import Report
from harness.workspace.toml_text import read_toml

TEXT = """\
home = "UTC"
tools = ["feeds",
  "web.read",  # pages
  'x',
]
[profiles.cheap]
adapter = "extractive"
[ channels . "my phone" ]
kind = "stdout"
folder.name = "a"
[egress]
networks = []
loopback = true
"""


def test_keys_tables_and_items_have_the_lines_on_which_they_stand() -> None:
    located = read_toml(TEXT, Report("harness.toml"))
    assert located is not None
    assert located.line("home") == 1
    assert [located.line("tools", i) for i in range(3)] == [2, 3, 4]
    assert located.line("profiles") == located.line("profiles", "cheap") == 6
    assert located.line("profiles", "cheap", "adapter") == 7
    assert located.line("channels", "my phone", "kind") == 9
    assert located.line("channels", "my phone", "folder", "name") == 10
    assert located.line("egress", "loopback") == 13


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1\nb = 2\na = 3\n", "harness.toml:3: a is given twice; keep one of them"),
        ("[x]\n[y]\n[x]\n", "harness.toml:3: [x] is given twice; keep one of them"),
        ("a = 1\nhome = Europe/Berlin\n", "harness.toml:2: cannot read the value of home"),
        ("a = 1\nnonsense\n", "harness.toml:2: not TOML"),
        ('a = "open', "harness.toml:1: not TOML"),
    ],
)
def test_broken_toml_is_refused_with_its_line(text: str, expected: str) -> None:
    report = Report("harness.toml")
    assert read_toml(text, report) is None
    assert str(report.entries[0].finding).startswith(expected)
