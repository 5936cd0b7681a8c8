"""The vocabulary of the harness: frozen types and pure rules, no I/O, no clock, standard library only."""
