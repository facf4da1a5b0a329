"""Consent's HTTP interface for systems: inside calls, the counter, receipts and keys."""
