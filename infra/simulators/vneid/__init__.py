"""VNeID as a strict OpenID provider, with personas instead of a telephone."""
