"""The one pipeline that every tool call passes, and the one door to the network."""
