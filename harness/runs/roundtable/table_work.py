"""The work inside the steps of a run that holds a roundtable: all of it that touches files and the bus."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from harness.bus.evidence import STATE_PREFIX
from harness.bus.notices import note_told
from harness.bus.roundtables import Call, absences, call_round, read_table, snapshot_in, table_id_of
from harness.bus.team import Team
from harness.delivery.digest import digest_from_json
from harness.delivery.markdown import render_markdown
from harness.domain.errors import HarnessError
from harness.domain.roundtable import Round, Table, TableState
from harness.domain.run import FireState, Outcome, begun_as
from harness.domain.seating import Roundtable
from harness.ports import Json
from harness.runs.answer import Draft
from harness.runs.artifact_files import write_files
from harness.runs.collecting import Inputs
from harness.runs.plan import RunPlan
from harness.runs.roundtable.held import Held, faults_in, held_of, last_positions
from harness.runs.roundtable.minutes import Conclusion, Sitting, minutes_of, write_minutes
from harness.runs.roundtable.snapshot import FILE, snapshot_of
from harness.runs.services import RunServices
from harness.runs.wall_clock import WallClock
from harness.runs.workflow_version import WORKFLOW_VERSION
from harness.store.json_codec import to_json


@dataclass(frozen=True, slots=True)
class TableTurn:
    """What the table has come to for the run: a round is awaited, or all are over (`held`), or it broke up (`ended`).

    `waits` are the requests of round `round`, by names that stand for the tool calls by which others ask.
    """

    round: int = 0
    waits: Mapping[str, str] = field(default_factory=dict)
    held: Held | None = None
    ended: Draft | None = None


class TableWork:
    """What the steps of a chair's run do; each may be done again, and comes to the same."""

    def __init__(self, services: RunServices) -> None:
        self._services = services

    def next_turn(self, plan: RunPlan, inputs: Inputs) -> Json:
        """Call the round that is due and return what is awaited, or say what the table came to.

        The snapshot lies in the run's folder before anybody is asked; minutes are written when the last round is over.
        """
        services, table_id = self._services, table_id_of(plan.run_id)
        with services.database.read() as connection:
            known = snapshot_in(read_table(connection, plan.job.agent, table_id, _rules(plan)))
        # What the first round was shown is what all are shown, also if another attempt has collected since.
        snapshot = services.redact(snapshot_of(plan, inputs.collected)) if known is None else known
        write_files(services.state.run_folder(plan.run_id), {FILE: snapshot})
        table = self._called(plan, table_id, snapshot)
        if table.state is TableState.SPEAKING:
            return to_json(TableTurn, _awaited(table.rounds[-1]))
        if table.state is not TableState.HEARD and not table.rounds:
            return to_json(TableTurn, TableTurn(ended=_failed("there is nobody left to ask", table)))
        if table.state is TableState.BROKEN_UP:
            ended = _failed(_too_few(table), table)
            self._write(plan, table, snapshot, Conclusion(f"None: {ended.outcome.reason}."))
            return to_json(TableTurn, TableTurn(ended=ended))
        minutes = self._write(plan, table, snapshot, None)
        texts = (plan.job.prompt, _question(plan))
        faults = faults_in(last_positions(table), plan.job.contract, inputs.collected, *texts)
        return to_json(TableTurn, TableTurn(held=held_of(table, table_id, snapshot, minutes, faults)))

    def conclude(self, plan: RunPlan, held: Held, draft: Draft, made_by: str) -> Json:
        """Write the minutes with what the chair delivered, or with why there is nothing; return their path."""
        with self._services.database.read() as connection:
            table = read_table(connection, plan.job.agent, held.table_id, _rules(plan))
        snapshot = snapshot_in(table)
        if snapshot is None:
            raise HarnessError(f"the requests of table {held.table_id} are gone, and its minutes cannot be written")
        return self._write(plan, table, snapshot, _conclusion_of(draft, held, made_by))

    def _called(self, plan: RunPlan, table_id: str, snapshot: str) -> Table:
        """Call the round that is due, if one is and there is somebody to ask; return what the table has come to."""
        rules, team, now = _rules(plan), self._team(), self._services.clock.now()
        there = [speaker for speaker in rules.speakers if speaker in team.workspace.agents]
        with self._services.database.write(alone=True) as connection:
            table = read_table(connection, plan.job.agent, table_id, rules)
            # A round that was over before the chair came to wait for it opens its seal here.
            note_told(connection, _asked_in_closed(table), plan.run_id, now)
            if table.next_round is None or len(there) < rules.quorum:
                return table
            call = Call(plan.job.agent, table_id, plan.run_id, rules, _question(plan), snapshot, plan.job.priority)
            call_round(connection, call, table, team, now)
            table = read_table(connection, plan.job.agent, table_id, rules)
        self._services.ended()  # there is something new to be begun
        return table

    def _team(self) -> Team:
        # Files are stamped by the wall's clock, also in virtual time.
        return Team(self._services.workspace(), WORKFLOW_VERSION, files_now=WallClock().now())

    def _write(self, plan: RunPlan, table: Table, snapshot: str, conclusion: Conclusion | None) -> str:
        services = self._services
        file = (services.state.run_folder(plan.run_id) / FILE).relative_to(services.state.root)
        sitting = Sitting(
            title=_title(plan),
            job_id=plan.job.id,
            run_id=begun_as(plan.run_id),
            table_id=table_id_of(plan.run_id),
            zone=plan.job.zone,
            held_at=plan.begun_at,
            snapshot=snapshot,
            snapshot_file=f"{STATE_PREFIX}{file}",
        )
        return write_minutes(
            services.workspace().root, sitting, minutes_of(sitting, table, conclusion, services.redact)
        )


def _rules(plan: RunPlan) -> Roundtable:
    assert plan.job.roundtable is not None, "only a job with a table has these steps"
    return plan.job.roundtable


def _title(plan: RunPlan) -> str:
    return plan.job.title or plan.job.name.replace("-", " ").capitalize()


def _question(plan: RunPlan) -> str:
    return _rules(plan).question or _title(plan)


def _awaited(called: Round) -> TableTurn:
    asked = {f"round-{called.number}.{voice.speaker}": voice.request.id for voice in called.voices if voice.request}
    return TableTurn(called.number, asked)


def _asked_in_closed(table: Table) -> tuple[str, ...]:
    voices = (voice for held in table.rounds if held.is_closed for voice in held.voices)
    return tuple(voice.request.id for voice in voices if voice.request is not None)


def _too_few(table: Table) -> str:
    spoke, rules = len(table.rounds[0].positions), table.rules
    return f"{spoke} of {len(rules.speakers)} spoke in the first round, and {rules.quorum} had to"


def _failed(why: str, table: Table) -> Draft:
    away = absences(table.rounds)
    reason = f"the roundtable broke up: {why}" + (f"; {'; '.join(away)}" if away else "")
    return Draft(Outcome(FireState.FAILED, reason, details=away), "completed")


def _conclusion_of(draft: Draft, held: Held, made_by: str) -> Conclusion:
    if not draft.digest or not draft.outcome.state.is_success:
        return Conclusion(f"None was delivered: {draft.outcome.reason}.")
    digest = digest_from_json(json.loads(draft.digest))
    own = digest.sections[: len(digest.sections) - len(held.positions)]
    # What stands around a digest of that hour is no part of the conclusion; what was missing is.
    said = replace(digest, sections=own, notice="", charts=(), needs=(), accounted="", left_out=())
    return Conclusion(render_markdown(said), made_by)
