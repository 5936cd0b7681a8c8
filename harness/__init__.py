"""A harness that keeps a team of specialist agents running for months, and cannot fail silently."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.wiring.bus import Bus, open_bus

__version__ = "0.1.0"
__all__ = ["Bus", "__version__", "open_bus"]


def __getattr__(name: str) -> Any:
    # Only when it is used: it brings the database library, and every command imports this module.
    if name in ("Bus", "open_bus"):
        return getattr(import_module("harness.wiring.bus"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
