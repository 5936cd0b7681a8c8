"""The version of the workflow, for all who queue a run and need no engine for it."""

from __future__ import annotations

WORKFLOW_VERSION = 2
"""Raised when the order of a run's steps changes; runs of another version are closed, never resumed."""
