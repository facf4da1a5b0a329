"""A certificate authority of the stack's own, and the certificates it signs: for the edge, and for the brokers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.embedded.keyring import Keyring

_AUTHORITY_LIFE = timedelta(days=3650)
_LIFE = timedelta(days=397)  # the longest that browsers believe
_RENEW_BEFORE = timedelta(days=60)
_BACKDATED = timedelta(minutes=5)  # a reader's clock may be a little behind


class Authority:
    """Vouches for these names (or addresses) and no others: whoever trusts it trusts it with nothing else."""

    def __init__(self, keyring: Keyring, name: str, *, names: Sequence[str], now: datetime) -> None:
        self._keyring, self._name, self._names, self._now = keyring, name, list(names), now
        self._key = _load(keyring.p256(f"{name}-ca"))
        self.certificate_file = keyring.directory / f"{name}-ca.crt"
        if not self.certificate_file.exists():
            self.certificate_file.write_bytes(self._signed_by_itself().public_bytes(Encoding.PEM))
        self._certificate = x509.load_pem_x509_certificate(self.certificate_file.read_bytes())

    def vouch(self, holder: str, names: Sequence[str]) -> Path:
        """Return a certificate (PEM) for these names on the holder's key; a new one for its last 60 days."""
        path = self._keyring.directory / f"{holder}.crt"
        if not path.exists() or self._outlived(x509.load_pem_x509_certificate(path.read_bytes())):
            path.write_bytes(self._sign(_load(self._keyring.p256(holder)), names).public_bytes(Encoding.PEM))
        return path

    def _outlived(self, certificate: x509.Certificate) -> bool:
        return certificate.not_valid_after_utc - self._now < _RENEW_BEFORE

    def _signed_by_itself(self) -> x509.Certificate:
        name = _called(f"Một Lần {self._name} (this stack only)")
        constraints = x509.NameConstraints([_constraint(each) for each in self._names], None)
        builder = self._builder(name, name, self._key, _AUTHORITY_LIFE)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
        return builder.add_extension(constraints, critical=True).sign(self._key, hashes.SHA256())

    def _sign(self, key: ec.EllipticCurvePrivateKey, names: Sequence[str]) -> x509.Certificate:
        builder = self._builder(_called(names[0]), self._certificate.subject, key, _LIFE)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(x509.SubjectAlternativeName([_san(each) for each in names]), critical=False)
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]  # brokers call each other
        return builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False).sign(self._key, hashes.SHA256())

    def _builder(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, life: timedelta
    ) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(self._now - _BACKDATED).not_valid_after(self._now + life)
        subject_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        authority_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return builder.add_extension(subject_id, critical=False).add_extension(authority_id, critical=False)


def _load(path: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path.name} is no EC key")
    return key


def _called(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _is_address(name: str) -> bool:
    return name.replace(".", "").isdigit()


def _san(name: str) -> x509.GeneralName:
    return x509.IPAddress(ip_address(name)) if _is_address(name) else x509.DNSName(name)


def _constraint(name: str) -> x509.GeneralName:
    return x509.IPAddress(ip_network(name)) if _is_address(name) else x509.DNSName(name)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=signs_certificates, crl_sign=signs_certificates,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
