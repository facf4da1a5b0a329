"""Makes the topics and says who may use them, before anything of ours starts: `python -m infra.compose.topics`."""
# aiokafka ships no types; what we take from it here is what its documentation says.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError
from aiokafka.protocol.admin import CreateAclsRequest

from infra.compose.brokers import TOPICS as OURSELVES
from infra.compose.rights import Right, rights
from infra.topics import RETENTION, TOPICS
from shared.kafka import Login

_ANYWHERE, _LITERAL, _ALLOW, _TOPIC_EXISTS = "*", 3, 3, 36
_KINDS = {"topic": 2, "group": 3, "cluster": 4}
_OPERATIONS = {"read": 3, "write": 4, "describe": 8}
_AS_THE_BROKERS_SAY = -1  # how many copies
_WITHIN_SECONDS = 60


class Refused(Exception):
    """The brokers would not, or a topic is not what it has to be; a sentence for people."""


def main() -> int:
    """Prepare the brokers of this stack; 0 if they are ready, 1 with a sentence if not."""
    secrets = Path(os.environ["SECRETS_DIR"])
    login = Login(OURSELVES, (secrets / "kafka-password").read_text("utf-8").strip(), secrets / "kafka-ca.crt")
    try:
        asyncio.run(prepare(os.environ["KAFKA_BOOTSTRAP"], login))
    except (Refused, KafkaError, TimeoutError) as error:
        print(f"The topics could not be made: {error or 'no broker answered in time'}", file=sys.stderr)
        return 1
    return 0


async def prepare(bootstrap: str, login: Login, topics: Mapping[str, int] = TOPICS) -> None:
    """Make each topic unless it is there, with its partitions for life and its leaders; write down the rights.

    Once it returns a reader's group can be joined. Raises Refused for a topic with another partition count: its keys
    would change place.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=10_000, **login.options())
    try:
        async with asyncio.timeout(_WITHIN_SECONDS):
            await admin.start()
            await _make(admin, topics)
            await _until_led(admin, topics)
            for right in rights():
                await _allow(admin, right)
            await _until_groups_can_be_joined(admin)
    finally:
        await admin.close()


async def _make(admin: AIOKafkaAdminClient, topics: Mapping[str, int]) -> None:
    wanted = [NewTopic(name, count, _AS_THE_BROKERS_SAY, {}, RETENTION) for name, count in topics.items()]
    answer: Any = await admin.create_topics(wanted)
    refused = [error for error in answer.topic_errors if error[1] not in (0, _TOPIC_EXISTS)]
    if refused:
        raise Refused(str(refused))


async def _until_led(admin: AIOKafkaAdminClient, topics: Mapping[str, int]) -> None:
    while waiting := await _unled(admin, topics):
        print(f"waiting for a leader of {waiting}")
        await asyncio.sleep(0.2)


async def _unled(admin: AIOKafkaAdminClient, topics: Mapping[str, int]) -> str | None:
    """Return a topic that some partition of has no leader yet."""
    for topic in await admin.describe_topics(list(topics)):
        name, partitions = topic["topic"], topic["partitions"]
        if topic["error_code"] or any(p["error_code"] or p["leader"] < 0 for p in partitions):
            return str(name)
        if len(partitions) != topics[name]:
            raise Refused(f"{name} has {len(partitions)} partitions, not {topics[name]}")
    return None


async def _until_groups_can_be_joined(admin: AIOKafkaAdminClient) -> None:
    """Ask for a coordinator: the first to do so has the brokers make the topic of offsets."""
    while True:
        try:
            await admin.find_coordinator(OURSELVES)
        except GroupCoordinatorNotAvailableError:
            await asyncio.sleep(0.2)
        else:
            return


async def _allow(admin: AIOKafkaAdminClient, right: Right) -> None:
    request = CreateAclsRequest(
        _KINDS[right.kind], right.what, _LITERAL, f"User:{right.who}", _ANYWHERE, _OPERATIONS[right.may], _ALLOW
    )
    answer: Any = await admin._send_request(request)  # pyright: ignore[reportPrivateUsage] - it has no method for this
    if wrong := [one for one in answer.creation_responses if one[0]]:
        raise Refused(f"{right}: {wrong}")


if __name__ == "__main__":
    sys.exit(main())
