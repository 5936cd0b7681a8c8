"""Requests and the ledger: an agent's work on one as a run, what every tick does, and what the person hears.

a run        work, answers
every tick   duties, faults, notes
from outside ends, to_person
"""
