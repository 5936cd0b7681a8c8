"""What tokens cost."""

import pytest

from harness.domain.message import Usage
from harness.domain.settings import Profile
from harness.llm.usage import cost_usd

PROFILE = Profile("p", "openai", input_usd_per_mtok=2.0, cached_usd_per_mtok=0.5, output_usd_per_mtok=8.0)


def test_cached_tokens_cost_their_own_price() -> None:
    usage = Usage(input_tokens=1_000_000, cached_tokens=400_000, output_tokens=250_000)
    assert cost_usd(PROFILE, usage) == pytest.approx(0.6 * 2.0 + 0.4 * 0.5 + 0.25 * 8.0)


def test_cached_tokens_without_a_price_cost_as_much_as_others() -> None:
    profile = Profile("p", "openai", input_usd_per_mtok=2.0)
    assert cost_usd(profile, Usage(input_tokens=1_000_000, cached_tokens=400_000)) == pytest.approx(2.0)


def test_a_cached_price_of_zero_is_a_price() -> None:
    profile = Profile("p", "openai", input_usd_per_mtok=2.0, cached_usd_per_mtok=0.0)
    assert cost_usd(profile, Usage(input_tokens=1_000_000, cached_tokens=1_000_000)) == 0.0


def test_more_cached_than_input_tokens_never_cost_less_than_nothing() -> None:
    assert cost_usd(PROFILE, Usage(input_tokens=10, cached_tokens=1_000)) == pytest.approx(10 * 0.5 / 1e6)
