"""From due moment to closed fire: clock, dispatcher, workflow, contract, recovery."""
