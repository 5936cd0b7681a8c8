from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from harness.domain.cause import (
    DISK,
    cause_of,
    disabled_cause,
    endpoint_cause,
    is_disk_trouble,
    is_over_with_success,
    job_cause,
    job_named_by,
    missed_cause,
    profile_cause,
)
from harness.domain.errors import HarnessError, LimitReached, OwnerError, Refused, ToolError, TransientError


def _chained(outer: Exception, inner: BaseException) -> Exception:
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (TransientError("no connection", cause=endpoint_cause("api.example.org:443")), "endpoint api.example.org:443"),
        (OwnerError("harness.toml", None, "no key", "set it", cause=profile_cause("cheap")), "profile cheap"),
        (OwnerError("agents/a/SOUL.md", 3, "broken", "mend it"), None),
        (TransientError("the database is locked"), None),
        (LimitReached("context", "too long"), None),
        (Refused("egress", "no"), None),
        (ToolError("no such file"), None),
        (HarnessError("whatever"), None),
        (ValueError("a bug"), None),
        (OSError(errno.ENOSPC, "No space left on device"), DISK),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), DISK),
        (OSError(errno.EROFS, "Read-only file system"), DISK),
        (OSError(errno.ENOENT, "No such file"), None),
        (_chained(RuntimeError("the library gave up"), OSError(errno.ENOSPC, "full")), DISK),
        (_chained(OwnerError("digest.json", None, "cannot be written", "free"), OSError(errno.ENOSPC, "full")), DISK),
        (_chained(ValueError("a bug"), TransientError("x", cause="endpoint h:1")), None),
        (_chained(TransientError("x", cause="endpoint h:1"), OSError(errno.ENOSPC, "full")), "endpoint h:1"),
    ],
)
def test_an_error_has_the_cause_that_others_may_share(error: Exception, cause: str | None) -> None:
    assert cause_of(error) == cause


def test_a_full_disk_is_found_behind_the_database_library(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'small.db'}")
    with engine.connect() as connection:
        connection.execute(text("PRAGMA max_page_count = 3"))
        connection.execute(text("CREATE TABLE t (x)"))
        with pytest.raises(OperationalError) as caught:
            connection.execute(text("INSERT INTO t VALUES (zeroblob(1000000))"))
    engine.dispose()
    assert isinstance(caught.value.orig, sqlite3.OperationalError)
    assert is_disk_trouble(caught.value)
    assert not is_disk_trouble(ValueError())


def test_errors_that_point_at_each_other_are_looked_at_once() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__context__, second.__context__ = second, first
    assert cause_of(first) is None


def test_the_causes_of_one_job_name_it_and_the_shared_ones_do_not() -> None:
    for cause in (job_cause("a/b"), missed_cause("a/b"), disabled_cause("a/b")):
        assert job_named_by(cause) == "a/b"
    for cause in ("disk", "network", endpoint_cause("h:1"), "file agents/a/SOUL.md", "source https://x/y"):
        assert job_named_by(cause) is None


def test_only_the_person_ends_the_pause_of_a_job_that_kept_failing() -> None:
    assert not is_over_with_success(disabled_cause("a/b"))
    assert is_over_with_success(job_cause("a/b"))
    assert is_over_with_success("disk")
