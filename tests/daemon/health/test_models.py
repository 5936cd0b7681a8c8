"""Models on this machine that profiles name, and servers that none does."""

from __future__ import annotations

import json
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.cli.doctor import say_offers
from harness.daemon.health.facts import ModelOffer, SilentModel
from harness.daemon.health.judgement import judge_health
from harness.daemon.health.models import offers, profiles_in_use, silent_models
from harness.domain.workspace import Workspace
from harness.llm.local_servers import UsualPlace
from harness.testing.web_server import WebReply, WebServer
from harness.testing.workspace import write_workspace_files
from harness.wiring.files import load
from tests.daemon.health.sample_facts import WELL, codes

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine

PATIENT_S = 30.0
MODELS = b'{"data": [{"id": "qwen3:8b", "owned_by": "library"}]}'
REMOTE = 'base_url = "https://api.example.org/v1"\nmodel = "m"\n'


def settings(tables: Mapping[str, str], default: str = "cheap") -> str:
    profiles = "".join(f'[profiles.{name}]\nadapter = "openai"\n{keys}\n' for name, keys in tables.items())
    return f'home = "UTC"\nprofile = "{default}"\n{profiles}[channels.digest]\nkind = "file"\n'


def workspace(root: Path, tables: Mapping[str, str]) -> Workspace:
    files = {"harness.toml": settings(tables)}
    return load(write_workspace_files(root, files), {}, now=datetime(2026, 11, 21, tzinfo=UTC)).workspace


def local(server: WebServer, model: str = "qwen3:8b", more: str = "") -> str:
    return f'base_url = "{server.url("/v1")}"\nmodel = "{model}"\n{more}'


def silent(root: Path, tables: Mapping[str, str], **environ: str) -> tuple[SilentModel, ...]:
    return silent_models(workspace(root, tables), environ, within_s=PATIENT_S)


def test_a_local_model_that_is_there_is_no_finding_and_one_elsewhere_is_not_asked(tmp_path: Path) -> None:
    with WebServer() as server:
        server.serve("/v1/models", MODELS)
        assert silent(tmp_path, {"cheap": local(server, more='fallbacks = ["far"]\n'), "far": REMOTE}) == ()
        assert server.count("/v1/models") == 1


def test_a_server_that_does_not_answer_and_a_model_that_it_has_not_are_findings_also_of_a_fallback(
    tmp_path: Path,
) -> None:
    with socket.socket() as taken, WebServer() as server:
        taken.bind(("127.0.0.1", 0))
        nowhere = f'base_url = "http://127.0.0.1:{taken.getsockname()[1]}/v1"\nmodel = "m"\n'
        server.serve("/v1/models", MODELS)
        down, missing = silent(
            tmp_path, {"cheap": f'{nowhere}fallbacks = ["next"]\n', "next": local(server, "qwen3:32b")}
        )
    assert (down.profile, down.fix) == ("cheap", "start the model server there")
    assert (
        f":{taken.getsockname()[1] if taken.fileno() >= 0 else ''}" in down.problem or "nothing answers" in down.problem
    )
    assert missing.problem == (
        f"profile 'next' (qwen3:32b at {server.url('/v1')}) is in use, and its server has no such model; "
        "it has qwen3:8b"
    )
    assert missing.fix == "load it there, or correct model in [profiles.next]"
    facts = replace(WELL, silent_models=(down, missing))
    assert codes(facts) == ["model", "model"]
    assert [finding.severity for finding in judge_health(facts)] == ["error", "error"]


def test_a_server_that_is_still_loading_is_a_finding_and_one_that_lists_nothing_is_not(tmp_path: Path) -> None:
    with WebServer() as server:
        server.serve("/v1/models", WebReply(b"{}", status=503))
        (loading,) = silent(tmp_path / "loading", {"cheap": local(server)})
        assert "answers HTTP 503" in loading.problem
        server.serve("/v1/models", WebReply(b"{}", status=404))
        assert silent(tmp_path / "plain", {"cheap": local(server)}) == ()


def test_a_profile_that_nobody_uses_is_not_asked_about(tmp_path: Path) -> None:
    used = workspace(tmp_path, {"cheap": f'{REMOTE}fallbacks = ["next"]\n', "next": REMOTE, "unused": REMOTE})
    assert {profile.name for profile in profiles_in_use(used)} == {"cheap", "next"}


def test_a_server_that_no_profile_names_is_offered_with_lines_that_can_be_pasted(tmp_path: Path) -> None:
    with WebServer() as server:
        server.serve("/v1/models", MODELS)
        places = [UsualPlace("Ollama", server.port)]
        team = workspace(tmp_path, {"cheap": REMOTE, "ollama": REMOTE})
        (offer,) = offers(team.settings, places, within_s=PATIENT_S)
        assert (offer.server, offer.models) == ("Ollama", ("qwen3:8b",))
        assert tomllib.loads(offer.toml)["profiles"]["ollama-2"]["model"] == "qwen3:8b"
        pasted = settings({"cheap": REMOTE}) + offer.toml
        loaded = load(
            write_workspace_files(tmp_path / "pasted", {"harness.toml": pasted}),
            {},
            now=datetime(2026, 11, 21, tzinfo=UTC),
        )
        assert loaded.errors == ()
        assert offers(loaded.workspace.settings, places, within_s=PATIENT_S) == ()


# ── On the command line ──────────────────────────────────────────────────────────────────────────


@pytest.fixture
def harness(tmp_path: Path) -> CommandLine:
    from tests.cli.conftest import CommandLine

    return CommandLine(write_workspace_files(tmp_path / "workspace"))


def doctor_that_offers(harness: CommandLine, server: WebServer, where: Mapping[str, str]) -> Any:
    """Ask the doctor until it has seen the server, which has a second to answer; return what it says then."""
    for _ in range(30):
        document = json.loads(harness("doctor", "--json", **where).stdout)
        if any(offer["base_url"] == server.url("/v1") for offer in document["offers"]):
            return document
    raise AssertionError("the server was never found")


def test_an_offer_is_shown_as_lines_to_paste(capsys: pytest.CaptureFixture[str]) -> None:
    say_offers((ModelOffer("Ollama", "http://127.0.0.1:11434/v1", ("a", "b"), '[profiles.ollama]\nmodel = "a"'),))
    assert capsys.readouterr().out == (
        "\nOllama answers at http://127.0.0.1:11434/v1 with 2 models, and no profile uses it. In harness.toml:\n\n"
        '  [profiles.ollama]\n  model = "a"\n'
    )


def test_doctor_offers_a_server_as_information_and_finds_a_model_that_is_missing(harness: CommandLine) -> None:
    with WebServer() as server:
        server.serve("/v1/models", MODELS)
        where = {"OLLAMA_HOST": f"127.0.0.1:{server.port}"}
        document = doctor_that_offers(harness, server, where)
        (offer,) = [offer for offer in document["offers"] if offer["base_url"] == server.url("/v1")]
        assert offer["models"] == ["qwen3:8b"]
        assert {finding["code"] for finding in document["findings"]} == {"no-daemon"}
        (harness.root / "harness.toml").write_text(settings({"cheap": local(server, "gone")}))
        document = json.loads(harness("doctor", "--json", **where).stdout)
        assert {finding["code"] for finding in document["findings"]} == {"no-daemon", "model"}
        assert server.url("/v1") not in [offer["base_url"] for offer in document["offers"]]
        asked = server.count("/v1/models")
        harness("doctor", "--overdue", **where)
        assert server.count("/v1/models") == asked, "what runs every few minutes asks nobody"
