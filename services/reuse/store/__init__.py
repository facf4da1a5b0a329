"""Every SQL statement of reuse; the release statement in a module of its own."""
