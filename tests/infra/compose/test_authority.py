"""A stack's own authority vouches for its names, for no others, and renews a certificate before it ends."""

import asyncio
import ssl
from datetime import datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from infra.client.localhost import Transport
from infra.compose.authority import Authority
from infra.embedded.keyring import Keyring
from infra.embedded.processes import free_ports
from shared import clock

NAMES = ["motlan.localhost", "simulators.localhost"]


def make_authority(directory: Path, *, now: datetime | None = None) -> Authority:
    return Authority(Keyring(directory), "edge", names=NAMES, now=now or clock.now())


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    asked = (await reader.readuntil(b"\r\n\r\n")).decode()
    host = next(line for line in asked.splitlines() if line.lower().startswith("host:"))
    body = host.encode()
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    await writer.drain()
    writer.close()


async def ask(directory: Path, certified: list[str], name: str, ca_file: Path | None) -> str:
    """Serve with a certificate for some names, and ask under one."""
    certificate = make_authority(directory).vouch("edge", certified)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, directory / "edge.pem")
    [port] = free_ports(1)
    serving = await asyncio.start_server(answer, "127.0.0.1", port, ssl=context)
    async with serving, httpx2.AsyncClient(transport=Transport(ca_file)) as http:
        return (await http.get(f"https://{name}:{port}/")).text


async def test_a_name_below_localhost_is_found_here_and_its_certificate_believed(tmp_path: Path) -> None:
    ca = make_authority(tmp_path).certificate_file
    assert (await ask(tmp_path, NAMES, "simulators.localhost", ca)).startswith("Host: simulators.localhost:")


async def test_who_does_not_trust_the_authority_does_not_believe_it(tmp_path: Path) -> None:
    with pytest.raises(httpx2.ConnectError, match="certificate"):
        await ask(tmp_path, NAMES, "motlan.localhost", None)


async def test_a_certificate_for_another_name_is_not_believed(tmp_path: Path) -> None:
    ca = make_authority(tmp_path).certificate_file
    with pytest.raises(httpx2.ConnectError, match=r"[Hh]ostname|certificate"):
        await ask(tmp_path, ["simulators.localhost"], "motlan.localhost", ca)


async def test_the_authority_cannot_vouch_for_names_outside_the_stack(tmp_path: Path) -> None:
    """Whoever imports it into a browser gives nobody a key to the rest of the world."""
    ca = make_authority(tmp_path).certificate_file
    with pytest.raises(httpx2.ConnectError, match=r"permitted subtree|certificate"):
        await ask(tmp_path, ["bank.localhost"], "bank.localhost", ca)


def test_a_certificate_is_renewed_for_its_last_sixty_days_and_the_authority_stays(tmp_path: Path) -> None:
    now = clock.now()
    first = make_authority(tmp_path, now=now)
    certificate, authority = first.vouch("edge", NAMES).read_bytes(), first.certificate_file.read_bytes()
    early = make_authority(tmp_path, now=now + timedelta(days=330))
    assert early.vouch("edge", NAMES).read_bytes() == certificate
    late = make_authority(tmp_path, now=now + timedelta(days=340))
    assert late.vouch("edge", NAMES).read_bytes() != certificate
    assert late.certificate_file.read_bytes() == authority
