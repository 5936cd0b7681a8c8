"""Models: the adapters, and what their calls cost."""
