"""The name that jobs are bound to: chosen, kept, or the machine's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.store.node_name import as_node_name, keep_node_name, node_name
from harness.store.state_folder import StateFolder


def test_a_chosen_name_goes_before_the_kept_one_and_that_before_the_hosts(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    assert node_name({}, state, "Sams-MacBook.local") == "sams-macbook"
    state.node_name.write_text("Attic\n")
    assert node_name({}, state, "Sams-MacBook.local") == "attic"
    assert node_name({"HARNESS_NODE": "Mac mini"}, state, "Sams-MacBook.local") == "mac-mini"
    assert node_name({"HARNESS_NODE": " "}, state, "Sams-MacBook.local") == "attic"


def test_a_machine_keeps_its_name_in_a_network_that_calls_it_otherwise(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    assert keep_node_name({}, state, "Sams-MacBook.local") == "sams-macbook"
    assert keep_node_name({}, state, "dhcp-17.hotel.example") == "sams-macbook"


def test_a_name_of_the_environment_is_for_this_start_only(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    assert keep_node_name({"HARNESS_NODE": "mac"}, state, "db1") == "mac"
    assert keep_node_name({}, state, "db1") == "db1"


def test_looking_writes_nothing(tmp_path: Path) -> None:
    node_name({}, StateFolder(tmp_path / "absent"), "db1")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("db1", "db1"),
        ("Sam's Mac mini", "sam-s-mac-mini"),
        ("Mac-Mini.local", "mac-mini"),
        ("--", ""),
        ("", ""),
        ("日本", ""),
    ],
)
def test_a_name_is_lower_case_words_with_hyphens(text: str, name: str) -> None:
    assert as_node_name(text) == name


def test_a_host_without_a_usable_name_is_still_called_something(tmp_path: Path) -> None:
    assert node_name({}, StateFolder(tmp_path), "日本.local") == "node"


def test_a_name_that_cannot_be_read_is_not_replaced_by_another(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    state.node_name.symlink_to("node-name")
    with pytest.raises(OSError, match="symbolic links"):
        keep_node_name({}, state, "db1")
    assert state.node_name.is_symlink()
