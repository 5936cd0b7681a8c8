"""What the person edits, loaded and checked: settings, agents, jobs, skills, shared files."""
