"""[sources] and [search] of harness.toml."""

from __future__ import annotations

import pytest

from harness.domain.search import SearchSettings
from harness.domain.settings import Settings, SourceLimits
from harness.workspace.report import Report
from harness.workspace.settings import read_settings


def read(text: str) -> tuple[Settings, list[str]]:
    report = Report("harness.toml")
    found = read_settings(f'home = "UTC"\n{text}', report)
    assert found is not None
    return found[0], [str(entry.finding) for entry in report.entries]


def test_without_the_tables_the_defaults_hold_and_nothing_is_searched() -> None:
    settings, findings = read("")

    assert (settings.sources, settings.search, findings) == (SourceLimits(), SearchSettings(), [])


def test_every_key_of_sources_reaches_its_value() -> None:
    settings, findings = read(
        '[sources]\ntimeout = "5s"\nmax_bytes = "1MB"\nmax_items = 7\nconcurrency = 3\nper_host = 1\n'
        'host_pause = "250ms"\nrobots = false\narxiv_url = "https://mirror.example/q"\narxiv_pause = "1s"\n'
        'hn_url = "https://hn.example/v1/"\ngithub_url = "https://forge.example/"\n'
    )

    assert findings == []
    assert settings.sources == SourceLimits(
        5,
        1_000_000,
        7,
        3,
        1,
        0.25,
        False,
        "https://mirror.example/q",
        1.0,
        "https://hn.example/v1",
        "https://forge.example",
    )


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ('host_pause = "1m"', "'1m' is not a pause; write a whole number with ms or s, such as \"500ms\""),
        ("host_pause = 2", '2 is not a pause; write a whole number with ms or s, such as "500ms"'),
        ('host_pause = "90s"', "'90s' is out of range; use 0s to 60s"),
        ('arxiv_pause = "1s"', 'arXiv asks for three seconds between two requests; write arxiv_pause = "3s"'),
    ],
)
def test_a_wrong_pause_is_named_with_its_line(text: str, finding: str) -> None:
    settings, findings = read(f"[sources]\n{text}\n")

    assert len(findings) == 1 and findings[0].startswith("harness.toml:3: ")
    assert findings[0].endswith(finding)
    assert settings.sources.arxiv_pause_s == 3.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('provider = "tavily"', SearchSettings("tavily", "TAVILY_API_KEY")),
        ('provider = "brave"\nkey_env = "MY_KEY"', SearchSettings("brave", "MY_KEY")),
        (
            'provider = "searxng"\nurl = "http://10.1.2.3:8080/"',
            SearchSettings("searxng", None, "http://10.1.2.3:8080"),
        ),
    ],
)
def test_a_service_that_searches_is_named(text: str, expected: SearchSettings) -> None:
    settings, findings = read(f"[search]\n{text}\n")

    assert (settings.search, findings) == (expected, [])


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('provider = "searxng"', 2, "its address is missing"),
        ('url = "https://search.example"', 2, "names no provider"),
        ('provider = "gogle"', 3, "gogle"),
        ('provider = "brave"\nkey_env = "sk-secret"', 4, "not the name of an environment variable"),
    ],
)
def test_what_is_wrong_with_search_is_named_with_its_line(text: str, line: int, words: str) -> None:
    _, findings = read(f"[search]\n{text}\n")

    assert len(findings) == 1
    assert findings[0].startswith(f"harness.toml:{line}: ") and words in findings[0]
    assert "sk-secret" not in findings[0]
