"""`harness skills`, as a person uses it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.cli.app import main
from harness.memory.proposed_skills import write_proposals
from harness.memory.skill_proposals import propose_skills
from harness.testing.workspace import write_workspace_files
from harness.wiring.files import check
from harness.workspace.skill_archive import read_skill_at
from harness.workspace.skill_folder import read_files
from tests.memory.test_skill_proposals import TABLE

LAMP = "---\nname: lamp\ndescription: Switch lamps on and off. Use when somebody wants light.\n---\nUse lampctl.\n"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = write_workspace_files(
        tmp_path / "team",
        {
            "agents/scout/agent.toml": 'description = "x"\nskills = ["*"]\n',
            "skills/dimmer/SKILL.md": LAMP.replace("lamp", "dimmer").replace(
                "\n---\nUse", "\nrequires: {bins: [no-such-program]}\n---\nUse"
            ),
        },
    )
    monkeypatch.chdir(root)
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("VISUAL", "EDITOR", "HARNESS_HOME"):
        monkeypatch.delenv(name, raising=False)
    return root


@pytest.fixture
def run(root: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run_it(*arguments: str) -> tuple[int, str, str]:
        code = main(["skills", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run_it


@pytest.fixture
def download(tmp_path: Path) -> Path:
    """A skill that somebody published, in a folder of another name."""
    folder = tmp_path / "download-1"
    (folder / "scripts").mkdir(parents=True)
    (folder / "SKILL.md").write_text(LAMP)
    (folder / "scripts/dim.sh").write_text("#!/bin/sh\n")
    (folder / "scripts/dim.sh").chmod(0o755)
    return folder


def test_a_list_says_where_each_comes_from_and_who_is_offered_it_or_why_not(run: Run, download: Path) -> None:
    run("new", "--from", str(download))
    code, out, _ = run()
    assert code == 0
    rows = {line.split()[0]: line for line in out.splitlines()}
    assert rows["lamp"].split()[1:3] == ["elsewhere", "scout"]
    assert rows["rank-items"].split()[1:3] == ["you", "scout"]
    assert "dimmer is not offered to scout: no program no-such-program on the PATH" in out
    documents = {one["skill"]: one for one in json.loads(run("list", "--json")[1])}
    assert documents["dimmer"]["withheld"] == [{"agent": "scout", "why": "no program no-such-program on the PATH"}]
    assert documents["lamp"] == {
        "skill": "lamp",
        "description": "Switch lamps on and off. Use when somebody wants light.",
        "path": "skills/lamp/SKILL.md",
        "origin": "installed",
        "used_by": ["scout"],
        "offered_to": ["scout"],
        "withheld": [],
        "problem": None,
    }


def test_a_skill_of_the_workspace_takes_the_place_of_the_shipped_one_and_the_list_says_which(
    run: Run, root: Path
) -> None:
    assert {one["skill"]: one["origin"] for one in json.loads(run("list", "--json")[1])}["rank-items"] == "workspace"
    (root / "skills/rank-items/SKILL.md").unlink()
    (root / "skills/rank-items").rmdir()
    shown = json.loads(run("show", "rank-items", "--json")[1])
    assert (shown["origin"], shown["offered_to"]) == ("shipped", ["scout"])
    assert "the harness" in run("show", "rank-items")[1]


def test_a_broken_skill_is_in_the_list_with_what_is_wrong(run: Run, root: Path) -> None:
    (root / "skills/dimmer/SKILL.md").write_text("# Dimmer\n")
    code, out, err = run()
    assert code == 0 and "skills/dimmer/SKILL.md:1: the file has no front matter" in err
    assert "broken" in next(line for line in out.splitlines() if line.startswith("dimmer"))
    assert {one["skill"]: one["problem"] for one in json.loads(run("list", "--json")[1])}["dimmer"].startswith(
        "skills/"
    )


def test_show_tells_what_a_skill_needs_and_an_unknown_one_what_is_near(run: Run) -> None:
    code, out, _ = run("show", "dimmer")
    assert code == 0 and out.endswith("\nUse dimmerctl.\n")
    rows = dict(line.split(maxsplit=1) for line in out.split("\n\n")[0].splitlines())
    assert rows["needs"] == "bins no-such-program"
    assert "no program no-such-program" in out
    code, _, err = run("show", "dimer")
    assert (code, err) == (2, "there is no skill 'dimer'; did you mean dimmer?\n")


class TestNew:
    def test_a_new_skill_is_sound_and_not_written_twice(self, run: Run, root: Path) -> None:
        code, out, err = run("new", "summaries", "--description", 'Sum: "up". Use it for long texts.')
        assert (code, out) == (0, f"{root / 'skills/summaries'}: a new skill\n")
        assert 'skills = ["summaries"]' in err
        shown = json.loads(run("show", "summaries", "--json")[1])
        assert (shown["description"], shown["origin"]) == ('Sum: "up". Use it for long texts.', "workspace")
        assert run("lint", "summaries")[0] == 0
        code, _, err = run("new", "summaries")
        assert code == 2 and "there is a skill of this name; change it: harness skills edit summaries" in err

    def test_without_words_of_its_own_the_skeleton_is_sound_too(self, run: Run) -> None:
        assert run("new", "tides")[0] == 0
        code, out, _ = run("lint", "tides", "--json")
        assert code == 0 and json.loads(out)["warnings"] == 0

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["new"], "name the skill, or say where it is"),
            (["new", "A B"], "'A B' is no name of a skill"),
            (["new", "../x"], "'../x' is no name of a skill"),
            (["new", "x", "--replace"], "name the skill, or say where it is"),
            (["new", "--from", "gone.skill"], "gone.skill: there is nothing"),
            (["new", "--from", ".", "--description", "x"], "a skill from elsewhere comes as it is"),
        ],
    )
    def test_what_is_not_meant_so_is_told(self, run: Run, arguments: list[str], said: str) -> None:
        code, _, err = run(*arguments)
        assert code == 2 and said in err

    def test_a_skill_from_elsewhere_is_pinned_as_it_is(self, run: Run, root: Path, download: Path) -> None:
        code, out, err = run("new", "--from", str(download), "--json")
        document = json.loads(out)
        assert (code, document["skill"], document["origin"]) == (0, "lamp", "installed")
        assert read_files(root / "skills/lamp") == read_files(download)
        assert document["sha256"] in (root / "skills/pins.toml").read_text()
        assert (
            "It brings scripts" not in err and "scripts/dim.sh" in run("new", "--from", str(download), "--replace")[2]
        )

    def test_one_that_cannot_be_used_is_refused_with_all_reasons(self, run: Run, root: Path, download: Path) -> None:
        (download / "SKILL.md").write_text("---\nname: My Lamp\nmetadata: [\n---\nx\n")
        code, _, err = run("new", "--from", str(download))
        assert code == 2 and "skill name 'My Lamp' is not lower-case" in err and "nothing was installed" in err
        assert "the skill has no description" in err
        assert not (root / "skills/pins.toml").exists() and not (root / "skills/lamp").exists()

    def test_another_name_or_a_second_one_is_refused_until_it_is_wanted(
        self, run: Run, root: Path, download: Path
    ) -> None:
        assert "this skill is called lamp" in run("new", "torch", "--from", str(download))[2]
        run("new", "--from", str(download))
        (download / "SKILL.md").write_text(LAMP.replace("Use lampctl", "Use curl"))
        code, _, err = run("new", "--from", str(download))
        assert code == 2 and "-Use lampctl." in err and "+Use curl." in err and "--replace" in err
        assert "lampctl" in (root / "skills/lamp/SKILL.md").read_text()
        assert run("new", "lamp", "--from", str(download), "--replace")[0] == 0
        assert "curl" in (root / "skills/lamp/SKILL.md").read_text()
        assert check(root, now=NOW) == ()


def test_a_published_skill_is_installed_unchanged(run: Run, root: Path) -> None:
    library = find_spec("typer")
    assert library is not None and library.origin is not None
    published = Path(library.origin).parent / ".agents" / "skills" / "typer"
    if not (published / "SKILL.md").is_file():
        pytest.skip("the installed typer carries no skill")
    code, _, err = run("new", "--from", str(published))
    assert code == 0, err
    assert (root / "skills/typer/SKILL.md").read_bytes() == (published / "SKILL.md").read_bytes()
    assert {one["skill"]: one["offered_to"] for one in json.loads(run("list", "--json")[1])}["typer"] == ["scout"]


def test_what_is_packed_can_be_installed_and_is_the_same_each_time(
    run: Run, root: Path, download: Path, tmp_path: Path
) -> None:
    run("new", "--from", str(download))
    code, out, _ = run("pack", "lamp", "--json")
    first = (root / "lamp.skill").read_bytes()
    assert code == 0 and json.loads(out)["path"] == "lamp.skill"
    assert run("pack", "lamp", "--out", str(tmp_path / "again.zip"))[0] == 0
    assert (tmp_path / "again.zip").read_bytes() == first
    assert read_skill_at(tmp_path / "again.zip") == read_files(download)
    other = write_workspace_files(tmp_path / "other")
    assert run("new", "--from", str(tmp_path / "again.zip"), "--workspace", str(other))[0] == 0
    assert read_files(other / "skills/lamp") == read_files(download)


def test_what_has_errors_is_not_packed(run: Run, root: Path) -> None:
    (root / "skills/dimmer/SKILL.md").write_text(LAMP)
    code, _, err = run("pack", "dimmer")
    assert code == 2 and "is not the name of its folder" in err and not (root / "dimmer.skill").exists()
    assert run("pack", "gone")[0] == 2
    assert "cannot be written" in run("pack", "rank-items", "--out", "/proc/none/x.skill")[2]


class TestLint:
    def test_all_skills_are_checked_with_what_they_lack_here(self, run: Run, root: Path) -> None:
        (root / "skills/rank-items/SKILL.md").write_text(
            "---\nname: rank-items\ndescription: Rank.\nmodel: x\n---\nSee [it](references/gone.md).\n"
        )
        code, out, _ = run("lint")
        assert code == 2
        assert out.splitlines() == [
            "skills/dimmer: not offered to scout: no program no-such-program on the PATH; see to it, or take it out of "
            "agents/scout/agent.toml (warning)",
            "skills/rank-items/SKILL.md:3: the description is very short; say what it does and when to use it: it is "
            "chosen by that (warning)",
            "skills/rank-items/SKILL.md:4: model has no effect here; the agent's profile decides (note)",
            "skills/rank-items/SKILL.md:6: it refers to references/gone.md, which is not there; correct the path, or "
            "add the file",
        ]
        document = json.loads(run("lint", "--json")[1])
        assert (document["errors"], document["warnings"], len(document["findings"])) == (1, 2, 4)

    def test_one_elsewhere_is_checked_before_it_is_installed(self, run: Run, download: Path) -> None:
        assert run("lint", str(download)) == (0, "no findings\n", "")
        (download / "scripts/dim.sh").chmod(0o644)
        code, out, _ = run("lint", str(download))
        assert code == 0 and "the script is not executable" in out
        assert run("lint", "gone")[0] == 2

    def test_a_change_since_it_was_installed_and_a_link_are_errors(self, run: Run, root: Path, download: Path) -> None:
        run("new", "--from", str(download))
        (root / "skills/lamp/link").symlink_to("/etc")
        code, out, _ = run("lint", "lamp")
        assert code == 2 and "skills/lamp/link: is a link" in out and "cannot be compared" in out


class TestReview:
    def test_a_change_is_shown_and_accepted(self, run: Run, root: Path, download: Path) -> None:
        run("new", "--from", str(download))
        assert run("review") == (0, "1 installed skills, all as you accepted them\n", "")
        (root / "skills/lamp/SKILL.md").write_text(LAMP.replace("Use lampctl", "Send the mail"))
        code, out, _ = run()
        assert "lamp is not offered to scout: it is not what you accepted when it was installed" in out
        code, out, _ = run("review")
        assert code == 0 and "-Use lampctl.\n+Send the mail.\n" in out
        assert "-> harness skills review lamp --accept\n-> harness skills review lamp --reject\n" in out
        (document,) = json.loads(run("review", "--json")[1])
        assert (document["state"], document["decision"], document["changes"][0]["path"]) == (
            "changed",
            None,
            "SKILL.md",
        )
        code, out, _ = run("review", "lamp", "--accept")
        assert code == 0 and out.endswith("lamp: accepted; as it is now\n")
        assert "not offered to scout: it is not" not in run()[1]

    def test_a_rejected_change_is_undone(self, run: Run, root: Path, download: Path) -> None:
        run("new", "--from", str(download))
        (root / "skills/lamp/extra.md").write_text("x")
        (root / "skills/lamp/scripts/dim.sh").unlink()
        code, out, _ = run("review", "lamp", "--reject", "--json")
        assert (code, json.loads(out)[0]["decision"]) == (0, "rejected")
        assert read_files(root / "skills/lamp") == read_files(download)

    def test_what_cannot_be_read_can_only_be_undone(self, run: Run, root: Path, download: Path) -> None:
        run("new", "--from", str(download))
        (root / "skills/lamp/link").symlink_to("/etc")
        assert run("review", "lamp", "--accept")[0] == 2
        assert run("review", "lamp", "--reject")[0] == 0
        assert read_files(root / "skills/lamp") == read_files(download)

    def test_one_whose_copy_is_lost_is_shown_whole(self, run: Run, root: Path, download: Path) -> None:
        run("new", "--from", str(download))
        (root / "skills/.pinned/lamp/SKILL.md").write_text("x")
        (root / "skills/lamp/SKILL.md").write_text(LAMP + "More.\n")
        out = run("review")[1]
        assert "the copy of what you accepted is gone or damaged" in out and "+Use lampctl." in out
        assert run("review", "lamp", "--reject")[0] == 2
        assert run("review", "lamp", "--accept")[0] == 0

    def test_a_decision_needs_its_skill(self, run: Run, root: Path, download: Path) -> None:
        assert run("review")[1] == "no skill was installed\n"
        assert run("review", "--accept")[0] == 2
        assert run("review", "rank-items")[0] == 2
        run("new", "--from", str(download))
        assert run("review", "lamp", "--accept", "--reject")[0] == 2


class TestProposals:
    @pytest.fixture
    def proposed(self, root: Path) -> str:
        (proposal,) = write_proposals(root, root / ".harness", propose_skills(TABLE))
        return proposal.name

    def test_a_proposal_is_shown_with_its_evidence_and_how_it_is_decided(self, run: Run, proposed: str) -> None:
        code, out, _ = run("review")
        assert code == 0 and f"{proposed} from learned (tool feeds.table): proposed\n" in out
        assert "references/EVIDENCE.md (added)" in out and "+Right: feeds.table" in out
        assert f"-> harness skills review {proposed} --accept\n-> harness skills review {proposed} --reject\n" in out
        (document,) = json.loads(run("review", "--json")[1])
        assert (document["state"], document["accepted_at"], document["decision"]) == ("proposed", None, None)
        assert proposed not in run()[1]

    def test_an_accepted_one_is_installed_and_a_rejected_one_is_gone(self, run: Run, root: Path, proposed: str) -> None:
        code, out, _ = run("review", proposed, "--accept")
        assert code == 0 and out.endswith(
            f"{proposed}: accepted; installed; grant it in the agent.toml of who is to use it\n"
        )
        assert run("review") == (0, "1 installed skills, all as you accepted them\n", "")
        assert proposed in run()[1]
        write_proposals(root, root / ".harness", propose_skills([replace(each, scope="shared") for each in TABLE[:1]]))
        (other,) = json.loads(run("review", "--json")[1])
        code, out, _ = run("review", other["skill"], "--reject", "--reason", "too narrow", "--json")
        assert (code, json.loads(out)[0]["decision"]) == (0, "rejected")
        assert "too narrow" in (root / "skills/.proposed/DECISIONS.md").read_text()
        assert json.loads(run("review", "--json")[1]) == []

    def test_one_with_errors_is_not_installed_and_a_reason_is_for_proposals(
        self, run: Run, root: Path, proposed: str
    ) -> None:
        assert run("review", proposed, "--accept", "--reason", "x")[0] == 2
        assert run("review", "usin", "--reject")[0] == 2
        (root / "skills/.proposed" / proposed / "SKILL.md").write_text(f"---\nname: {proposed}\n---\nx\n")
        code, _, err = run("review", proposed, "--accept")
        assert code == 2 and "the skill has no description" in err
        assert not (root / "skills" / proposed).exists()


class TestEdit:
    @pytest.fixture
    def editor(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
        """Let the editor replace what it is given by this text."""

        def write(text: str, code: int = 0) -> None:
            (tmp_path / "text").write_text(text)
            script = tmp_path / "my editor"
            script.write_text(f'#!/bin/sh\ncat "{tmp_path}/text" > "$2"\nexit {code}\n')
            script.chmod(0o755)
            monkeypatch.setenv("EDITOR", f"'{script}' --wait")

        return write

    def test_what_is_right_is_in_force(self, run: Run, root: Path, editor: Callable[..., None]) -> None:
        editor(LAMP.replace("lamp", "dimmer"))
        code, out, _ = run("edit", "dimmer")
        assert (code, out) == (0, f"{root / 'skills/dimmer/SKILL.md'}: in force for the next run\n")
        assert "dimmer is not offered" not in run()[1]
        assert run("edit", "dimmer")[1].endswith(": not changed\n")
        assert [path.name for path in (root / "skills").iterdir() if path.name.startswith(".")] == []

    def test_what_has_errors_changes_nothing_and_is_gone_on_with(
        self, run: Run, root: Path, editor: Callable[..., None]
    ) -> None:
        before = (root / "skills/dimmer/SKILL.md").read_text()
        editor("---\nname: dimmer\n---\nMine.\n")
        code, _, err = run("edit", "dimmer")
        assert code == 2 and "the skill has no description" in err and "nothing was changed" in err
        assert (root / "skills/dimmer/SKILL.md").read_text() == before
        draft = root / "skills/.dimmer.draft.md"
        assert draft.read_text().endswith("Mine.\n")
        assert check(root, now=NOW) == ()
        editor(LAMP.replace("lamp", "dimmer"))
        code, _, err = run("edit", "dimmer")
        assert code == 0 and f"going on with {draft}" in err and not draft.exists()

    def test_a_shipped_one_becomes_the_persons_own(self, run: Run, root: Path, editor: Callable[..., None]) -> None:
        (root / "skills/rank-items/SKILL.md").unlink()
        (root / "skills/rank-items").rmdir()
        editor(LAMP.replace("lamp", "rank-items"))
        code, _, err = run("edit", "rank-items")
        assert code == 0 and "comes with the harness; now it is yours" in err
        assert json.loads(run("show", "rank-items", "--json")[1])["origin"] == "workspace"

    def test_an_edit_of_an_installed_one_is_accepted_but_not_what_others_changed(
        self, run: Run, root: Path, download: Path, editor: Callable[..., None]
    ) -> None:
        run("new", "--from", str(download))
        editor(LAMP.replace("Use lampctl", "Use curl"))
        assert run("edit", "lamp")[0] == 0
        assert run("review")[1] == "1 installed skills, all as you accepted them\n"
        (root / "skills/lamp/other.md").write_text("x")
        code, _, err = run("edit", "lamp")
        assert code == 2 and "harness skills review lamp" in err

    def test_an_editor_that_fails_or_is_not_there_is_told(
        self, run: Run, editor: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        editor("x", 3)
        assert "ended with 3" in run("edit", "dimmer")[2]
        monkeypatch.setenv("VISUAL", "/nowhere/editor")
        assert "cannot be started" in run("edit", "dimmer")[2]
        monkeypatch.delenv("VISUAL")
        monkeypatch.delenv("EDITOR")
        monkeypatch.setenv("PATH", "")
        assert run("edit", "dimmer")[0] == 2
        assert run("edit", "gone")[0] == 2
