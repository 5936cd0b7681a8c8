"""Benchmarks: what the harness costs, each figure beside a baseline. `python -m bench`."""
