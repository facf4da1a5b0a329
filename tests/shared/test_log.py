"""Lines say what happened and where, never to whom (I6); traces join inside, and none from outside is trusted."""

import asyncio
import gc
import json
import logging
import re
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import log, telemetry
from shared.telemetry import Telemetry

OUTSIDE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CANARY = "032099000123"


def test_a_line_is_json_with_what_was_bound(capsys: pytest.CaptureFixture[str]) -> None:
    with log.bound(service="consent", trace_id="t"):
        log.info("granted", grant_id="g")
    log.warning("lonely")
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", first.pop("time"))
    assert first == {"level": "info", "event": "granted", "service": "consent", "trace_id": "t", "grant_id": "g"}
    assert "service" not in second


def test_a_line_that_cannot_be_written_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    full = Path("/dev/full").open("w", encoding="utf-8")  # noqa: SIM115 - closing it fails too
    monkeypatch.setattr("sys.stdout", full)
    log.info("told")
    monkeypatch.undo()
    with pytest.raises(OSError, match="No space left"):
        full.close()


@pytest.mark.parametrize(
    "message",
    [
        f"invalid literal for int() with base 10: '{CANARY}'",
        f'no such person "{CANARY}"',
        f"pin {CANARY} is taken",
        f"duplicate key value\nDETAIL:  Key (pin)=({CANARY}) already exists.",
        f"Failing row contains ({CANARY}, Nguyễn Văn An).",
    ],
)
def test_an_exceptions_message_is_told_without_its_values(message: str) -> None:
    told = json.dumps(log.describe(ValueError(message)), ensure_ascii=False)
    assert CANARY not in told
    assert "Nguyễn" not in told


def test_an_exception_is_told_with_its_frames_its_cause_and_its_group() -> None:
    def fail() -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ExceptionGroup("several", [ValueError("one")]) from error

    with pytest.raises(ExceptionGroup) as caught:
        fail()
    told = log.describe(caught.value)
    assert told["exception"] == "builtins.ExceptionGroup"
    assert any("test_log.py" in frame and frame.endswith(" fail") for frame in told["frames"])  # type: ignore[union-attr]
    assert "builtins.KeyError" in str(told["cause"])
    assert "builtins.ValueError" in str(told["group"])


def test_what_libraries_say_is_lines_of_ours_without_values_each_kind_once_a_minute(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    library, now = logging.getLogger("some.library"), [0.0]
    monkeypatch.setattr("shared.clock.ticks", lambda: now[0])
    with log.speaking_for_libraries():
        for node in (1, 2, 3):
            library.error("Unable to connect to node %s: %s\nDETAIL: more", node, f"'{CANARY}'")
        library.warning("will retry")
        now[0] = 60.0
        library.error("Unable to connect to node %s: %s\nDETAIL: more", 4, f"'{CANARY}'")
    library.error("not ours any more")
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(each["level"], each["said"], each["unsaid"]) for each in told] == [
        ("warning", "Unable to connect to node 1: …", 0),
        ("warning", "Unable to connect to node 4: …", 2),
    ]


def test_a_library_that_never_says_the_same_twice_fills_no_memory(capsys: pytest.CaptureFixture[str]) -> None:
    with log.speaking_for_libraries():
        [ours] = logging.getLogger().handlers
        for number in range(1_000):
            logging.getLogger("chatty").error(f"thing {number}")
    assert len(capsys.readouterr().out.splitlines()) == 1_000
    assert len(vars(ours)["_told"]) <= 256


def test_a_library_that_cannot_even_complain_is_told_of_and_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with log.bound(service="consent"), log.speaking_for_libraries():
        logging.getLogger("clumsy").error("%d leaves", "many")
    [told] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (told["event"], told["library"], told["reason"]) == ("library_failed", "clumsy", "TypeError")


def test_a_librarys_own_thread_speaks_for_the_service_too(capsys: pytest.CaptureFixture[str]) -> None:
    with log.bound(service="consent"), log.speaking_for_libraries():
        exporting = threading.Thread(target=logging.getLogger("exporter").error, args=("no collector",))
        exporting.start()
        exporting.join()
    assert json.loads(capsys.readouterr().out)["service"] == "consent"


async def test_a_task_that_failed_and_nobody_awaited_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    async def fail() -> None:
        raise KeyError(CANARY)

    with log.speaking_for_libraries():
        forgotten = asyncio.create_task(fail())
        await asyncio.sleep(0)
        del forgotten
        gc.collect()
    [told] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (told["level"], told["event"], told["exception"]) == ("error", "library_failed", "builtins.KeyError")
    assert CANARY not in json.dumps(told)


def test_a_trace_from_inside_is_continued() -> None:
    with Telemetry("consent").request("GET", OUTSIDE, inside=True):
        assert telemetry.trace_id() == "0af7651916cd43dd8448eb211c80319c"


def test_a_trace_from_outside_does_not_name_ours() -> None:
    with Telemetry("consent").request("GET", OUTSIDE, inside=False):
        assert telemetry.trace_id() != "0af7651916cd43dd8448eb211c80319c"
        assert telemetry.trace_id() is not None


def test_a_call_onward_names_the_trace_it_belongs_to() -> None:
    assert telemetry.traceparent() is None
    with Telemetry("consent").request("GET", None, inside=False):
        onward = telemetry.traceparent()
        assert onward is not None
        assert onward.split("-")[1] == telemetry.trace_id()
        assert telemetry.parse(onward) is not None


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "00-0-0-0",
        OUTSIDE.upper(),
        "01" + OUTSIDE[2:],
        OUTSIDE + "-x",
        OUTSIDE.replace("0af7", "00zz"),
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01",
    ],
)
def test_a_malformed_traceparent_counts_as_none(header: str | None) -> None:
    assert telemetry.parse(header) is None


@given(st.text())
def test_no_traceparent_breaks_a_request(header: str) -> None:
    with Telemetry("consent").request("GET", header, inside=True):
        assert telemetry.trace_id()
