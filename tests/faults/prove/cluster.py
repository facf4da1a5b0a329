"""The system as a city runs it: two or three of each service behind a balancer, and each of them can be wronged."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from infra.embedded.environment import ROOT
from infra.embedded.keyring import SERVICES
from tests.faults.balancing import balanced
from tests.faults.processes import Running, System, system
from tests.faults.wires import Wire, wire_to

SKEWED = "tests.faults.prove.skewed"


@dataclass(frozen=True)
class Instance:
    """One process of a service, its wire to its database, and what its clock is set by."""

    name: str
    service: str
    process: Running
    wire: Wire
    clock: Path

    def set_clock(self, seconds: float) -> None:
        """Put its clock so far ahead of the host's."""
        self.clock.write_text(str(seconds), "utf-8")


@dataclass(frozen=True)
class Cluster:
    """Everything that runs."""

    running: System
    instances: Sequence[Instance]

    def of(self, service: str) -> Sequence[Instance]:
        """Return the instances of a service."""
        return [each for each in self.instances if each.service == service]


@asynccontextmanager
async def cluster_in(
    data: Path,
    *,
    instances: int,
    brokers: int,
    drain: float = 2.0,
    code: Path = ROOT,
    yesterday: Path | None = None,
) -> AsyncGenerator[Cluster]:
    """Start it all in a directory; services are found at their usual addresses, where balancers stand.

    A process that is told to stop says so for `drain` seconds first: several times what a balancer takes to ask.
    `code` is the checkout they run; with one of `yesterday` the first of each service runs that, on settings it knows.
    """
    async with AsyncExitStack() as opened:
        running = await opened.enter_async_context(system(data, start=(), brokers=brokers))
        more = {name: {f"{name.upper()}_DRAIN_SECONDS": str(drain)} for name in SERVICES}
        made = [await _instance(opened, running, name, n, more[name]) for name in SERVICES for n in range(instances)]
        for each in made:
            each.process.code = code
        for old in (each for each in made if yesterday and each.process is running[each.service]):
            _put_back(old, yesterday or ROOT)
        cluster = Cluster(running, made)
        places: Mapping[str, int] = {name: getattr(running.ports, name) for name in SERVICES}
        for name, port in places.items():
            await opened.enter_async_context(balanced(port, [each.process for each in cluster.of(name)]))
        opened.push_async_callback(running.end)  # before the balancers, through which they speak to each other
        await running.start("simulators", *(each.name for each in made))
        yield cluster


async def _instance(
    opened: AsyncExitStack, running: System, service: str, number: int, more: Mapping[str, str]
) -> Instance:
    wire = await opened.enter_async_context(wire_to(running.ports.postgres))
    process = running.replica(service, **more) if number else running.step_aside(service, **more)
    name = f"{service}-{number + 1}" if number else service
    clock = running.data / f"{name}.clock"
    key = f"{service.upper()}_DATABASE_URL"
    process.environment |= {"SKEWED_AS": service, "SKEWED_BY": str(clock)}
    process.environment[key] = _through(process.environment[key], wire)
    process.module = SKEWED
    return Instance(name, service, process, wire, clock)


def _put_back(instance: Instance, code: Path) -> None:
    """Let an instance run another checkout, which knows nothing of what is new here."""
    process, prefix = instance.process, instance.service.upper()
    process.code, process.module = code, f"services.{instance.service}"
    for unknown in (f"{prefix}_DRAIN_SECONDS", "SKEWED_AS", "SKEWED_BY"):
        del process.environment[unknown]


def _through(dsn: str, wire: Wire) -> str:
    """Return the address of the same database at the near end of a wire."""
    parts = urlsplit(dsn)
    place = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{wire.port}"
    return urlunsplit(parts._replace(netloc=place))
