"""The use cases of audit: keep what arrives, put it into the tree, let auditors read."""
