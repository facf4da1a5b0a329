"""A collector that is away costs a service nothing but its traces: it works, says so in its log, and ends in time."""

import json
import socket
from collections.abc import Iterator

import pytest

from shared import log, telemetry
from shared.measures import PARKED, REFUSALS
from shared.telemetry import Telemetry, collector


@pytest.fixture(params=["refuses", "is silent"])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return where nobody listens, or where somebody does and never answers."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        if request.param == "is silent":
            nobody.listen()
        yield f"http://127.0.0.1:{nobody.getsockname()[1]}"


def test_a_service_works_and_ends_while_its_collector_is_away(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    with log.speaking_for_libraries():
        service = Telemetry("reuse", collector(address))
        service.show(PARKED, (1, {}))
        with service.request("GET", None, inside=False):
            telemetry.count(REFUSALS, {"fault": "client", "code": "not_found"})
        service.close()
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {each["event"] for each in told} == {"library_failed"}
    assert any("Failed to export" in each["said"] for each in told)
