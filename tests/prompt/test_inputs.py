"""The names of inputs."""

from __future__ import annotations

import pytest

from harness.prompt.inputs import Inputs


def test_an_input_is_found_by_its_entry_and_by_a_name_that_an_expression_can_spell() -> None:
    inputs = Inputs({"feeds/ai": 1, "arxiv/cat:cs.AI": 2})
    assert (inputs["feeds/ai"], inputs["feeds_ai"], inputs["feeds"]) == (1, 1, 1)
    assert (inputs["arxiv_cat_cs_AI"], inputs["arxiv"]) == (2, 2)


def test_a_short_name_that_could_mean_two_inputs_means_none() -> None:
    inputs = Inputs({"feeds/ai": 1, "feeds/releases": 2})
    assert inputs["feeds_ai"] == 1
    with pytest.raises(KeyError):
        inputs["feeds"]


def test_a_full_name_goes_before_a_short_one() -> None:
    inputs = Inputs({"feeds/ai": 1, "feeds": 2})
    assert inputs["feeds"] == 2


def test_only_full_names_are_listed() -> None:
    assert dict(Inputs({"feeds/ai": 1})) == {"feeds/ai": 1}
