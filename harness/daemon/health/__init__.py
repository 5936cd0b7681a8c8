"""The independent check: it trusts no daemon, recomputes what was due, and compares it with the ledger."""
