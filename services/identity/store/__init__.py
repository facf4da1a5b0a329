"""Every SQL statement of identity, by what it is about."""
