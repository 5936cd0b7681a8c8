"""What agents can do, one family a file."""
