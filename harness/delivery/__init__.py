"""The outbox, the channels, and how a digest looks."""
