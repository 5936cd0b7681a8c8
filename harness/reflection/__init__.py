"""The night: what a day has taught is judged by code, worded by a model where there is one, and published once."""
