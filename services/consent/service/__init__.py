"""The use cases of consent, one function each."""
