"""What a run does that holds a roundtable: the snapshot, the rounds, the minutes, and tables that were given up."""
