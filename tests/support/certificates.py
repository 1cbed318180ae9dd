"""Certificates made by the openssl command, for a run of the tests only."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

__all__ = ["Pair", "make", "server_context"]


class Pair(NamedTuple):
    """A certificate and its key."""

    certificate: Path
    key: Path


def make(folder: Path, name: str, *subject_names: str, days: int = 2) -> Pair:
    """A certificate that signs itself, for hosts like ``DNS:localhost`` and ``IP:127.0.0.1``."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the command openssl to make certificates")
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-nodes", "-keyout", pair.key, "-out", pair.certificate]
    command += ["-days", str(days), "-subj", f"/CN={name}"]
    command += ["-addext", "subjectAltName=" + ",".join(subject_names)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return pair


def server_context(pair: Pair, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context
