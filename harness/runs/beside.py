"""What stands in a digest beside what its job wrote: what needs the person, charts, and what the day came to."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from harness.domain.chart import Chart
from harness.domain.digest import Digest, Need
from harness.runs.accounting import accounted_until
from harness.runs.charts import cost_chart, first_hand, health_chart, series_charts
from harness.runs.collecting import Inputs
from harness.runs.needs import needs_of
from harness.runs.plan import RunPlan
from harness.runs.services import RunServices


@dataclass(frozen=True, slots=True)
class Beside:
    """The fields of a digest that are not the job's own words; they mean what they do there."""

    charts: tuple[Chart, ...] = ()
    needs: tuple[Need, ...] = ()
    accounted: str = ""
    is_emergency: bool = False

    def added_to(self, digest: Digest) -> Digest:
        """Return the digest with them."""
        return replace(
            digest,
            charts=self.charts,
            needs=self.needs,
            accounted=self.accounted,
            is_emergency=self.is_emergency,
        )


def beside_of(services: RunServices, plan: RunPlan, inputs: Inputs) -> Beside:
    """Return what the ledger, the inbox and the inputs say, as far as the job shows it, at the beginning of its run."""
    job = plan.job
    workspace = services.workspace()
    zone = workspace.settings.home_zone
    needs = needs_of(services.database.address, workspace.root, services.state.root) if "needs" in job.show else ()
    with services.database.read() as connection:
        return Beside(
            charts=_charts(connection, plan, inputs, zone),
            needs=needs,
            accounted=accounted_until(connection, plan.begun_at, zone),
            is_emergency=job.emergency,
        )


def _charts(connection: Connection, plan: RunPlan, inputs: Inputs, zone: str) -> tuple[Chart, ...]:
    charts: list[Chart] = []
    for shown in plan.job.show:
        match shown:
            case "series":
                charts += series_charts(inputs.collected, plan.job.zone)
            case "collected":
                charts += series_charts(first_hand(inputs.collected), plan.job.zone)
            case "health":
                charts.append(health_chart(connection, plan.begun_at, zone))
            case "cost":
                charts.append(cost_chart(connection, plan.begun_at, zone))
            case "needs":
                pass  # it is no chart
    return tuple(charts)
