"""I6: after the whole story among sources that fail, everybody's data are nowhere but in the encrypted columns.

Provoked on purpose first: refusals of requests that carry personal data, a statement that fails with them in its
parameters, an exception with them in its message and its locals. A canary planted in each kind of place is found there.
"""

import asyncio
import uuid
from dataclasses import replace
from datetime import date
from typing import Any

import asyncpg
import httpx2
import pytest

from infra.client.examples import new_application
from infra.client.gateway import Refused
from infra.demo.cast import open_application
from infra.demo.steps import identify
from infra.embedded.keyring import SERVICES
from infra.simulators.personas import load_personas
from services.identity.service import checks
from shared.measures import REFUSALS
from shared.telemetry import Telemetry, collector
from tests.e2e.canaries import Canary, Finding, Search, canaries_of, canaries_of_registers
from tests.e2e.conftest import Hostile, Played
from tests.e2e.places import leave_in_topic, look_everywhere
from tests.e2e.watching import Watch

pytestmark = pytest.mark.stack

PEOPLE = load_personas()
MOTHER = PEOPLE["mother"]
PLANTED = Canary("planted.full_name", "Trịnh Thị Hoài Thương")
PLACES = {
    "URLs", "error bodies", "health", "traces", "metrics", "topics", "tables",
    "PostgreSQL's files", "PostgreSQL's log", "Kafka's segments", "Kafka's log", "service logs",
}  # fmt: skip


@pytest.fixture(scope="module")
def today() -> date:
    return date.today()  # noqa: DTZ011 - only to leave out birth dates that look like a day of this run


@pytest.fixture(scope="module")
async def provoked(hostile: Hostile, played: Played) -> Watch:
    """Provoke what is most likely to tell too much; of these answers not the addresses we made up are looked at."""
    watch = Watch()
    async with httpx2.AsyncClient(timeout=30) as http:
        watch.over(http)
        for provocation in (_refusals, _strange_addresses, _health):
            await provocation(hostile, http)
    await _failing_statement(hostile, MOTHER.full_name, MOTHER.pin)
    await _unhandled_exception(hostile, watch)
    watch.seen = [replace(each, url=each.url if "/health" in each.url else "") for each in watch.seen]
    return watch


async def _refusals(hostile: Hostile, http: httpx2.AsyncClient) -> None:
    """Send personal data in every member in which somebody might, and be refused."""
    cast_ = hostile.cast
    application = await open_application(cast_.justice, new_application("birth"))
    token = await cast_.justice.token("identity")
    right: dict[str, Any] = {
        "dossier_uid": application.uid, "party_uid": application.party("mother"), "method": "card_shown",
        "pin": MOTHER.pin, "full_name": MOTHER.full_name, "birth_date": MOTHER.birth_date,
    }  # fmt: skip
    wrong: list[dict[str, Any]] = [
        {"full_name": PEOPLE["father"].full_name},
        {"birth_date": PEOPLE["father"].birth_date},
        {"pin": MOTHER.pin + "0"},
        {"method": MOTHER.full_name},
        {"party_uid": MOTHER.pin},
        {MOTHER.full_name: MOTHER.pin},
        {"birth_date": MOTHER.full_name},
    ]
    for changes in wrong:
        url = f"{cast_.laptop.ports.origin}/identity/checks"
        headers = {
            "authorization": f"DPoP {token.access_token}",
            "dpop": token.key.proof("POST", url, token.access_token),
        }
        answer = await http.post(url, json=right | changes, headers=headers)
        assert 400 <= answer.status_code < 500, answer.text


async def _strange_addresses(hostile: Hostile, http: httpx2.AsyncClient) -> None:
    """Ask for addresses that carry personal data: what somebody types is not to be repeated."""
    origin = hostile.cast.laptop.ports.origin
    for path in (
        f"/reuse/dossiers/{MOTHER.pin}",
        f"/{MOTHER.full_name}",
        f"/consent/me?pin={MOTHER.pin}",
        f"/identity/authorize?client_id={MOTHER.pin}&request_uri={MOTHER.full_name}",
        f"/identity/vneid/callback?error={MOTHER.full_name}",
        f"/consent/receipts/{MOTHER.full_name}",
        f"/consent/callback?state={MOTHER.pin}",
        f"/audit/events?case_no={MOTHER.pin}",
    ):
        for accept in ("application/json", "text/html"):
            await http.get(f"{origin}{path}", headers={"accept": accept, "user-agent": MOTHER.full_name.encode().hex()})


async def _health(hostile: Hostile, http: httpx2.AsyncClient) -> None:
    for name in SERVICES:
        await http.get(f"{hostile.cast.laptop.ports.inside(name)}/health")


async def _failing_statement(hostile: Hostile, *values: str) -> None:
    """Have PostgreSQL refuse a statement whose parameters are personal data, as the service itself would send it."""
    connection = await asyncpg.connect(hostile.cast.laptop.stack.databases["identity"].service)
    try:
        for value in values:
            with pytest.raises(asyncpg.PostgresError):
                await connection.execute(
                    "INSERT INTO claim_value (claims_id, attribute, subject_id, sealed) VALUES ($1, $2, $1, $3)",
                    uuid.uuid4(), value, value.encode(),
                )  # fmt: skip
    finally:
        await connection.close()


async def _unhandled_exception(hostile: Hostile, watch: Watch) -> None:
    """Break identity where it holds a card's keys in its hands: in message, locals and cause."""
    application = await open_application(hostile.cast.justice, new_application("birth"))

    async def broken(*_: object, **given: object) -> None:
        name, number = MOTHER.full_name, MOTHER.pin
        try:
            raise KeyError(name)
        except KeyError as cause:
            raise ValueError(f"cannot parse '{name}' ({number}): {MOTHER.birth_date}\n{given}{number}") from cause

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks.citizens, "look_at_card", broken)
        watched_before = len(hostile.cast.watch.seen)
        with pytest.raises(Refused) as refused:
            await identify(application, "mother", "mother")
    assert refused.value.status == 500
    watch.seen += hostile.cast.watch.seen[watched_before:]
    del hostile.cast.watch.seen[watched_before:]


async def test_nobodys_data_are_anywhere_but_sealed(hostile: Hostile, provoked: Watch, today: date) -> None:
    search = Search([*canaries_of(PEOPLE, today), *canaries_of_registers()])
    watch = Watch([*hostile.cast.watch.seen, *provoked.seen])
    found = await look_everywhere(hostile.cast.laptop, watch, search, hostile.collector)
    told = sorted({f"{each.place}: {each.where}: {each.canary} ({each.spelling})" for each in found})
    assert not told, "\n".join(told)


async def test_in_each_kind_of_place_a_planted_canary_is_found(hostile: Hostile, provoked: Watch) -> None:
    """The positive control: else the test before would pass by looking nowhere."""
    watch = await _plant(hostile)
    found = await look_everywhere(hostile.cast.laptop, watch, Search([PLANTED]), hostile.collector)
    assert {each.place for each in found} == PLACES
    assert {place: _where(found, place) & expected for place, expected in EXPECTED.items()} == EXPECTED


EXPECTED = {
    "tables": {"identity.planted"},
    "topics": {"identity.dead-letters"},
    "service logs": {"services.log", "python.log"},
    "URLs": {"GET", "location"},
}


def _where(found: list[Finding], place: str) -> set[str]:
    return {each.where for each in found if each.place == place}


async def _plant(hostile: Hostile) -> Watch:
    """Leave one canary in each kind of place, by the way in which such a place is written to."""
    system, watch = hostile.cast.laptop, Watch()
    owner = await asyncpg.connect(system.stack.databases["identity"].owner)
    try:
        with pytest.raises(asyncpg.PostgresError):  # the value within the statement, as no statement of ours has it
            await owner.execute(f"SELECT '{PLANTED.value}'::int")
        await owner.execute("CREATE TABLE planted (name text)")
        await owner.execute("INSERT INTO planted VALUES ($1)", PLANTED.value)
    finally:
        await owner.close()
    await leave_in_topic(system, "identity.dead-letters", PLANTED.value.encode())
    directory = system.keyring.directory.parent
    for name in ("services.log", "python.log", "kafka/kafka.log"):
        with (directory / name).open("a", encoding="utf-8") as log:
            log.write(f"{PLANTED.value}\n")
    answer = httpx2.Response(
        404, content=f'{{"detail": "{PLANTED.value}"}}'.encode(), headers={"location": f"/?{_quoted()}"},
        request=httpx2.Request("GET", f"http://localhost/health?name={PLANTED.value}"),
    )  # fmt: skip
    await watch._note(answer)
    await _plant_in_telemetry(hostile)
    return watch


async def _plant_in_telemetry(hostile: Hostile) -> None:
    service = Telemetry("planted", collector(hostile.collector.address))
    with service.request(PLANTED.value, None, inside=False):
        service.count(REFUSALS, {"fault": "client", "code": PLANTED.value})
    await asyncio.to_thread(service.close)


def _quoted() -> str:
    return str(httpx2.QueryParams({"q": PLANTED.value}))


async def test_spans_and_metrics_were_sent_so_that_those_are_no_empty_places(hostile: Hostile, provoked: Watch) -> None:
    sent = hostile.collector
    assert any(b"/identity/checks" in trace for trace in sent.traces)
    assert any(b"/identity/checks" in metric and b"motlan.refusals" in metric for metric in sent.metrics)
