"""From what a person writes to the moments at which a job is due."""
