"""Whether agents make the same mistake twice: mistakes are made, learned from, and met again (docs/bench-learning.md)."""
