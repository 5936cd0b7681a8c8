"""What tokens cost."""

from __future__ import annotations

from harness.domain.message import Usage
from harness.domain.settings import Profile


def cost_usd(profile: Profile, usage: Usage) -> float:
    """Return the price of the usage in US dollars.

    Cached tokens are part of the input tokens and cost their own price, or the input price where the
    profile gives none.
    """
    cached_price = profile.input_usd_per_mtok if profile.cached_usd_per_mtok is None else profile.cached_usd_per_mtok
    cached = min(usage.cached_tokens, usage.input_tokens)
    micro_usd = (
        (usage.input_tokens - cached) * profile.input_usd_per_mtok
        + cached * cached_price
        + usage.output_tokens * profile.output_usd_per_mtok
    )
    return micro_usd / 1_000_000
