"""What the tests of channels that send over the network have in common: a digest, a door, a certificate."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.delivery.channels import OutboundDigest
from harness.domain.digest import Digest, DigestItem, Section
from harness.domain.settings import Egress
from harness.gate.egress import SystemResolver, WebDoor

DIGEST = Digest(
    title="Morning digest – «Ä»",
    job_id="ainews/morning-digest",
    run_id="cron:ainews/morning-digest:1",
    made_at=datetime(2026, 11, 22, 4, 30, tzinfo=UTC),
    zone="America/Los_Angeles",
    made_by="extractive, no model",
    state="delivered",
    sections=(
        Section(
            "AI",
            "Some words above.",
            tuple(
                DigestItem(f"Story {n}", f"https://a.example/{n}", f"why number {n} matters " * 6, ("LWN",))
                for n in range(1, 13)
            ),
        ),
    ),
)
MESSAGE = OutboundDigest("cron:ainews/morning-digest:1>phone", DIGEST)
DOOR = WebDoor(Egress(loopback=True), SystemResolver())
CLOSED_DOOR = WebDoor(Egress(), SystemResolver())


def make_certificate(folder: Path, name: str) -> Path:
    """Return the folder with the certificate (`cert.pem`) and its key for this name, valid for two days."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed: no certificate to test with")
    kind = "IP" if name[0].isdigit() else "DNS"
    subprocess.run(
        [
            openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-addext", f"subjectAltName={kind}:{name}", "-keyout", folder / "key.pem", "-out", folder / "cert.pem",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return folder


def serving(folder: Path) -> ssl.SSLContext:
    """Return what a server with that certificate speaks TLS by."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def trusting(folder: Path) -> ssl.SSLContext:
    """Return what a client trusts that certificate by."""
    return ssl.create_default_context(cafile=str(folder / "cert.pem"))
