"""The Tech Radar: one page for each technology in `shared-context/radar/`, and what its decisions ask for."""
