from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.delivery.channels import FileChannel, OutboundDigest, StdoutChannel
from harness.delivery.digest import digest_to_json
from harness.delivery.markdown import render_markdown
from harness.domain.digest import Digest, DigestItem, Section
from harness.domain.errors import OwnerError, TransientError

MADE = datetime(2026, 11, 22, 4, 30, tzinfo=UTC)  # still the 21st in Los Angeles
DIGEST = Digest(
    title="Morning digest",
    job_id="ainews/morning-digest",
    run_id="cron:ainews/morning-digest:1",
    made_at=MADE,
    zone="America/Los_Angeles",
    made_by="extractive, no model",
    state="delivered",
    sections=(Section("AI", items=(DigestItem("One", "https://a.example", "why", ("LWN",)),)),),
)
MESSAGE = OutboundDigest("run-1>digest", DIGEST)


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_digest_lies_in_the_folder_of_its_local_day(tmp_path: Path) -> None:
    receipt = FileChannel("digest", tmp_path).deliver(MESSAGE)
    assert files_below(tmp_path) == [
        "2026-11-21/ainews-morning-digest.html",
        "2026-11-21/ainews-morning-digest.md",
        "latest/ainews-morning-digest.html",
        "latest/ainews-morning-digest.md",
    ]
    content = Path(receipt.location).read_bytes()
    assert content.decode().startswith(render_markdown(DIGEST))
    assert receipt.sha256 == hashlib.sha256(content).hexdigest()
    assert [Path(file).suffix for file in receipt.files] == [".md", ".html"]


def test_the_same_delivery_again_is_the_same_file(tmp_path: Path) -> None:
    channel = FileChannel("digest", tmp_path)
    first = channel.deliver(MESSAGE)
    before = files_below(tmp_path)
    assert channel.deliver(MESSAGE) == first
    assert files_below(tmp_path) == before


def test_another_run_never_replaces_an_earlier_file(tmp_path: Path) -> None:
    channel = FileChannel("digest", tmp_path)
    first = Path(channel.deliver(MESSAGE).location)
    kept = first.read_bytes()
    later = [
        Path(channel.deliver(OutboundDigest(f"run-{number}>digest", replace(DIGEST, title=f"No {number}"))).location)
        for number in (2, 3, 4)
    ]
    assert [path.name for path in later] == [
        "ainews-morning-digest-2030.md",
        "ainews-morning-digest-2030-2.md",
        "ainews-morning-digest-2030-3.md",
    ]
    assert first.read_bytes() == kept
    # A late second try still finds its own file, behind the others.
    again = channel.deliver(OutboundDigest("run-3>digest", replace(DIGEST, title="No 3")))
    assert Path(again.location) == later[1]


def test_jobs_whose_names_run_together_keep_their_own_files(tmp_path: Path) -> None:
    channel = FileChannel("digest", tmp_path)
    one = channel.deliver(OutboundDigest("1", replace(DIGEST, job_id="a-b/c")))
    two = channel.deliver(OutboundDigest("2", replace(DIGEST, job_id="a/b-c")))
    assert one.location != two.location
    assert "a-b/c" in Path(one.location).read_text()


def test_a_file_of_the_person_is_never_replaced(tmp_path: Path) -> None:
    mine = tmp_path / "2026-11-21" / "ainews-morning-digest.md"
    mine.parent.mkdir()
    mine.write_text("my own notes")
    receipt = FileChannel("digest", tmp_path).deliver(MESSAGE)
    assert mine.read_text() == "my own notes"
    assert Path(receipt.location).name == "ainews-morning-digest-2030.md"


def test_latest_shows_the_newest_digest_also_after_a_late_second_try(tmp_path: Path) -> None:
    channel = FileChannel("digest", tmp_path)
    newer = OutboundDigest("run-2>digest", replace(DIGEST, title="Newer", made_at=MADE + timedelta(hours=6)))
    for message in (MESSAGE, newer, MESSAGE):
        channel.deliver(message)
    assert (tmp_path / "latest" / "ainews-morning-digest.md").read_text().startswith("# Newer\n")
    assert "<title>Newer" in (tmp_path / "latest" / "ainews-morning-digest.html").read_text()


def test_a_job_s_name_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "digests"
    FileChannel("digest", folder).deliver(OutboundDigest("k", replace(DIGEST, job_id="../../etc/passwd")))
    assert {path.name for path in tmp_path.iterdir()} == {"digests"}


def test_a_folder_that_may_not_be_written_is_the_persons_to_fix(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OwnerError) as raised:
        FileChannel("digest", tmp_path / "taken").deliver(MESSAGE)
    assert raised.value.path.startswith(str(tmp_path / "taken"))
    assert "channels.digest in harness.toml" in raised.value.fix


TRIES = """
import json, resource, signal, sys
from pathlib import Path
from harness.delivery.channels import FileChannel, OutboundDigest
from harness.delivery.digest import digest_from_json
from harness.domain.errors import HarnessError
if sys.argv[2:]:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
folder = Path(sys.argv[1])
try:
    FileChannel("digest", folder).deliver(OutboundDigest("k", digest_from_json(json.load(sys.stdin))))
except HarnessError as error:
    print(type(error).__name__, error)
print([path.name for path in folder.rglob("*") if path.is_file()])
"""


def test_a_write_that_stops_half_way_names_path_and_remedy_and_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TRIES, str(tmp_path), "100"],
        input=json.dumps(digest_to_json(DIGEST)),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    said, left = done.stdout.splitlines()
    assert said.startswith(f"OwnerError {tmp_path}")
    assert "raise the limit" in said
    assert left == "[]"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "problem"), [("size=4k", "is on a full disk"), ("size=1m,ro", "is on a read-only file system")]
)
def test_a_full_or_read_only_disk_is_the_persons_to_fix(tmp_path: Path, options: str, problem: str) -> None:
    mount = f'mount -t tmpfs -o {options} tmpfs "$1" && shift && exec "$@"'
    command = ["unshare", "-rm", "sh", "-c", mount, "sh", str(tmp_path)]
    if shutil.which("unshare") is None or subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    done = subprocess.run(
        [*command, sys.executable, "-c", TRIES, str(tmp_path)],
        input=json.dumps(digest_to_json(DIGEST)),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    said, left = done.stdout.splitlines()
    assert said.startswith(f"OwnerError {tmp_path}")
    assert problem in said
    assert "channels.digest in harness.toml" in said
    assert ".part" not in left, "what could be written is whole"


KILLED = """
import json, os, signal, sys
from pathlib import Path
from harness.delivery.channels import FileChannel, OutboundDigest
from harness.delivery.digest import digest_from_json

class DiesBeforeItCanAcknowledge(FileChannel):
    def _show_as_latest(self, *args):
        if sys.argv[2] == "before latest":
            os.kill(os.getpid(), signal.SIGKILL)
        super()._show_as_latest(*args)

message = OutboundDigest("run-1>digest", digest_from_json(json.load(sys.stdin)))
DiesBeforeItCanAcknowledge("digest", Path(sys.argv[1])).deliver(message)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before latest", "before acknowledgement"])
def test_a_kill_between_writing_and_acknowledging_leaves_one_file(tmp_path: Path, moment: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), moment],
        input=json.dumps(digest_to_json(DIGEST)),
        text=True,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL
    written = tmp_path / "2026-11-21" / "ainews-morning-digest.md"
    assert written.read_text().startswith(render_markdown(DIGEST)), "the first try got as far as the disk"
    receipt = FileChannel("digest", tmp_path).deliver(MESSAGE)
    assert Path(receipt.location) == written
    assert files_below(tmp_path / "2026-11-21") == ["ainews-morning-digest.html", "ainews-morning-digest.md"]
    assert written.read_text().startswith(render_markdown(DIGEST))
    assert (tmp_path / "latest" / "ainews-morning-digest.md").read_bytes() == written.read_bytes()


def test_what_a_killed_write_left_behind_is_cleared_away_by_the_next(tmp_path: Path) -> None:
    channel = FileChannel("digest", tmp_path)
    channel.deliver(MESSAGE)
    content = (tmp_path / "2026-11-21" / "ainews-morning-digest.md").read_bytes()
    leftover = f".ainews-morning-digest.md.{hashlib.sha256(content).hexdigest()[:12]}.part"
    (tmp_path / "2026-11-21" / leftover).write_bytes(content[:10])
    channel.deliver(MESSAGE)
    assert not (tmp_path / "2026-11-21" / leftover).exists()


def test_stdout_prints_the_whole_digest_with_its_key() -> None:
    stream = io.StringIO()
    receipt = StdoutChannel("terminal", stream).deliver(OutboundDigest("a--b>c", DIGEST))
    head, _, rest = stream.getvalue().partition("\n")
    assert head == "<!-- a%2D-b%3Ec -->"
    assert rest == render_markdown(DIGEST) + "\n"
    assert (receipt.location, receipt.key) == ("stdout", "a--b>c")


def test_a_closed_stdout_is_tried_again_later() -> None:
    stream = io.StringIO()
    stream.close()
    with pytest.raises(TransientError, match="terminal"):
        StdoutChannel("terminal", stream).deliver(MESSAGE)
    read_end, write_end = os.pipe()
    os.close(read_end)
    pipe = os.fdopen(write_end, "w")
    with pytest.raises(TransientError, match="terminal"):
        StdoutChannel("terminal", pipe).deliver(MESSAGE)
    with pytest.raises(BrokenPipeError):
        pipe.close()
