"""A real browser before the edge: Debian's Chromium, which believes whom the edge's authority vouches for."""

import asyncio
import os
import shutil
import ssl
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_certificate
from playwright.async_api import Browser, async_playwright

from shared.tls import trusting

PORT = int(os.environ.get("EDGE_PORT", "8443"))
GATEWAY, SIMULATORS = "motlan.localhost", "simulators.localhost"
ORIGIN = f"https://{GATEWAY}:{PORT}"
CITY = f"https://{SIMULATORS}:{PORT}/city/"


@asynccontextmanager
async def chromium() -> AsyncGenerator[Browser]:
    """Run Chromium while the block lasts."""
    program = shutil.which("chromium")
    assert program, "Chromium is missing: apt-get install chromium (`make lab` does)"
    keys = ",".join([await _key_of(GATEWAY), await _key_of(SIMULATORS)])
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program,
            chromium_sandbox=False,  # it refuses to run as root, which the lab is
            args=[f"--ignore-certificate-errors-spki-list={keys}"],
        )
        try:
            yield browser
        finally:
            await browser.close()


async def _key_of(name: str) -> str:
    """Return the hash of the key that the edge shows under a name, once its authority has vouched for it."""
    tls = trusting(Path(os.environ["EDGE_CA"]))
    _, writer = await asyncio.open_connection("127.0.0.1", PORT, ssl=tls, server_hostname=name)
    try:
        connection: ssl.SSLObject = writer.get_extra_info("ssl_object")
        shown = connection.getpeercert(binary_form=True)
    finally:
        writer.close()
    assert shown
    key = load_der_x509_certificate(shown).public_key()
    return b64encode(sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()).decode()
