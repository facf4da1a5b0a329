"""The log as mathematics: leaves, the tree over them, signed checkpoints, and what an offline verifier checks."""
