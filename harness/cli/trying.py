"""`harness try`: a real round trip, to see whether something outside works."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import typer

from harness.cli.channel_trial import CHANNEL_EXAMPLES, try_channel
from harness.cli.failures import DONE, FAILED, UnknownName
from harness.cli.lazy_group import noun_app
from harness.cli.loading import load_workspace
from harness.cli.options import JsonOption, ProfileArgument, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import Place, find_place, present_moment
from harness.cli.table import table_lines, terminal_width
from harness.domain.settings import Profile
from harness.domain.workspace import Workspace

if TYPE_CHECKING:
    from harness.wiring.trial import Trial

app = noun_app("A real round trip to a model, or through a channel.")

_PROFILE_EXAMPLES = """\b
Examples:
  harness try profile cheap
  harness try profile cheap --json

\b
JSON: profile, adapter, model (that answered), answer, finish, tools (work,
unused, refused, or null), latency_s, input_tokens, cached_tokens,
output_tokens, cost_usd. Exit code 0 if it answered, 1 if it would not or a
budget has no room, 2 if the profile must be corrected, 75 if it may work
later."""
_TOOLS = {
    "work": "it calls them",
    "unused": "it was given one and did not call it",
    "refused": "its endpoint takes none: give it jobs that need no tools",
}


@app.command("profile", epilog=_PROFILE_EXAMPLES)
def try_profile(
    profile: ProfileArgument,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a profile's model for one word, and say how long that took and what it cost.

    It is asked once and at once, also while it is left alone because it failed; the budgets of the day hold as ever,
    and what it costs is booked. If it answers, the incidents of the profile are over.
    """
    place = find_place(workspace)
    loaded = load_workspace(place)
    named = loaded.settings.profiles.get(profile)
    if named is None:
        raise UnknownName("profile", profile, loaded.settings.profiles, "[profiles] in harness.toml")
    if named.adapter == "extractive":
        _say_without_model(named, as_json=as_json)
        return
    trial = _ask(place, loaded, named)
    if as_json:
        emit_json(_trial_json(trial))
    else:
        for line in table_lines(_rows(trial), terminal_width()):
            say(line)
    raise typer.Exit(FAILED if trial.reply.finish == "refused" else DONE)


def _ask(place: Place, loaded: Workspace, profile: Profile) -> Trial:
    # Only here: they bring the database and the HTTP library.
    import asyncio

    from harness.wiring.installation import open_database
    from harness.wiring.trial import try_profile as ask_once

    database = open_database(place.root, place.environ, place.state, loaded.settings)
    try:
        return asyncio.run(
            ask_once(
                profile,
                loaded.settings,
                database,
                root=place.root,
                environ=place.environ,
                now=present_moment,
                stopwatch=time.monotonic,
            )
        )
    finally:
        database.close()


def _say_without_model(profile: Profile, *, as_json: bool) -> None:
    if as_json:
        keys = ("answer", "finish", "tools", "latency_s")
        counts = ("input_tokens", "cached_tokens", "output_tokens", "cost_usd")
        document = {"profile": profile.name, "adapter": profile.adapter, "model": "extractive, no model"}
        emit_json({**document, **dict.fromkeys(keys), **dict.fromkeys(counts, 0)})
    else:
        say(f"profile {profile.name} is extractive: it needs no model, and there is nobody to ask")


def _trial_json(trial: Trial) -> dict[str, Any]:
    reply = trial.reply
    return {
        "profile": trial.profile.name,
        "adapter": trial.profile.adapter,
        "model": reply.model,
        "answer": _answer(trial),
        "finish": reply.finish,
        "tools": trial.tools,
        "latency_s": round(trial.latency_s, 3),
        "input_tokens": reply.usage.input_tokens,
        "cached_tokens": reply.usage.cached_tokens,
        "output_tokens": reply.usage.output_tokens,
        "cost_usd": round(reply.cost_usd, 6),
    }


def _rows(trial: Trial) -> list[tuple[str, str]]:
    reply, profile = trial.reply, trial.profile
    cached = f" ({reply.usage.cached_tokens:,} from its cache)" if reply.usage.cached_tokens else ""
    cost = f"${reply.cost_usd:.6f}" if profile.is_paid else "not known: the profile has no prices"
    return [
        ("profile", f"{profile.name} ({profile.adapter})"),
        ("model", reply.model),
        ("refused" if reply.finish == "refused" else "answer", _answer(trial)),
        ("tools", _TOOLS[trial.tools]),
        ("took", f"{trial.latency_s:.2f} s"),
        ("tokens", f"{reply.usage.input_tokens:,} in{cached}, {reply.usage.output_tokens:,} out"),
        ("cost", cost),
    ]


def _answer(trial: Trial) -> str:
    """Return what it said, or what it called."""
    calls = ", ".join(f"{call.name}({call.arguments})" for call in trial.reply.tool_calls)
    return calls or trial.reply.text.strip() or "nothing"


app.command("channel", epilog=CHANNEL_EXAMPLES)(try_channel)
