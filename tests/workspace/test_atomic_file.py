from __future__ import annotations

from pathlib import Path

import pytest

from harness.workspace.atomic_file import replace_text


def test_what_cannot_be_written_is_told_by_its_own_name_and_leaves_nothing_behind(tmp_path: Path) -> None:
    in_the_way = tmp_path / "harness.toml"
    in_the_way.mkdir()
    with pytest.raises(IsADirectoryError) as told:
        replace_text(in_the_way, "home = 'Etc/UTC'")
    assert told.value.filename == str(in_the_way)
    assert list(tmp_path.iterdir()) == [in_the_way]
