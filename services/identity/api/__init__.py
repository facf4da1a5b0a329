"""Identity's HTTP interface for systems: OAuth endpoints, officers' checks, inside calls."""
