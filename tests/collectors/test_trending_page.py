"""What a page of trending repositories says, however tightly it is written."""

from __future__ import annotations

from harness.collectors.trending_page import read_trending

ROW = (
    '<article><h2><a href="/{name}">{name}</a></h2><p>What it is.</p><div>'
    '<span itemprop="programmingLanguage">Python</span><a href="/{name}/stargazers">{stars}</a>'
    "<span>{gained} stars today</span></div></article>"
)


def test_numbers_of_elements_that_touch_stay_apart() -> None:
    html = f"<html><title>Trending</title>{ROW.format(name='forge/loom', stars='21,420', gained='612')}</html>"
    (row,) = read_trending(html)["rows"]
    assert (row["name"], row["stars"], row["gained"]) == ("forge/loom", 21_420, 612)
