from __future__ import annotations

import json

import pytest

from harness.domain.cause import endpoint_cause
from harness.domain.errors import HarnessError, LimitReached, OwnerError, Refused, ToolError, TransientError
from harness.domain.message import Spent, Usage
from harness.store.step_records import error_from_json, error_to_json


@pytest.mark.parametrize(
    "error",
    [
        OwnerError("harness.toml", 3, "no key", "set it"),
        OwnerError("harness.toml", None, "no key", "set it", cause="profile cheap"),
        TransientError("no connection"),
        TransientError("no connection", cause=endpoint_cause("api.example.org:443")),
        OwnerError("harness.toml", None, "no credit", "add some", cause="profile cheap", failure="quota"),
        TransientError("HTTP 429", failure="rate_limit"),
        Refused("egress", "no"),
        LimitReached("context", "too long"),
        HarnessError("whatever"),
    ],
)
def test_an_error_comes_back_from_its_record_as_it_was(error: HarnessError) -> None:
    restored = error_from_json(json.loads(json.dumps(error_to_json(error))))
    assert (type(restored), str(restored)) == (type(error), str(error))
    assert (restored.cause, restored.failure) == (error.cause, error.failure)


def test_what_a_failure_cost_comes_back_from_its_record() -> None:
    error = TransientError("malformed body (2x)")
    error.paid = Spent(Usage(100, 20, 10, 5), 0.25)
    error.took_s = 2.5
    restored = error_from_json(json.loads(json.dumps(error_to_json(error))))
    assert (restored.paid, restored.took_s) == (error.paid, 2.5)
    older = error_from_json({"type": "transient", "message": "no connection"})
    assert (older.paid, older.took_s) == (None, 0.0)


def test_a_record_of_before_failures_had_kinds_is_read() -> None:
    assert error_from_json({"type": "transient", "message": "no connection"}).failure is None


def test_an_error_that_nobody_has_to_tell_apart_comes_back_with_its_message() -> None:
    assert str(error_from_json(error_to_json(ToolError("no such file")))) == "no such file"


def test_a_full_disk_is_named_in_the_record_also_where_it_stood_behind_the_error() -> None:
    error = OwnerError("digest.json", None, "cannot be written", "free some space")
    error.__cause__ = OSError(28, "No space left on device")
    assert error_from_json(error_to_json(error)).cause == "disk"
