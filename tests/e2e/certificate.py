"""A certificate for 127.0.0.1 that nobody else signed."""

import subprocess
from pathlib import Path
from typing import NamedTuple


class Certificate(NamedTuple):
    path: Path
    key: Path


def made_in(folder: Path) -> Certificate:
    found = Certificate(folder / "cert.pem", folder / "key.pem")
    options = (
        "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=tta "
        f"-addext subjectAltName=IP:127.0.0.1 -out {found.path} -keyout {found.key}"
    )
    subprocess.run(["openssl", "req", *options.split()], check=True, capture_output=True)
    return found
