"""A certificate authority for one cluster, and what it signs.

Keys are P-256: a dozen of them cost milliseconds, where RSA would cost seconds.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID_DAYS = 365
"""Of a cluster that is thrown away the same day."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its private key, as PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Authority:
    """The authority in a folder; it is made the first time it is asked to sign."""

    folder: Path

    @property
    def certificate(self) -> Path:
        """PEM file of the authority's own certificate."""
        return self.folder / "ca.crt"

    @property
    def key(self) -> Path:
        """PEM file of the authority's private key."""
        return self.folder / "ca.key"

    def create(self) -> None:
        """Make the authority's key and certificate, unless they are there."""
        if self.certificate.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        key = write_key(self.key)
        name = _name("sentinel-test-ca", ())
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        builder = _builder(name, name, key.public_key())
        builder = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        builder = builder.add_extension(usage, critical=True)
        self._write(self.certificate, builder.sign(key, hashes.SHA256()))

    def issue(
        self,
        file: str,
        user: str,
        *,
        groups: Sequence[str] = (),
        hosts: Sequence[str] = (),
    ) -> Identity:
        """Sign a certificate for a client and, where hosts are given, a server.

        Parameters
        ----------
        file : name of the files to write, without ending
        user : whom Kubernetes shall see: the common name
        groups : the organisations, which Kubernetes takes as groups
        hosts : names and addresses that it answers for
        """
        identity = Identity(self.folder / f"{file}.crt", self.folder / f"{file}.key")
        issuer = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        signing = serialization.load_pem_private_key(self.key.read_bytes(), password=None)
        assert isinstance(signing, ec.EllipticCurvePrivateKey)
        key = write_key(identity.key)
        builder = _builder(_name(user, groups), issuer.subject, key.public_key())
        purposes = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        if hosts:
            names = x509.SubjectAlternativeName([_host(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        self._write(identity.certificate, builder.sign(signing, hashes.SHA256()))
        return identity

    @staticmethod
    def _write(path: Path, certificate: x509.Certificate) -> None:
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def write_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Make a private key and write it as PEM, for its owner's eyes only."""
    key = ec.generate_private_key(ec.SECP256R1())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    return key


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # An hour for clocks that were just set.
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=VALID_DAYS))
    )


def _name(user: str, groups: Sequence[str]) -> x509.Name:
    organisations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*organisations, x509.NameAttribute(NameOID.COMMON_NAME, user)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
