"""The authority of a farm and the certificates of its BMCs, kept in a folder so that a restarted farm has the same."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAYS = 30


class Authority:
    """A certificate authority in a folder: `<name>.pem` is its certificate, `<name>.key` its key."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._name = name
        self.path = folder / f"{name}.pem"
        if not self.path.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            subject = _subject(f"BMC farm {name}")
            usage = _usage(signs=False)
            draft = _builder(subject, subject, key.public_key(), key.public_key()).add_extension(usage, critical=True)
            draft = draft.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            (folder / f"{name}.key").write_bytes(_private(key))
            self.path.write_bytes(draft.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def context(self, host: str, address: str = "127.0.0.1") -> ssl.SSLContext:
        """What a BMC needs to serve TLS on its address and under its own name."""
        path = self._folder / f"{self._name}-{host}.pem"
        if not path.exists():
            path.write_bytes(self._issue(host, address))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.num_tickets = 0  # each connection sees the certificate of its moment
        context.load_cert_chain(path)
        return context

    def _issue(self, host: str, address: str) -> bytes:
        loaded = serialization.load_pem_private_key((self._folder / f"{self._name}.key").read_bytes(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        issuer = x509.load_pem_x509_certificate(self.path.read_bytes()).subject
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.IPAddress(ipaddress.ip_address(address)), x509.DNSName("localhost"), x509.DNSName(host)]
        draft = _builder(_subject(host), issuer, key.public_key(), loaded.public_key())
        draft = draft.add_extension(x509.SubjectAlternativeName(names), critical=False)
        draft = draft.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        draft = draft.add_extension(_usage(signs=True), critical=True)
        certificate = draft.sign(loaded, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        return certificate + _private(key)


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, signer: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(issuer_name=issuer, subject_name=subject, public_key=key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        key_cert_sign=not signs,
        crl_sign=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
