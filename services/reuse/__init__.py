"""Reuse: holds verified attributes and releases them, to whom, for what and as long as a right to it stands."""
