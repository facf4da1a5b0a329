"""The registries behind the reuse maps: they confirm who matches and tell only what was asked, for a named asker."""
