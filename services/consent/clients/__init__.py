"""What consent asks of others: dossiers of `reuse`, parties of `identity`, and the citizen's own login."""
