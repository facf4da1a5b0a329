"""What outsiders may rely on: interfaces, events, and the reference data of the city."""
