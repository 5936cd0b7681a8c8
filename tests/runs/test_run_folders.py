from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from harness.domain.settings import Retention
from harness.runs.run_folders import (
    RunFolder,
    artifacts_to_delete,
    delete_artifacts,
    delete_transcript,
    run_folders,
    transcripts_to_delete,
)
from harness.store.expiry import Marks
from harness.store.state_folder import StateFolder

NOW = datetime(2026, 11, 21, tzinfo=UTC)
DAY = 86_400
FOLDERS = st.lists(
    st.builds(
        lambda number, age_s, size: RunFolder(
            f"cron:a/b:{number}", Path("/x"), int(NOW.timestamp()) - age_s, size, has_transcript=False
        ),
        st.integers(0, 1000), st.integers(0, 300 * DAY), st.integers(0, 1000),
    ),
    max_size=30, unique_by=lambda folder: folder.run_id,
)  # fmt: skip


@given(FOLDERS, st.sets(st.integers(0, 1000)), st.integers(0, 5000), st.integers(0, 300 * DAY), st.data())
def test_what_stays_is_young_enough_and_little_enough_or_needed(
    folders: list[RunFolder], needed_numbers: set[int], most: int, kept_s: int, data: st.DataObject
) -> None:
    needed = {f"cron:a/b:{number}" for number in needed_numbers}
    said = data.draw(st.sets(st.sampled_from([folder.run_id for folder in folders]))) if folders else set()
    marks = {run_id: Marks(is_forgotten=False, is_deleted=True) for run_id in said}
    keep = Retention(artifacts_s=kept_s, artifacts_bytes=most)
    chosen = artifacts_to_delete(folders, marks, needed, keep, NOW)
    gone = {folder.run_id for folder in chosen}
    stays = [folder for folder in folders if folder.run_id not in gone]
    assert not gone & needed
    free_to_go = [folder for folder in stays if folder.run_id not in needed and folder.size_bytes]
    assert all(folder.due_at >= NOW.timestamp() - kept_s for folder in free_to_go)
    assert not {folder.run_id for folder in free_to_go} & said
    assert sum(folder.size_bytes for folder in stays) <= most or not free_to_go
    too_young_and_unsaid = [f for f in chosen if f.due_at >= NOW.timestamp() - kept_s and f.run_id not in said]
    if too_young_and_unsaid and free_to_go:
        oldest_kept = min(folder.due_at for folder in free_to_go)
        assert all(folder.due_at <= oldest_kept for folder in too_young_and_unsaid), "the oldest go first"
    if sum(folder.size_bytes for folder in folders) <= most:
        assert too_young_and_unsaid == [], "nothing young goes while there is room"


def made(state: StateFolder, run_id: str, **files: int) -> Path:
    folder = state.run_folder(run_id)
    for name, size in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    return folder


def test_folders_are_found_by_the_run_that_made_them(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    made(state, "cron:ainews/arxiv:1795101300", digest_json=10, transcript_json=99, results__long_txt=5)
    made(state, "manual:zoe/check:1795101300.2", digest_md=1)  # goes on with the run that made the folder
    made(state, "bus:r-abc:1~2.3", digest_md=1)
    (state.artifacts / "zoe/stray.txt").write_text("no run made this")
    found = {folder.run_id: folder for folder in run_folders(state)}
    assert set(found) == {"cron:ainews/arxiv:1795101300", "manual:zoe/check:1795101300", "bus:r-abc:1~2"}
    assert found["bus:r-abc:1~2"].due_at > 1_700_000_000, "a delivery's number is no time"
    first = found["cron:ainews/arxiv:1795101300"]
    assert (first.size_bytes, first.has_transcript, first.due_at) == (15, True, 1795101300)
    assert list(run_folders(StateFolder(tmp_path / "nowhere"))) == []


def test_artifacts_go_without_the_transcript_and_the_folder_goes_with_the_last(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    path = made(state, "cron:a/b:1", digest_json=10, transcript_json=99, results__long_txt=5)
    [folder] = run_folders(state)
    delete_artifacts(folder)
    assert [file.name for file in path.iterdir()] == ["transcript.json"]
    [folder] = run_folders(state)
    assert transcripts_to_delete([folder], {folder.run_id: Marks(is_forgotten=False, is_deleted=True)}) == []
    assert artifacts_to_delete([folder], {}, set(), Retention(artifacts_s=0), NOW) == []
    assert transcripts_to_delete([folder], {folder.run_id: Marks(is_forgotten=True, is_deleted=True)}) == [folder]
    delete_transcript(folder)
    assert not (tmp_path / "artifacts/a").exists()


def test_age_is_that_of_the_fire_and_not_of_the_files(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    old, young = (int((NOW - timedelta(days=days)).timestamp()) for days in (200, 100))
    made(state, f"cron:a/b:{old}", digest_json=1)
    made(state, f"cron:a/b:{young}", digest_json=1)
    chosen = artifacts_to_delete(list(run_folders(state)), {}, set(), Retention(), NOW)
    assert [folder.run_id for folder in chosen] == [f"cron:a/b:{old}"]
