"""The whole command on a feed as it was published."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from harness.cli.app import main
from harness.cli.fires import artifact_path
from harness.domain.source import canonical_url
from harness.store.state_folder import StateFolder

REPOSITORY = Path(__file__).parents[2]
PUBLISHED_FEED = REPOSITORY.parent / "shared/data/feeds/devto-seahjs.xml"


@pytest.mark.skipif(not PUBLISHED_FEED.is_file(), reason="the published feed is not beside this checkout")
def test_digest_of_a_published_feed_holds_its_entries_with_their_own_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HARNESS_HOME", raising=False)
    for part in ("harness.toml", "USER.md", "agents", "skills", "shared-context"):
        source = REPOSITORY / part
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / part)
    settings = tmp_path / "harness.toml"
    granted = re.sub(r"(?m)^(loopback|file_sources) = false", r"\1 = true", settings.read_text())
    settings.write_text(granted)
    order = ["run", "ainews/morning-digest", "--input", f"feeds={PUBLISHED_FEED}", "--workspace", str(tmp_path)]
    code = main([*order, "--json"])
    fire = json.loads(capsys.readouterr().out)
    assert (code, fire["state"] in ("delivered", "degraded")) == (0, True), fire
    digest = artifact_path(StateFolder(tmp_path / ".harness"), fire["artifact"]).read_text(encoding="utf-8")
    links = {canonical_url(url) for url in re.findall(r"\]\((https?://[^)\s]+)\)", digest)}
    published = {canonical_url(url) for url in re.findall(r"<link>(.*?)</link>", PUBLISHED_FEED.read_text())}
    assert fire["items"] > 0
    assert links <= published
