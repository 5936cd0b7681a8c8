"""Daemons that are killed at random moments, and a check that nothing was missed, doubled or forgotten."""
