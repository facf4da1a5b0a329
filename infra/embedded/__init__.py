"""Runs the whole system on a laptop: real PostgreSQL and Kafka from Python packages, and the services beside them."""
