"""The use cases of identity, one function each."""
