"""The nouns of identity, pure: persons, parties, claims, logins, clients with their mandates, and OAuth's refusals."""
