"""Tests of one's own jobs, for pytest: one line runs a whole job, offline and at a moment of one's choice."""
