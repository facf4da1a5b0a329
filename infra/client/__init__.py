"""The example city system: a small client of the gateway that real systems copy, and a command line around it.

Nothing here is imported from the gateway's own code: all it knows is what the contracts say.
"""
