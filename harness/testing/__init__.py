"""Shipped fakes: a clock that tests move, models and servers that behave well and badly."""
