"""The bus: requests between parties, from asking to the one final."""
