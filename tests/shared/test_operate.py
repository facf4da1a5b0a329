"""An operator's commands say what is wrong, mend it, and tell by their exit code whether something is left."""

import asyncio
import json
from pathlib import Path

import pytest
from pydantic_settings import SettingsConfigDict

from infra.embedded.stack import Stack
from shared import http
from shared.alarms import raise_alarm
from shared.db import Tx
from shared.events import Received
from shared.operate import DONE, LEFT, main, operate
from shared.service import Service
from shared.settings import InvalidSettings, ServiceSettings
from tests.shared.conftest import FIRST, OTHER, Pair, running
from tests.shared.credentials import make_values
from tests.shared.reading import gaps

pytestmark = pytest.mark.stack


class Operator:
    """Somebody at the reader's machine."""

    def __init__(self, service: Service, said: pytest.CaptureFixture[str]) -> None:
        self._service, self._said = service, said

    async def types(self, *command: str) -> tuple[int, list[list[str]]]:
        """Run a command; return its exit code and what it printed, by lines and fields, without our own log lines."""
        self._said.readouterr()
        code = await asyncio.to_thread(operate, self._service, command)
        lines = [line for line in self._said.readouterr().out.splitlines() if not line.startswith("{")]
        return code, [line.split("\t") for line in lines]


@pytest.fixture
def operator(stack: Stack, tmp_path: Path, pair: Pair, capsys: pytest.CaptureFixture[str]) -> Operator:
    class Settings(ServiceSettings):
        model_config = SettingsConfigDict(env_prefix=f"{pair.reader.upper()}_")

    values = make_values(tmp_path, pair.reader) | {"database_url": stack.postgres.dsn(pair.reader, pair.reader)}
    settings = Settings.model_validate(values)
    service = Service(pair.reader, http.make_app(settings, [], "x"), settings)
    service.sources, service.handlers = [pair.source], {f"{pair.source}.happened.v1": pair.note}
    return Operator(service, capsys)


async def broken(tx: Tx, event: Received) -> None:
    if event.key == FIRST:
        raise ValueError


async def test_a_parked_key_is_listed_replayed_and_gone(pair: Pair, operator: Operator) -> None:
    async with running(pair.relay(), pair.consumer(broken)):
        await pair.append(FIRST, OTHER, FIRST)
        await pair.until_taken(3)
    code, lines = await operator.types("parked")
    assert (code, lines[0][:3], lines[1][:3]) == (LEFT, ["source", "key", "events"], [pair.source, FIRST, "2"])
    code, [alarm_line] = (await operator.types("alarms"))[0], (await operator.types("alarms"))[1][1:]
    assert (code, alarm_line[:2]) == (LEFT, ["parked", f"{pair.source}/0"])
    assert await operator.types("replay", "--key", "somebody else's") == (DONE, [])
    assert await operator.types("replay") == (DONE, [[pair.source, FIRST, "applied 2", "left 0"]])
    for command in ("parked", "alarms", "gaps", "dead-letters"):
        assert await operator.types(command) == (DONE, [])
    assert await pair.effects(FIRST) == [1, 3]


async def test_an_alarm_that_only_a_person_can_end_is_dismissed(pair: Pair, operator: Operator) -> None:
    async with pair.into.transaction() as tx:
        await raise_alarm(tx, "number_conflict", "consent/0", {})
    assert await operator.types("dismiss", "number_conflict", "consent/1") == (LEFT, [["dismissed 0"]])
    assert (await operator.types("alarms"))[0] == LEFT
    assert await operator.types("dismiss", "number_conflict", "consent/0") == (DONE, [["dismissed 1"]])
    assert await operator.types("alarms") == (DONE, [])


@pytest.mark.parametrize(
    ("wrong", "event", "said"),
    [
        (InvalidSettings("REUSE_NOPE: no such setting\nREUSE_X: Field required"), "settings_invalid", "REUSE_X"),
        (FileNotFoundError("no such file: 'key.pem'"), "service_failed", "FileNotFoundError"),
    ],
    ids=["settings", "key file"],
)
def test_what_cannot_be_composed_says_why_in_one_line(
    wrong: Exception, event: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def compose() -> Service:
        raise wrong

    with pytest.raises(SystemExit) as ended:
        main(compose)
    told = json.loads(capsys.readouterr().out)
    assert (ended.value.code, told["level"], told["event"]) == (1, "error", event)
    assert said in json.dumps(told)


async def test_a_replay_that_fails_again_says_why_and_that_something_is_left(pair: Pair, operator: Operator) -> None:
    async with running(pair.relay(), pair.consumer(broken)):
        await pair.append(FIRST)
        await pair.until_taken(1)
    operator._service.handlers = {f"{pair.source}.happened.v1": broken}
    assert await operator.types("replay") == (LEFT, [[pair.source, FIRST, "applied 0", "left 1", "ValueError"]])


async def test_a_forgery_is_listed_is_not_replayed_and_goes_when_it_is_dropped(pair: Pair, operator: Operator) -> None:
    await pair.put(b"forged", partition=0)
    async with running(pair.relay(), pair.consumer()):
        await pair.append(FIRST)
        await pair.until_taken(1)
    code, lines = await operator.types("dead-letters")
    assert (code, lines[1][:4]) == (LEFT, [f"{pair.source}.events", "0", "0", "not JSON"])
    assert await operator.types("replay-dead-letters") == (LEFT, [["applied 0", "left 1", "Forged"]])
    assert await operator.types("drop-dead-letters", f"{pair.source}.events") == (DONE, [["dropped 1"]])
    assert await operator.types("alarms") == (DONE, [])


async def test_what_is_to_be_sent_again_is_counted_by_its_numbers(pair: Pair, operator: Operator) -> None:
    """The operator sits at the reader, whose own outbox is empty; the source's numbers are asked through the same."""
    assert await operator.types("send-again", "--partition", "0", "--after", "3") == (
        DONE,
        [["will be sent again: 0"]],
    )
    assert await gaps(pair) == []
    code, lines = await operator.types("outbox")
    assert (code, lines[1]) == (DONE, ["0", "0", "0", "None", "0", "None"])
