"""From files to the exact bytes that a model is sent."""
