"""The two actions of follow-ups: in the morning they become requests, in the evening they learn what came of them."""
