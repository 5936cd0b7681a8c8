"""The pytest plugin that is there once the package is installed: the fixtures `harness_job` and `harness_workspace`.

pytest loads it in every project of the environment, so that nothing of the harness is imported before a test asks.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.job_tests.trial import JobTrial

RECORD_OPTION = "--harness-record"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option without which nothing is ever recorded."""
    parser.getgroup("harness").addoption(
        RECORD_OPTION,
        action="store_true",
        default=False,
        help="Record the cassettes of harness_job that are missing: asks the real model and the real sources.",
    )


@pytest.fixture
def harness_workspace(request: pytest.FixtureRequest) -> Path:
    """The workspace whose jobs are tested: the nearest folder upwards of the test with harness.toml.

    Override it to test another one. It is copied for every test, and never changed.
    """
    from harness.domain.errors import OwnerError
    from harness.workspace.find import find_workspace

    try:
        return find_workspace(request.path.parent)
    except OwnerError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def harness_job(request: pytest.FixtureRequest, harness_workspace: Path, tmp_path: Path) -> JobTrial:
    """Runs a job of the workspace and returns what it came to: `harness_job("ainews/morning-digest", …)`.

    See `harness.job_tests.trial.JobTrial.__call__` for what it takes.
    """
    from harness.job_tests.trial import JobTrial

    return JobTrial(
        harness_workspace,
        request.path.parent,
        tmp_path,
        is_recording=bool(request.config.getoption(RECORD_OPTION)),
    )
