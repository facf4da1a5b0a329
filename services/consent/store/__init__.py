"""Every SQL statement of consent, by what it is about."""
