"""The four services of the gateway, one authority each."""
