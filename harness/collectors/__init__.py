"""Sources, one family a file."""
