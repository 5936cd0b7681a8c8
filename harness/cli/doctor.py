"""`harness doctor`: the independent check."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.failures import DONE, FAILED
from harness.cli.fires import iso
from harness.cli.lazy_group import new_app
from harness.cli.options import JsonOption, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import Place, find_place
from harness.cli.table import terminal_width, wrap
from harness.daemon.health.facts import HealthFacts, ModelOffer
from harness.daemon.health.finding import HealthFinding
from harness.daemon.health.gathering import gather_facts
from harness.daemon.health.judgement import judge_health, overdue_line
from harness.daemon.health.models import offers, silent_models
from harness.daemon.health.skills import withheld_skills
from harness.domain.errors import OwnerError
from harness.domain.sizes import counted
from harness.domain.workspace import Workspace
from harness.gate.audit import verify_audit
from harness.llm.local_servers import ANSWER_S, UsualPlace, usual_places
from harness.runs.expectations import schedule_fingerprint
from harness.wiring.files import check, load

app = new_app()

_EXAMPLES = """\b
Examples:
  harness doctor
  harness doctor --overdue || notify-send "the team is late"
  harness doctor --overdue --workspace ~/my-team     (good in a crontab)

\b
JSON: findings [{code, subject, message, fix, since, severity}], daemon,
overdue [{job, slots [time]}], offers [{server, base_url, models, toml}]:
model servers on this machine that no profile uses, with the lines of
harness.toml for one. severity is error or note. code is overdue,
unknown-job, no-daemon, silent-daemon, stalled-daemon, waiting, abandoned,
stuck, failed, missed, delivery, clock, breaker, incident, paused, model,
skill, source, file, disk or audit. Exit code 1 if there is an error; a note
is only a reminder."""


@app.command(epilog=_EXAMPLES)
def doctor(
    overdue: Annotated[bool, typer.Option("--overdue", help="Only what is overdue, in one line.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check from outside that nothing fails silently.

    Recomputes from your files what was due in the last 48 hours and compares it with the ledger, without
    trusting the daemon. Each finding says what to do about it. Model servers on this machine are asked
    whether they are there; one that no profile uses is offered.

    With --overdue, also a daemon that has died is told before anything is late. It works on any machine that
    can read the database.
    """
    place = find_place(workspace)
    facts = examine(place, places=() if overdue else usual_places(place.environ), asks_models=not overdue)
    findings = judge_health(facts)
    if as_json:
        emit_json(
            {
                "findings": [
                    {
                        "code": finding.code,
                        "subject": finding.subject,
                        "message": finding.message,
                        "fix": finding.fix,
                        "since": iso(finding.since),
                        "severity": finding.severity,
                    }
                    for finding in findings
                ],
                "daemon": facts.liveness.state,
                "overdue": [
                    {"job": unfired.job_id, "slots": [iso(slot) for slot in unfired.due_at]}
                    for unfired in facts.unfired
                ],
                "offers": [
                    {
                        "server": offer.server,
                        "base_url": offer.base_url,
                        "models": list(offer.models),
                        "toml": offer.toml,
                    }
                    for offer in facts.offers
                ],
            }
        )
    elif overdue:
        say(overdue_line(facts) or "nothing is overdue")
    else:
        _say_findings(findings)
        say_offers(facts.offers)
    is_bad = overdue_line(facts) is not None if overdue else any(finding.severity == "error" for finding in findings)
    raise typer.Exit(FAILED if is_bad else DONE)


def examine(
    place: Place,
    *,
    places: Sequence[UsualPlace] = (),
    asks_models: bool = False,
    within_s: float = ANSWER_S,
) -> HealthFacts:
    """Gather what can be known about the workspace, however broken it is.

    `places` are where to look for model servers that could be used. With `asks_models`, those on this machine that
    profiles name are asked whether they are there.
    """
    file_findings = check(place.root, now=place.now)
    workspace: Workspace | None
    try:
        workspace = load(place.root, place.environ, now=place.now).workspace
    except OwnerError:
        workspace = None  # what is wrong stands in file_findings
    facts = gather_facts(
        place.state,
        place.database,
        workspace,
        zone=place.zone,
        file_findings=file_findings,
        fingerprint=schedule_fingerprint,
        audit_problem=_audit_problem,
        now=place.now,
    )
    if workspace is None:
        return facts
    return replace(
        facts,
        withheld_skills=withheld_skills(workspace, place.environ, sys.platform),
        silent_models=silent_models(workspace, place.environ, within_s=within_s) if asks_models else (),
        offers=offers(workspace.settings, places, within_s=within_s) if places else (),
    )


def _audit_problem(path: Path) -> str | None:
    # The older files were looked at in the night in which they were rotated; `harness audit verify` reads them all.
    finding = next(iter(verify_audit(path, newest_only=True)), None)
    return None if finding is None else f"line {finding.line} is {finding.problem}"


def _say_findings(findings: tuple[HealthFinding, ...]) -> None:
    width = terminal_width()
    for finding in findings:
        lines = wrap(finding.message, width - 2)
        say(f"{'x' if finding.severity == 'error' else '-'} {lines[0]}")
        for line in lines[1:]:
            say(f"  {line}")
        for line in wrap(f"-> {finding.fix}", width - 2):
            say(f"  {line}")
    errors = sum(finding.severity == "error" for finding in findings)
    notes = len(findings) - errors
    if findings:
        counts = [(errors, "finding"), (notes, "note")]
        told = (counted(count, noun) for count, noun in counts if count)
        say(f"\n{', '.join(told)}")
    else:
        say("all is well: what was due is in the ledger, and nothing is broken")


def say_offers(offered: tuple[ModelOffer, ...]) -> None:
    """Print the model servers that could be used, each with the lines to paste."""
    for offer in offered:
        models = counted(len(offer.models), "model")
        say(f"\n{offer.server} answers at {offer.base_url} with {models}, and no profile uses it. In harness.toml:\n")
        for line in offer.toml.splitlines():
            say(f"  {line}")
