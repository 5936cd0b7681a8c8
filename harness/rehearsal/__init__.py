"""A day in virtual time, on a copy of the workspace."""
