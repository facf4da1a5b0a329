"""What reuse knows without any I/O: procedure maps, dossiers, the plan, evidence and why it may be kept."""
