"""What a skill needs is there, or the agent is told why it is not offered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.domain.agent import Agent
from harness.domain.skill import Needs, Skill
from harness.gate.offering import Host, host_of, offer, why_lacking, why_withheld

AGENT = Agent("scout", "", "", "", tools=("feeds",), skills=("lamp",), named_skills=("lamp",))
LAMP = Skill("lamp", "Switch lamps.", "skills/lamp/SKILL.md", "Do.")
HOST = Host("linux", {"curl", "jq"}.__contains__, {"TOKEN"}.__contains__)


@pytest.mark.parametrize(
    ("needs", "why"),
    [
        (Needs(), ""),
        (Needs(bins=("jq",), any_bins=(("wget", "curl"),), env=("TOKEN",), systems=("macos", "linux")), ""),
        (Needs(bins=("jq", "lampctl", "dim")), "no program lampctl and dim on the PATH"),
        (Needs(any_bins=(("curl",), ("lampctl", "dim"))), "none of the programs lampctl, dim on the PATH"),
        (Needs(env=("TOKEN", "KEY")), "the environment has no KEY"),
        (Needs(systems=("macos", "windows")), "it is for macos and windows, and this is linux"),
        (Needs(tools=("feeds", "web.read")), "the agent is not granted the tool web.read"),
        (Needs(settings=("channels.x",)), "it needs the setting channels.x of the program that it was made for"),
    ],
)
def test_what_is_lacking_is_named(needs: Needs, why: str) -> None:
    assert why_withheld(replace(LAMP, needs=needs), AGENT, HOST) == why


def test_all_that_is_lacking_is_named_at_once() -> None:
    needs = Needs(bins=("gone",), any_bins=(("a", "b"),), env=("UNSET",))
    nothing = Host("linux", lambda _name: False, lambda _name: False)
    assert why_lacking(needs, nothing) == (
        "no program gone on the PATH; none of the programs a, b on the PATH; the environment has no UNSET"
    )


def test_what_was_changed_is_offered_to_nobody_whatever_else_holds() -> None:
    assert why_withheld(replace(LAMP, held_back="it was changed"), AGENT, HOST) == "it was changed"


def test_a_pattern_does_not_grant_what_its_maker_leaves_to_a_person() -> None:
    skill = replace(LAMP, is_by_name_only=True)
    assert why_withheld(skill, AGENT, HOST) == ""
    assert "name it in agent.toml" in why_withheld(skill, replace(AGENT, named_skills=()), HOST)


def test_an_offer_holds_what_is_granted_and_there_and_says_why_not_the_rest() -> None:
    skills = {name: replace(LAMP, name=name) for name in ("a", "b", "c")}
    skills["b"] = replace(skills["b"], needs=Needs(bins=("lampctl",)))
    found = offer(skills, replace(AGENT, skills=("c", "b", "gone")), HOST)
    assert list(found.skills) == ["c"]
    assert found.withheld == {"b": "no program lampctl on the PATH"}


def test_the_machine_is_looked_at_as_it_is(tmp_path: Path) -> None:
    program = tmp_path / "lampctl"
    program.write_text("#!/bin/sh\n")
    environ = {"PATH": str(tmp_path), "TOKEN": "x", "EMPTY": ""}
    assert not host_of(environ, "linux").has_program("lampctl")
    program.chmod(0o755)
    host = host_of(environ, "darwin")
    assert (host.system, host.has_program("lampctl"), host.has_program("dim")) == ("macos", True, False)
    assert [host.has_variable(name) for name in ("TOKEN", "EMPTY", "KEY")] == [True, False, False]
    assert host_of(environ, "win32").system == "windows"
