"""Whether agents make the same mistake twice: it is made, learned from, and met again (docs/bench-learning.md)."""
