"""consent: records and ends what a citizen agreed to, and decides that a legal basis applies."""
