"""The use cases of reuse, one module per noun."""
