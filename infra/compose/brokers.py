"""How a broker of the compose stack is told who it is, who may speak to it, and who its peers are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_PROPERTIES = """\
process.roles=broker,controller
node.id={number}
controller.quorum.voters={voters}
listeners=CLIENTS://:{place.port},CONTROLLER://:{place.controller_port}
advertised.listeners=CLIENTS://{place.host}:{place.port}
listener.security.protocol.map=CLIENTS:SASL_SSL,CONTROLLER:SASL_SSL
inter.broker.listener.name=CLIENTS
controller.listener.names=CONTROLLER
log.dirs={data}

# Who it is: by a certificate. Who others are: by a password, which travels within TLS only.
ssl.keystore.type=PEM
ssl.keystore.location={config}/keystore.pem
ssl.truststore.type=PEM
ssl.truststore.location={config}/ca.crt
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
sasl.mechanism.controller.protocol=PLAIN
listener.name.clients.plain.sasl.jaas.config={clients_login}
listener.name.controller.plain.sasl.jaas.config={controllers_login}

# What they may: what `topics` has written down, and else nothing.
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{broker};User:{topics}
allow.everyone.if.no.acl.found=false

# Topics are made before anything starts, with a partition count for life; what is acknowledged is on most brokers.
auto.create.topics.enable=false
default.replication.factor={copies}
min.insync.replicas={in_sync}
offsets.topic.num.partitions={offsets_partitions}
offsets.topic.replication.factor={copies}
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={in_sync}
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr={in_sync}
unclean.leader.election.enable=false
group.initial.rebalance.delay.ms=0
# after a kill the broker is let in again once its old session is over; by default after 9 s
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# its default of 128 MB would not fit the heap
log.cleaner.dedupe.buffer.size=8388608
"""

BROKER, TOPICS = "broker", "topics"
"""The two who may everything: the brokers among themselves, and the job that makes the topics."""


@dataclass(frozen=True)
class Place:
    """Where a broker is found by clients and by its peers."""

    host: str
    port: int = 9092
    controller_port: int = 9093


def server_properties(
    number: int, cluster: Sequence[Place], passwords: Mapping[str, str], *, config: str, data: str
) -> str:
    """Return the configuration of broker `number`, counted from 1; `passwords` are those of all who may log in.

    `config` is the directory with its certificate and the authority's, `data` the one for its log.
    """
    copies = min(3, len(cluster))
    return _PROPERTIES.format(
        number=number,
        place=cluster[number - 1],
        voters=",".join(f"{n}@{place.host}:{place.controller_port}" for n, place in enumerate(cluster, 1)),
        config=config,
        data=data,
        clients_login=say_who(BROKER, passwords[BROKER], known=passwords),
        controllers_login=say_who(BROKER, passwords[BROKER], known={BROKER: passwords[BROKER]}),
        broker=BROKER,
        topics=TOPICS,
        copies=copies,
        in_sync=max(1, copies - 1),
        offsets_partitions=1 if copies == 1 else 8,
    )


def say_who(user: str, password: str, *, known: Mapping[str, str] | None = None) -> str:
    """Return a login module's line: as whom to log in, and, at a broker, whom to let in."""
    module = "org.apache.kafka.common.security.plain.PlainLoginModule"
    let_in = "".join(f' user_{name}="{secret}"' for name, secret in (known or {}).items())
    return f'{module} required username="{user}" password="{password}"{let_in};'
