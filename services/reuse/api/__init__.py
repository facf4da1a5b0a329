"""Routes: decode, use case, encode."""
