"""The only place that chooses implementations and puts the harness together."""
