"""`make demo`: the whole story on a terminal, told by what really happens over HTTP."""
