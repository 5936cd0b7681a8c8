"""`python -m bench [PART]...`: what the harness costs, each figure beside a baseline of the same moment.

Parts: start, latency, schedule, runs, turn, prompt, memory, reflection, growth, several, bus, feeds, day. Without one,
all of them, in about twenty minutes. Nothing here passes or fails: machines are shared and noisy, so look at the
ratios. docs/bench.md says what they are.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.bus import measure_confirmations, measure_crowd, measure_durability, measure_exchanges, measure_idle
from bench.daemon import time_daemon
from bench.day import PRICES, measure_day, usd
from bench.feeds import measure_feeds
from bench.growth import Growth, measure_growth, measure_growth_of_daemon
from bench.latency import measure_latency
from bench.measure import compare
from bench.memory import measure_memory
from bench.prompt import measure_assembly
from bench.reflection import measure_night
from bench.schedule import measure_herd, measure_ticks
from bench.several import databases, measure_throughput
from bench.turn import measure_turns
from bench.warm_run import measure_warm_runs
from harness.store.address import parse_address

_BASELINE = "python -c pass"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"what to measure: {', '.join(_PARTS)} (all)")
    parser.add_argument("--rounds", type=int, default=15, help="how often each command is run (15)")
    parser.add_argument("--workspace", type=Path, default=Path(__file__).parents[1], help="whose jobs are used")
    parser.add_argument("--job", default="zoe/self-check", help="what the daemon is asked to do (zoe/self-check)")
    parser.add_argument("--seconds", type=float, default=40.0, help="how long each daemon is watched for latency (40)")
    parser.add_argument("--runs", type=int, default=10_000, help="how many runs to look for growth over (10000)")
    chosen = parser.parse_args()
    unknown = [part for part in chosen.parts if part not in _PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}; there are: {', '.join(_PARTS)}")
    print(f"Python {platform.python_version()} on {platform.system()}, {os.cpu_count()} cores")
    for part in chosen.parts or _PARTS:
        _PARTS[part](chosen)


def _print_start(chosen: argparse.Namespace) -> None:
    root = chosen.workspace.absolute()
    with tempfile.TemporaryDirectory(prefix="bench-") as state:
        environ = {**os.environ, "HARNESS_HOME": state, "PYTHONPATH": str(Path(__file__).parents[1])}
        _print_daemon(root, environ, chosen.job, max(1, chosen.rounds // 5))
        _print_commands(root, environ, chosen.rounds)  # with the ledger that the daemon has just left


def _print_commands(root: Path, environ: dict[str, str], rounds: int) -> None:
    python = sys.executable
    commands = {
        _BASELINE: [python, "-c", "pass"],
        "harness --help": [python, "-m", "harness", "--help"],
        "harness status": [python, "-m", "harness", "status"],
        "harness ledger": [python, "-m", "harness", "ledger"],
        "harness jobs": [python, "-m", "harness", "jobs"],
        "harness check": [python, "-m", "harness", "check"],
    }
    print(f"\n{'median of ' + str(rounds):24} {'wall':>9} {'peak RSS':>10} {'x bare':>7}")
    for summary in compare(_BASELINE, commands, rounds, root, environ):
        print(f"{summary.name:24} {summary.wall_s * 1000:6.0f} ms {summary.peak_mib:6.1f} MiB {summary.ratio:7.1f}")


def _print_daemon(root: Path, environ: dict[str, str], job: str, rounds: int) -> None:
    times = time_daemon(root, environ, job, rounds)
    memory = "" if times.idle_mib is None else f", {times.idle_mib:.0f} MiB resident"
    print(f"\nharness up, median of {rounds}")
    print(f"{'start to ready':24} {times.ready_s * 1000:6.0f} ms{memory}")
    print(f"{'fire to run begun':24} {times.fire_to_start_s * 1000:6.1f} ms   ({job})")
    print(f"{'SIGTERM to gone':24} {times.stop_s * 1000:6.0f} ms")


def _print_latency(chosen: argparse.Namespace) -> None:
    print(
        f"\n{'due to model request':24} {'p50':>9} {'p99':>9} {'x 60 jobs':>10} {'fires':>6} {'ready':>9}"
        f" {'bare DBOS p50':>14} {'p99':>9} {'x bare':>7} {'p99':>7}"
    )
    first: float | None = None
    for jobs in (60, 1000, 10_000):
        found = measure_latency(jobs, chosen.seconds)
        first = first or found.p50_s
        print(
            f"{f'{jobs:,} jobs':24} {found.p50_s * 1000:6.0f} ms {found.p99_s * 1000:6.0f} ms"
            f" {found.p50_s / first:10.2f} {found.samples:6} {found.ready_s:7.1f} s"
            f" {found.bare_p50_s * 1000:11.0f} ms {found.bare_p99_s * 1000:6.0f} ms"
            f" {found.p50_s / found.bare_p50_s:7.1f} {found.p99_s / found.bare_p99_s:7.1f}"
        )


def _print_schedule(_chosen: argparse.Namespace) -> None:
    print(f"\n{'a tick':24} {'nothing due':>12} {'p99':>12} {'x 60 jobs':>10} {'expect all':>11}")
    few = measure_ticks(60, 500)
    for found in (few, measure_ticks(10_000, 500), measure_ticks(100_000, 500)):
        print(
            f"{f'{found.jobs:,} jobs':24} {found.idle_s * 1000:9.3f} ms {found.idle_p99_s * 1000:9.3f} ms"
            f" {found.idle_s / few.idle_s:10.2f} {found.expect_s:9.2f} s"
        )
    one, herd = measure_herd(1), measure_herd(2000)
    print(
        f"{f'{herd.jobs:,} due at once':24} {herd.tick_s * 1000:6.0f} ms in one tick,"
        f" {herd.tick_s / herd.jobs / one.tick_s:.2f} x one alone each; a claim {herd.claim_s * 1000:.0f} ms"
    )


def _print_feeds(chosen: argparse.Namespace) -> None:
    found = measure_feeds(100, max(3, chosen.rounds // 3))
    print(f"\n{f'{found.feeds} feeds, {found.items:,} items':24} {'wall':>9} {'x bare':>7}")
    for name, seconds in (("first time", found.first_s), ("nothing new", found.again_s), ("bare httpx2", found.bare_s)):
        print(f"{name:24} {seconds:7.2f} s {seconds / found.bare_s:7.1f}")


def _print_runs(chosen: argparse.Namespace) -> None:
    found = measure_warm_runs(200)
    print(f"\n{'a warm run, one call':24} {'p50':>9} {'p99':>9} {'x bare':>7} {'p99':>7}")
    print(
        f"{f'{found.runs} runs':24} {found.p50_s * 1000:6.1f} ms {found.p99_s * 1000:6.1f} ms"
        f" {found.p50_s / found.bare_s:7.1f} {found.p99_s / found.bare_p99_s:7.1f}"
    )
    print(
        f"{f'bare DBOS, {found.bare_steps} steps':24} {found.bare_s * 1000:6.1f} ms {found.bare_p99_s * 1000:6.1f} ms"
    )
    print(f"{'without the model call':24} {found.overhead_s * 1000:6.1f} ms, of which")
    for kind, seconds in found.steps.items():
        if kind != "model":
            print(f"{'  ' + kind:24} {seconds * 1000:6.1f} ms")
    between_s = found.overhead_s - sum(s for kind, s in found.steps.items() if kind != "model")
    print(f"{'  queue, start, records':24} {between_s * 1000:6.1f} ms")


def _print_turn(_chosen: argparse.Namespace) -> None:
    print(f"\n{'a turn':24} {'p50':>9} {'p99':>9} {'bare p50':>10} {'p99':>9} {'x bare':>7} {'more a call':>12}")
    for found in measure_turns(200):
        print(
            f"{f'{found.calls} model calls' if found.calls > 1 else '1 model call':24} {found.p50_s * 1000:6.2f} ms"
            f" {found.p99_s * 1000:6.2f} ms {found.bare_p50_s * 1000:7.2f} ms {found.bare_p99_s * 1000:6.2f} ms"
            f" {found.p50_s / found.bare_p50_s:7.1f} {found.overhead_s * 1000:9.2f} ms"
        )


def _print_prompt(_chosen: argparse.Namespace) -> None:
    print(f"\n{'a prompt of':32} {'p50':>9} {'p99':>9} {'x reading':>10} {'tokens':>8} {'left out':>9}")
    for markdown_bytes, skills in ((10_000, 0), (10_000, 1000), (1_000_000, 0), (1_000_000, 1000)):
        found = measure_assembly(markdown_bytes, skills, 50)
        label = f"{found.markdown_bytes // 1000:,} kB, {found.skills:,} skills"
        print(
            f"{label:32} {found.p50_s * 1000:6.1f} ms {found.p99_s * 1000:6.1f} ms {found.p50_s / found.bare_s:10.1f}"
            f" {found.tokens:8,} {found.left_out:9,}"
        )


def _print_memory(_chosen: argparse.Namespace) -> None:
    title = f"{'memory':16} {'made in':>9} {'of bare':>8} {'size':>9}"
    print(f"\n{title} {'search p50':>11} {'p99':>9} {'of bare':>8} {'p99':>6}")
    measured = [measure_memory(1_000, 400), measure_memory(100_000, 200)]
    for found in measured:
        print(
            f"{f'{found.chunks:,} pieces':16} {found.build_s:7.2f} s {found.build_s / found.bare_build_s:8.1f}"
            f" {found.size_mib:5.1f} MiB {found.search.p50_s * 1000:8.2f} ms {found.search.p99_s * 1000:6.1f} ms"
            f" {found.search.p50_s / found.bare.p50_s:8.1f} {found.search.p99_s / found.bare.p99_s:6.1f}"
        )
    print(f"\n{'':16} {'recall p50':>11} {'p99':>9} {'a look':>10} {'one edited file':>16} {'tokens told':>12}")
    for found in measured:
        print(
            f"{f'{found.chunks:,} pieces':16} {found.recall.p50_s * 1000:8.1f} ms {found.recall.p99_s * 1000:6.1f} ms"
            f" {found.look_s * 1000:7.2f} ms {found.edit_s * 1000:13.2f} ms {found.tokens:12.0f}"
        )


def _print_growth(chosen: argparse.Namespace) -> None:
    _print_looks("one process", measure_growth(chosen.runs))
    _print_looks("a daemon", measure_growth_of_daemon(chosen.runs // 4))


def _print_looks(what: str, growth: Growth) -> None:
    print(f"\n{f'resident memory of {what}':32} {'':10} {'more a run':>14}")
    for (runs, mib), before in zip(growth, [None, *growth], strict=False):
        more = "" if before is None else f"{(mib - before[1]) * 1024 / (runs - before[0]):10.2f} KiB"
        print(f"{f'{runs:,} runs':32} {mib:6.1f} MiB {more}")


def _print_several(_chosen: argparse.Namespace) -> None:
    runs = 400
    print(f"\n{f'{runs} runs, 16 agents':32} {'runs/s':>8} {'x one':>7} {'bare DBOS/s':>12} {'of bare':>8}")
    with databases() as kinds:
        for kind, new_url in kinds.items():
            one = 0.0
            for daemons in (1, 2, 4):
                found = measure_throughput(new_url, daemons, runs)
                one = one or found.runs_per_s
                label = f"{kind}, {daemons} daemon{'s' if daemons > 1 else ''}"
                print(
                    f"{label:32} {found.runs_per_s:8.1f} {found.runs_per_s / one:7.2f}"
                    f" {found.bare_per_s:12.1f} {found.runs_per_s / found.bare_per_s:8.2f}"
                )


def _print_bus(chosen: argparse.Namespace) -> None:
    exchanges = measure_exchanges(100)
    confirmed = measure_confirmations(200, exchanges)
    print(f"\n{'request → confirmed':32} {'p50':>9} {'p99':>9}")
    print(
        f"{'by a program, daemon at work':32} {confirmed.p50_s * 1000:6.1f} ms {confirmed.p99_s * 1000:6.1f} ms"
        f"   ({confirmed.reading_s * 1000:.1f} ms of it reads the workspace)"
    )
    print(f"{'by a tool in a run':32} {confirmed.tool_p50_s * 1000:6.1f} ms {confirmed.tool_p99_s * 1000:6.1f} ms")
    exchange = exchanges.exchange
    calls = ", ".join(f"{name} {count:g}" for name, count in sorted(exchange.calls.items()))
    print(f"\n{'ask, wait, go on':32} {exchange.p50_s * 1000:6.1f} ms {exchange.p99_s * 1000:6.1f} ms")
    print(f"{'  model calls':32} {calls}")
    print(f"\n{'durable events':32} {'events/s':>9} {'commits/s':>10} {'ratio':>6}")
    with databases() as kinds, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for kind, new_url in kinds.items():
            address = parse_address(new_url().format(folder=folder), Path(folder))
            found = measure_durability(address, chosen.seconds / 4)
            ratio = found.events_per_s / found.commits_per_s
            print(f"{kind:32} {found.events_per_s:9.0f} {found.commits_per_s:10.0f} {ratio:6.2f}")
    print(f"\n{'an idle daemon':32} {'of a core':>9} {'resident':>10} {'that wrote their files':>23}")
    for suspended in (0, 1000):
        idle = measure_idle(suspended, chosen.seconds / 2)
        mib, writer_mib = ("" if one is None else f"{one:6.1f} MiB" for one in (idle.mib, idle.writer_mib))
        print(f"{f'{suspended:,} runs that wait':32} {idle.cpu_share:9.2%} {mib:>10} {writer_mib:>23}")
    crowd = measure_crowd(10_000)
    print(
        f"\n{f'{crowd.requests:,} requests to one agent':32} {crowd.seconds:.0f} s; one of the first"
        f" {crowd.first_s * 1000:.1f} ms, one of the last {crowd.last_s * 1000:.1f} ms"
        f" ({crowd.last_s / crowd.first_s:.2f} x); a tick among them {crowd.tick_s * 1000:.1f} ms"
    )


def _print_reflection(chosen: argparse.Namespace) -> None:
    print(f"\n{'a night without a model':32} {'first':>9} {'again':>9} {'bare files':>11} {'promoted':>9}")
    for runs, records in ((1_000, 50), (1_000, 500), (10_000, 500)):
        found = measure_night(runs, records)
        name = f"{runs:,} runs, {records:,} records"
        print(
            f"{name:32} {found.night_s * 1000:6.0f} ms {found.again_s * 1000:6.0f} ms {found.bare_s * 1000:8.1f} ms"
            f" {found.promoted:9}"
        )


def _print_day(chosen: argparse.Namespace) -> None:
    found = measure_day(chosen.workspace.absolute())
    counts = ", ".join(f"{count} {state}" for state, count in found.counts.items())
    print(f"\n{'a day of the team':30} {found.seconds:6.1f} s   ({found.fires} fires: {counts})")
    print(f"\n{'tokens':30} {'calls':>6} {'sent':>10} {'all pasted':>11} {'times':>6} {'answered':>9}")
    for name, tokens in [*sorted(found.agents.items()), ("all", found.all)]:
        times = tokens.pasted / max(1, tokens.sent)
        print(f"{name:30} {tokens.calls:6,} {tokens.sent:10,} {tokens.pasted:11,} {times:6.1f} {tokens.answered:9,}")
    for price in PRICES:
        is_usd, pasted_usd = (usd(price, sent, found.all.answered) for sent in (found.all.sent, found.all.pasted))
        print(f"{f'{price.name}, {price.seen}':30} ${is_usd:.2f} a day, ${pasted_usd:.2f} with everything pasted")


_PARTS: Mapping[str, Callable[[argparse.Namespace], None]] = {
    "start": _print_start,
    "latency": _print_latency,
    "schedule": _print_schedule,
    "runs": _print_runs,
    "turn": _print_turn,
    "prompt": _print_prompt,
    "memory": _print_memory,
    "reflection": _print_reflection,
    "growth": _print_growth,
    "several": _print_several,
    "bus": _print_bus,
    "feeds": _print_feeds,
    "day": _print_day,
}


if __name__ == "__main__":
    main()
