"""Benchmarks: what starting the harness costs, beside a bare interpreter. `python -m bench`."""
