"""The keys VNeID signs with: one at a time; the one before stays published for a while, or does not."""

from joserfc.jwk import ECKey


class SigningKeys:
    """Begins with one key (ES256, with a kid); what is rotated in lives as long as the process."""

    def __init__(self, first: ECKey) -> None:
        self._published = [first]

    @property
    def current(self) -> ECKey:
        """The key that signs now."""
        return self._published[0]

    def rotate(self, keep: bool = True) -> None:
        """Sign with a new key from now on; with `keep` the one before stays published until the next rotation."""
        kept = self._published[:1] if keep else []
        self._published = [ECKey.generate_key("P-256", auto_kid=True), *kept]

    def published(self) -> dict[str, object]:
        """Return the public keys as a JWK set."""
        return {"keys": [{**key.as_dict(private=False), "use": "sig", "alg": "ES256"} for key in self._published]}
