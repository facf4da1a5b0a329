"""Sends whatever an OpenAPI document allows, and what it forbids, to a service; each answer must be documented."""

import asyncio
import os
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import httpx2
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisDeprecationWarning
from requests import Request
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from contracts import openapi
from contracts.files import read
from shared.problems import STATUS

CASES = int(os.environ.get("FUZZ_CASES", "10"))
"""How many valid and how many invalid requests are made per operation. `FUZZ_CASES=200 FUZZ_SEED=7` for a long run."""
SEED = int(os.environ.get("FUZZ_SEED", "1"))

Case = Any  # schemathesis.Case, whose members have types of which half are unknown
_REFUSALS = {*STATUS.values()}
_CHECKS: list[Any] = [
    getattr(checks, f"{name}_conformance")
    for name in ("status_code", "content_type", "response_headers", "response_schema")
]


Known = Mapping[str, Sequence[Any]]
"""Values that exist, by the parameter or member that takes them: random ids meet nothing."""


@dataclass
class Fuzzing:
    """What a test tells of the service it fuzzes."""

    send: Callable[[httpx2.Request], Coroutine[Any, Any, httpx2.Response]]
    """Adds the credentials and sends."""
    prepare: Callable[[], Coroutine[Any, Any, Known]]
    """Sets the scene anew for each operation."""
    valid: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """Bodies that lead somewhere, by operation: sent as they are, and with one member generated."""
    seen: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    """How often each operation answered with which status."""

    def never_succeeded(self) -> set[str]:
        """Return the operations of which only the refusals were tried."""
        return {operation for operation, statuses in self.seen.items() if min(statuses) >= 300}

    async def run(self, document: str) -> None:
        """Try every operation of a document; fail with the smallest request whose answer is not documented."""
        loop = asyncio.get_running_loop()
        schema: Any = schemathesis.openapi.from_dict(read(openapi.FOLDER / document))
        for operation in (each.ok() for each in schema.get_all_operations()):
            modes = [GenerationMode.POSITIVE]
            if operation.body or [*operation.iter_parameters()]:  # where nothing is taken, nothing can be wrong
                modes.append(GenerationMode.NEGATIVE)
            for mode in modes:
                await asyncio.to_thread(self._try, operation.as_strategy(mode), await self.prepare(), loop)

    def _try(self, cases: st.SearchStrategy[Case], known: Known, loop: asyncio.AbstractEventLoop) -> None:
        """Run in a thread of its own: the service answers on the loop of the tests, where its pool lives."""

        @seed(SEED)
        @settings(
            max_examples=CASES,
            database=None,
            derandomize=False,  # the seed says which
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        )
        @given(case=cases, helped=st.integers(0, 9))
        def try_one(case: Case, helped: int) -> None:
            self._help(case, known, helped)
            answer = asyncio.run_coroutine_threadsafe(self.send(_written(case)), loop).result(30)
            self.seen[case.operation.label][answer.status_code] += 1
            _check(case, answer)

        with warnings.catch_warnings():
            # The service draws its trace ids from `random` on the other thread, now and then while a case is made.
            warnings.filterwarnings("ignore", "Do not use the `random` module", HypothesisDeprecationWarning)
            try_one()

    def _help(self, case: Case, known: Known, helped: int) -> None:
        """Let two cases of three name things that exist, and change one member of a body that leads somewhere."""
        if helped % 3 == 0:
            return
        case.headers.pop("Idempotency-Key", None)
        valid = self.valid.get(case.operation.label)
        if valid is not None and isinstance(case.body, dict):
            generated = cast("dict[str, Any]", case.body)
            names = sorted(generated)
            kept = {names[helped % len(names)]} if names and helped > 4 else set[str]()
            case.body = {**valid, **{name: generated[name] for name in kept}}
        for place in (case.path_parameters, case.query, case.body):
            if isinstance(place, dict):
                members = cast("dict[str, Any]", place)
                there = known.keys() & members.keys()
                members.update({name: known[name][helped % len(known[name])] for name in there})


def _written(case: Case) -> httpx2.Request:
    """Write the request as it goes over the wire."""
    asked = Request(**case.as_transport_kwargs(base_url="http://localhost:8080")).prepare()
    body = cast("str | bytes | None", asked.body)
    headers = {name: cast(str, value) for name, value in asked.headers.items() if name.lower() != "content-length"}
    return httpx2.Request(str(asked.method), str(asked.url), headers=headers, content=body)


def _check(case: Case, answer: httpx2.Response) -> None:
    case.validate_response(answer, checks=_CHECKS)
    if answer.status_code >= 400:
        told = f"{case.operation.label} {answer.status_code} {answer.text[:500]}"
        assert answer.status_code in _REFUSALS, told
        assert answer.json().get("status", answer.status_code) == answer.status_code, told
        assert answer.status_code < 500 or answer.json().get("retryable", True), told
