"""The outside world on a laptop: VNeID, the registries behind the reuse maps, and one city system.

Replaced by configuration where the real ones are reachable; never imported by a service.
"""
