"""What an agent knows: MEMORY.md as records."""
