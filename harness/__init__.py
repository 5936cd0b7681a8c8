"""A harness that keeps a team of specialist agents running for months, and cannot fail silently."""

__version__ = "0.1.0"
