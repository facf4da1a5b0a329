"""Others that reuse asks: identity, consent, and the registries behind the maps."""
