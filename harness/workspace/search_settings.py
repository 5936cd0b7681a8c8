"""`[search]` of harness.toml: the service that searches the web."""

from __future__ import annotations

from harness.domain.search import SearchProvider, SearchSettings
from harness.workspace.fields import Address, Variable
from harness.workspace.located import Located
from harness.workspace.report import Report
from harness.workspace.shapes import Shape

_USUAL_KEYS = {"tavily": "TAVILY_API_KEY", "brave": "BRAVE_API_KEY"}


class SearchShape(Shape):
    provider: SearchProvider | None = None
    key_env: Variable | None = None
    url: Address | None = None


def search_settings_of(shape: SearchShape, located: Located, report: Report) -> SearchSettings:
    """Return the service; what it cannot do without is in the report."""
    table = located.values.get("search")
    if shape.provider is None:
        if isinstance(table, dict) and table.get("provider") is None and table:
            problem = "[search] names no provider, and nothing is searched"
            report.warning(located.line("search"), problem, 'add provider = "tavily", "brave" or "searxng"')
        return SearchSettings()
    if shape.provider == "searxng" and shape.url is None:
        problem = "SearXNG runs on a server of your own, and its address is missing"
        report.error(located.line("search"), problem, 'add url = "https://search.example"')
    key_env = shape.key_env or _USUAL_KEYS.get(shape.provider)
    return SearchSettings(shape.provider, key_env, (shape.url or "").rstrip("/"))
