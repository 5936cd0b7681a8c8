"""YAML with the lines of its values."""

from harness.workspace.located_yaml import read_located_yaml
from harness.workspace.report import Report


def test_lists_and_mappings_come_with_the_lines_of_their_values() -> None:
    read = read_located_yaml("# first\n- a: NO\n  b: [1, 2]\n- c\n", report := Report("x.yaml"), name="the file")

    assert read is not None
    assert (read.value, read.is_empty, report.entries) == ([{"a": "NO", "b": [1, 2]}, "c"], False, [])
    assert {path: line for path, line in read.lines.items() if path in [(), (0,), (0, "b"), (1,)]} == {
        (): 2, (0,): 2, (0, "b"): 3, (1,): 4,
    }  # fmt: skip


def test_a_text_that_says_nothing_is_no_mistake() -> None:
    read = read_located_yaml("# nothing\n", report := Report("x.yaml"), name="the file")
    assert read is not None
    assert (read.is_empty, report.entries) == (True, [])


def test_what_is_wrong_is_told_with_its_line_and_the_name_of_the_text() -> None:
    report = Report("x.yaml")
    assert read_located_yaml("- a\n- [b\n", report, name="the list", first_line=5) is None
    finding = report.entries[0].finding
    assert (finding.path, finding.line, finding.problem.startswith("the list is not YAML")) == ("x.yaml", 7, True)
