"""Names the topics, and says how many partitions each has for its life: another count is another topic."""

SERVICES = ("identity", "consent", "reuse", "audit")

TOPICS = {f"{service}.events": 4 for service in SERVICES} | {f"{reader}.dead-letters": 1 for reader in SERVICES}

RETENTION = {"retention.ms": str(7 * 24 * 3600 * 1000)}
