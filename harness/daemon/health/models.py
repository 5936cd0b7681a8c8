"""Models on this machine: whether those that profiles name are there, and which ones could be used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from harness.daemon.health.facts import HealthFacts, ModelOffer, SilentModel
from harness.daemon.health.finding import HealthFinding
from harness.domain.agent import Agent
from harness.domain.errors import OwnerError
from harness.domain.job import Job
from harness.domain.settings import Profile, Settings
from harness.domain.workspace import Workspace
from harness.llm.endpoint import endpoint_of
from harness.llm.local_servers import Listing, UsualPlace, at_once, list_models, look_for, profile_toml
from harness.llm.routes import order_of

_NAMED = 5
_OLLAMA_PORT = 11434


def silent_models(workspace: Workspace, environ: Mapping[str, str], *, within_s: float) -> tuple[SilentModel, ...]:
    """Ask the servers on this machine that profiles in use name, and return those that could not answer a run."""
    local = [profile for profile in profiles_in_use(workspace) if _is_local(profile)]

    def look(profile: Profile) -> Listing:
        key = environ.get(profile.key_env or "", "").strip() or None
        return list_models(endpoint_of(profile).shown, api_key=key, within_s=within_s)

    listings = at_once(look, local, within_s=2 * within_s)
    late = Listing(None, problem="it did not answer in time")
    found = [_silent(profile, listing or late) for profile, listing in zip(local, listings, strict=True)]
    return tuple(silent for silent in found if silent is not None)


def offers(settings: Settings, places: Sequence[UsualPlace], *, within_s: float) -> tuple[ModelOffer, ...]:
    """Return the servers of these places that answer and that no profile names."""
    named = {urlsplit(endpoint_of(profile).url).port for profile in settings.profiles.values() if _is_local(profile)}
    found = look_for([place for place in places if place.port not in named], within_s=within_s)
    return tuple(
        ModelOffer(server.name, server.base_url, server.listing.chat_models, profile_toml(server, settings.profiles))
        for server in found
    )


def profiles_in_use(workspace: Workspace) -> tuple[Profile, ...]:
    """Return the profiles that some job, or some agent's work on a request, may be given to."""
    used: dict[str, Profile] = {}
    for agent in workspace.agents.values():
        jobs = [job for job in agent.jobs.values() if job.action is None]
        for job in (Job(agent.name, "", "", (), "UTC", without_model="skip"), *jobs):
            used |= {profile.name: profile for profile in _order(workspace.settings, agent, job)}
    return tuple(used.values())


def judge_models(facts: HealthFacts) -> Iterable[HealthFinding]:
    """Return which models on this machine are not there though a profile in use names them."""
    for silent in facts.silent_models:
        yield HealthFinding("model", silent.profile, silent.problem, silent.fix)


def _order(settings: Settings, agent: Agent, job: Job) -> tuple[Profile, ...]:
    try:
        return order_of(settings, agent, job).profiles
    except OwnerError:
        return ()  # what is wrong with it stands among the findings of the files


def _is_local(profile: Profile) -> bool:
    if profile.adapter != "openai" or not profile.base_url:
        return False
    try:
        return endpoint_of(profile).is_loopback
    except OwnerError:
        return False


def _silent(profile: Profile, listing: Listing) -> SilentModel | None:
    endpoint = endpoint_of(profile)
    who = f"profile {profile.name!r} ({profile.model} at {endpoint.shown})"
    is_ollama = urlsplit(endpoint.url).port == _OLLAMA_PORT
    if listing.status is None:
        how = "ollama serve" if is_ollama else "start the model server there"
        return SilentModel(profile.name, f"{who} is in use, and nothing answers there: {listing.problem}", how)
    if listing.status >= 500:
        problem = f"{who} is in use, and its server answers HTTP {listing.status}"
        return SilentModel(profile.name, problem, "see what its log says; it may still be loading")
    if not listing.has(profile.model):
        models = listing.models or ()
        more = f" and {len(models) - _NAMED} more" if len(models) > _NAMED else ""
        has = ", ".join(models[:_NAMED]) + more if models else "none"
        pull = f"ollama pull {profile.model}" if is_ollama else "load it there"
        return SilentModel(
            profile.name,
            f"{who} is in use, and its server has no such model; it has {has}",
            f"{pull}, or correct model in [profiles.{profile.name}]",
        )
    return None
