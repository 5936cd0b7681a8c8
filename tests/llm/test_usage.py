"""What tokens cost."""

import pytest

from harness.domain.message import Usage
from harness.domain.settings import Profile
from harness.llm.usage import cost_usd, most_usd

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


def test_tokens_put_into_the_cache_cost_their_own_price() -> None:
    profile = Profile("p", "anthropic", input_usd_per_mtok=2.0, cached_usd_per_mtok=0.2, cache_write_usd_per_mtok=4.0)
    usage = Usage(input_tokens=1_000_000, cached_tokens=400_000, cache_write_tokens=500_000)
    assert cost_usd(profile, usage) == pytest.approx(0.1 * 2.0 + 0.4 * 0.2 + 0.5 * 4.0)


def test_tokens_put_into_the_cache_without_a_price_cost_a_quarter_more_than_others() -> None:
    profile = Profile("p", "anthropic", input_usd_per_mtok=2.0)
    assert cost_usd(profile, Usage(input_tokens=1_000_000, cache_write_tokens=1_000_000)) == pytest.approx(2.5)


def test_parts_that_are_more_than_the_whole_never_cost_less_than_nothing() -> None:
    usage = Usage(input_tokens=10, cached_tokens=1_000, cache_write_tokens=1_000)
    assert cost_usd(PROFILE, usage) == pytest.approx(10 * 2.0 * 1.25 / 1e6)


@pytest.mark.parametrize(
    ("profile", "usd"),
    [
        (PROFILE, 2.0),
        (Profile("p", "anthropic", input_usd_per_mtok=2.0), 2.5),
        (Profile("p", "anthropic", input_usd_per_mtok=2.0, cache_write_usd_per_mtok=4.0), 4.0),
        (Profile("p", "openai", input_usd_per_mtok=2.0, cache_write_usd_per_mtok=1.0), 2.0),
    ],
)
def test_the_most_that_input_can_cost_is_what_its_dearest_part_costs(profile: Profile, usd: float) -> None:
    assert most_usd(profile, Usage(input_tokens=1_000_000)) == pytest.approx(usd)
    for usage in (Usage(1_000_000, 300_000, 0, 700_000), Usage(1_000_000, 1_000_000), Usage(1_000_000)):
        if profile.adapter == "anthropic" or not usage.cache_write_tokens:
            assert most_usd(profile, usage) >= cost_usd(profile, usage)
