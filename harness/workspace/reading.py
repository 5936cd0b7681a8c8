"""The `read` entries of jobs: what is collected before a model is asked."""

from __future__ import annotations

from collections.abc import Sequence

from harness.workspace.find import SETTINGS_FILE
from harness.workspace.names import Names, is_inside
from harness.workspace.report import Report, suggestion
from harness.workspace.vocabulary import Vocabulary

FEED_PREFIX, MARKET_PREFIX, CALENDAR_PREFIX, TRENDS_PREFIX = "feeds/", "market/", "calendar/", "trends/"


def check_read_entry(entry: str, line: int, names: Names, vocabulary: Vocabulary, report: Report) -> None:
    """Add a finding if nothing answers to the entry: no feed list, job, file or collector."""
    owner, _, _ = entry.partition("/")
    if entry.startswith(FEED_PREFIX):
        report.check_name(line, "feed list", entry.removeprefix(FEED_PREFIX), names.feed_lists)
    elif entry.startswith(MARKET_PREFIX):
        report.check_name(line, "watchlist", entry.removeprefix(MARKET_PREFIX), names.watchlists)
    elif entry.startswith(TRENDS_PREFIX):
        report.check_name(line, "basket", entry.removeprefix(TRENDS_PREFIX), names.baskets)
    elif entry.startswith(CALENDAR_PREFIX):
        name = entry.removeprefix(CALENDAR_PREFIX)
        report.check_name(line, "personal calendar", name, names.personal_calendars, SETTINGS_FILE)
    elif owner in names.agents:
        own_jobs = [job for job in names.jobs if job.partition("/")[0] == owner]
        report.check_name(line, "job", entry, own_jobs)
    elif "://" in entry:
        _check_collector(entry, line, names, vocabulary, report)
    elif names.is_file(entry) and is_inside(entry):
        return
    elif entry.startswith(("/", "~", "../")) or "/../" in entry:
        if not names.allows_outside_files:
            problem = f"{entry!r} lies outside of the workspace"
            report.missing(line, problem, "move it inside, or set file_sources = true in [egress]", SETTINGS_FILE)
    elif "/" in entry and names.is_folder(owner):
        report.warning(line, f"there is no file {entry!r} yet", "check the path, or let another job write it first")
    elif vocabulary.is_output(entry):
        report.missing(line, f"no agent {owner!r} is there to make {entry!r}", suggestion(entry, sorted(names.jobs)))
    else:
        _check_collector(entry, line, names, vocabulary, report)


def present_entries(
    entries: Sequence[str], lines: Sequence[int], names: Names, vocabulary: Vocabulary, report: Report
) -> list[str]:
    """Return those of the entries that something answers to, with a warning for each of the others.

    So that agents can be left out of a team, and a word that is only misspelt is still told.
    """
    present = []
    for entry, line in zip(entries, lines, strict=True):
        alone = Report(report.path)
        check_read_entry(entry, line, names, vocabulary, alone)
        faults = [one.finding for one in alone.entries if one.finding.severity == "error"]
        if faults:
            report.warning(line, f"{faults[0].problem}; it is left out", "correct it, or take it out")
        else:
            present.append(entry)
    return present


def _check_collector(entry: str, line: int, names: Names, vocabulary: Vocabulary, report: Report) -> None:
    problem = vocabulary.check_read(entry)
    if problem is not None:
        known = [*(FEED_PREFIX + name for name in sorted(names.feed_lists)), *sorted(names.jobs)]
        report.missing(line, problem, suggestion(entry, known))
