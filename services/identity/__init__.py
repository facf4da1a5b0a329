"""Says who somebody is: citizens through VNeID or an officer's check, systems by their keys; and issues tokens."""
