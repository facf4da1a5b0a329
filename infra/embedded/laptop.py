"""The whole system on one machine: servers, migrations, keys, services, simulators."""

import asyncio
import signal
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil

from infra.embedded.environment import Ports, service_environments
from infra.embedded.gateway import gateway, load_services, process, until_ready
from infra.embedded.keyring import SERVICES, Keyring
from infra.embedded.processes import check_port_free, stop_leftovers
from infra.embedded.registrations import read_registrations
from infra.embedded.stack import BROKERS, Stack
from shared.migrations import migrate


@dataclass(frozen=True)
class Laptop:
    """What runs, and where its keys are."""

    ports: Ports
    stack: Stack
    keyring: Keyring


@asynccontextmanager
async def laptop(
    data: Path,
    ports: Ports,
    *,
    split: bool = False,
    brokers: int = BROKERS,
    faults: Mapping[str, str] | None = None,
    settings: Mapping[str, str] | None = None,
    provider: Mapping[str, str] | None = None,
) -> AsyncGenerator[Laptop]:
    """Run everything on the data of a directory while the block lasts; all of it answers when it is entered.

    With `split` each service is a process of its own; `brokers=3` makes Kafka a cluster. `faults` are the simulators'
    `FAULTS` and `FAULTS_KINDS`; without them those of this process's environment hold. `settings` are added to those of
    every service, `provider` to identity's alone: they put another OpenID provider in the place of VNeID's simulator.
    What they log goes to `services.log` in the directory. Raises StackError, a sentence for people, for a busy port.
    """
    data = await asyncio.to_thread(data.resolve)  # absolute: our processes work elsewhere
    async with AsyncExitStack() as running:
        keyring, stack = Keyring(data / "keys"), _stack(data, ports, brokers)
        # The services' code is read while the servers start. Once the stack is there, nobody else runs on these data.
        await asyncio.gather(running.enter_async_context(stack), asyncio.to_thread(load_services))
        stop_leftovers(psutil.Process().name(), data, signal.SIGTERM, signal.SIGKILL)
        for name in ("edge", "simulators", *SERVICES):
            check_port_free(getattr(ports, name), name)
        log = running.enter_context((data / "services.log").open("a", encoding="utf-8"))
        running.enter_context(redirect_stdout(log))
        await asyncio.gather(*(migrate(stack.databases[name].owner, name) for name in SERVICES))
        environments = service_environments(
            ports,
            keyring,
            databases={name: stack.databases[name].service for name in SERVICES},
            kafka=stack.kafka.bootstrap,
            clients_file=keyring.clients(registrations(ports)),
        )
        environments["identity"] |= {f"IDENTITY_{key}": value for key, value in (provider or {}).items()}
        keyring.environments(environments)  # for people: whoever operates this machine, or audits its log
        for name, environment in environments.items():
            environment.update({f"{name.upper()}_{key}": value for key, value in (settings or {}).items()})
        keyring.auditor_keys()
        simulators = {**simulator_settings(ports, keyring), **(faults or {})}
        await running.enter_async_context(process("infra.simulators", simulators, log))
        await running.enter_async_context(gateway(environments, ports, log, split=split))
        async with httpx2.AsyncClient() as client:
            await until_ready(client, f"{ports.simulators_origin}/vneid/")
        yield Laptop(ports, stack, keyring)


def registrations(ports: Ports) -> list[dict[str, Any]]:
    """Return the city systems' registrations with the addresses of this machine."""
    return read_registrations(gateway=ports.origin, simulators=ports.simulators_origin)


def _stack(data: Path, ports: Ports, brokers: int) -> Stack:
    return Stack(
        data,
        postgres_port=ports.postgres,
        kafka_port=ports.kafka,
        kafka_controller_port=ports.kafka_controller,
        brokers=brokers,
    )


def simulator_settings(ports: Ports, keyring: Keyring) -> dict[str, str]:
    """Return the settings that the simulators start with, as environment variables."""
    return {
        "SIMULATORS_KEYS_DIR": str(keyring.directory),
        "SIMULATORS_PORT": str(ports.simulators),
        "SIMULATORS_PUBLIC_ORIGIN": ports.simulators_origin,
        "SIMULATORS_GATEWAY_ORIGIN": ports.origin,
    }
