"""Prices from whoever gives them without a key."""
