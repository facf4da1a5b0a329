"""A key lies where every Kafka client looks for it."""

import pytest

from shared.kafka import partition_for


@pytest.mark.parametrize(
    ("key", "murmur2"),
    [  # the vectors of Kafka's own UtilsTest.java
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_a_key_has_the_partition_the_java_client_gives_it(key: str, murmur2: int) -> None:
    for partitions in (1, 4, 7):
        assert partition_for(key, partitions) == (murmur2 & 0x7FFFFFFF) % partitions
