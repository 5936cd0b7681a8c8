"""What tokens cost."""

from __future__ import annotations

from harness.domain.message import Usage
from harness.domain.settings import Profile

CACHE_WRITE_FACTOR = 1.25
"""What input costs that is put into a cache for minutes, where the profile does not say: 1.25 times the input price.

So Anthropic charges it, and OpenAI from GPT-5.6 on; whoever does not charge for it does not count it either.
"""


def cost_usd(profile: Profile, usage: Usage) -> float:
    """Return the price of the usage in US dollars.

    Cached and cache-write tokens are part of the input tokens. Each of the two costs its own price; where the profile
    gives none, cached tokens cost the input price and writes `CACHE_WRITE_FACTOR` times that.
    """
    cached_price = profile.input_usd_per_mtok if profile.cached_usd_per_mtok is None else profile.cached_usd_per_mtok
    written = min(usage.cache_write_tokens, usage.input_tokens)
    cached = min(usage.cached_tokens, usage.input_tokens - written)
    micro_usd = (
        (usage.input_tokens - written - cached) * profile.input_usd_per_mtok
        + written * _write_price(profile)
        + cached * cached_price
        + usage.output_tokens * profile.output_usd_per_mtok
    )
    return micro_usd / 1_000_000


def most_usd(profile: Profile, usage: Usage) -> float:
    """Return what the usage costs at most, whatever of its input turns out to be read from a cache or put there.

    A write counts where the profile has a price for it, and with `anthropic`, whose every call asks for one.
    """
    prices = [profile.input_usd_per_mtok, profile.cached_usd_per_mtok or 0.0]
    if profile.cache_write_usd_per_mtok is not None or profile.adapter == "anthropic":
        prices.append(_write_price(profile))
    return (usage.input_tokens * max(prices) + usage.output_tokens * profile.output_usd_per_mtok) / 1_000_000


def _write_price(profile: Profile) -> float:
    given = profile.cache_write_usd_per_mtok
    return profile.input_usd_per_mtok * CACHE_WRITE_FACTOR if given is None else given
