"""Keeps the log of every event of every service, and proves it."""
