from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.errors import OwnerError
from harness.domain.settings import Here
from harness.testing.workspace import SAMPLE_FILES
from harness.workspace.here_table import with_here, write_here
from harness.workspace.shipped import shipped_workspace

PATH = Path("/team/harness.toml")
TOKYO = Here("Asia/Tokyo", date(2026, 12, 5))


@pytest.mark.parametrize("settings", [SAMPLE_FILES["harness.toml"], "", 'home = "UTC"', "# nothing\n"])
def test_place_is_added_below_what_stands_there_and_taken_out_again(settings: str) -> None:
    away = with_here(settings, TOKYO, PATH)
    assert away.startswith(settings.rstrip())
    assert tomllib.loads(away)["here"] == {"zone": "Asia/Tokyo", "until": date(2026, 12, 5)}
    assert with_here(away, None, PATH).strip() == settings.strip()


def test_shipped_settings_are_byte_for_byte_the_same_after_there_and_back() -> None:
    settings = (shipped_workspace() / "harness.toml").read_text(encoding="utf-8")
    assert with_here(with_here(settings, TOKYO, PATH), None, PATH) == settings


def test_comments_and_layout_around_the_place_stay() -> None:
    before = 'home="UTC"  # at home\n\n[here]  # on the road\nzone = "Asia/Tokyo"   # why\n\n[egress]\nloopback=true\n'
    after = with_here(before, Here("Europe/Berlin"), PATH)
    assert after == before.replace("Asia/Tokyo", "Europe/Berlin")


def test_stay_without_an_end_loses_the_end_of_the_one_before() -> None:
    away = with_here('home = "UTC"\n', TOKYO, PATH)
    assert tomllib.loads(with_here(away, Here("Asia/Tokyo"), PATH))["here"] == {"zone": "Asia/Tokyo"}


@pytest.mark.parametrize("written", ['here = {zone = "UTC", until = 2026-01-01}', 'here.zone = "UTC"', "here = 5"])
def test_every_way_to_write_a_place_is_replaced_by_the_new_one(written: str) -> None:
    before = f'home = "UTC"\n{written}\nuser = "Sam"\n'
    for here in (TOKYO, Here("Europe/Berlin"), None):
        after = tomllib.loads(with_here(before, here, PATH))
        assert {key: after[key] for key in ("home", "user")} == {"home": "UTC", "user": "Sam"}
        assert after.get("here") == (
            None if here is None else {"zone": here.zone} | ({"until": here.until} if here.until else {})
        )


def test_home_without_a_place_changes_nothing() -> None:
    assert with_here('home = "UTC"\n\n\n', None, PATH) == 'home = "UTC"\n\n\n'


def test_settings_that_are_not_toml_are_not_touched_and_the_line_is_told(tmp_path: Path) -> None:
    settings = tmp_path / "harness.toml"
    settings.write_text('home = "UTC"\nuser = Sam\n', encoding="utf-8")
    with pytest.raises(OwnerError) as caught:
        write_here(settings, TOKYO)
    assert str(caught.value).startswith(f"{settings}:2: cannot read the value of user; put texts in quotes")
    assert settings.read_text(encoding="utf-8") == 'home = "UTC"\nuser = Sam\n'


def test_file_keeps_its_permissions_its_line_ends_and_the_link_that_leads_to_it(tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles" / "team.toml"
    kept.parent.mkdir()
    before = b'\xef\xbb\xbfhome = "UTC"\r\nuser = "Sam"\r\n'
    kept.write_bytes(before)
    kept.chmod(0o640)
    link = tmp_path / "harness.toml"
    link.symlink_to(kept)
    write_here(link, TOKYO)
    assert link.is_symlink()
    assert kept.stat().st_mode & 0o777 == 0o640
    assert kept.read_bytes().startswith(before)
    assert sorted(path.name for path in kept.parent.iterdir()) == ["team.toml"]


def test_settings_that_are_not_utf_8_are_not_touched(tmp_path: Path) -> None:
    settings = tmp_path / "harness.toml"
    settings.write_bytes(b'user = "Ren\xe9"\n')
    with pytest.raises(OwnerError, match="not UTF-8; save it as UTF-8"):
        write_here(settings, TOKYO)
    assert settings.read_bytes() == b'user = "Ren\xe9"\n'


keys = st.from_regex(r"[a-z]{1,6}", fullmatch=True).filter(lambda key: key != "here")
values = st.one_of(st.integers(0, 9).map(str), st.text("abc #=[]", max_size=8).map(lambda text: f'"{text}"'))
lines = st.one_of(
    st.builds(lambda key, value: f"{key} = {value}", keys, values),
    st.just("# a comment"),
    st.just(""),
    st.builds(lambda key: f"[{key}]  # table", keys),
)


@given(st.lists(lines, max_size=8), st.sampled_from([TOKYO, Here("UTC"), None]))
def test_nothing_but_the_place_changes_in_any_settings(source: list[str], here: Here | None) -> None:
    text = "\n".join(source) + "\n"
    try:
        before = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # a key twice
    after = tomllib.loads(with_here(text, here, PATH))
    place = after.pop("here", None)
    assert after == before
    assert (place or {}).get("zone") == (here.zone if here else None)
