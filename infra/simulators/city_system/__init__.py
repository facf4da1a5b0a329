"""A city system with three routes, so that a person can walk the online path in a browser."""
