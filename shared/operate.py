"""An operator's commands at one service, `python -m services.<name> <command>`: what is wrong, and how to mend it."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any

from shared import alarms, data_keys, log, outbox, places, redrive
from shared.db import Database
from shared.service import Service, serve
from shared.settings import InvalidSettings

DONE, LEFT = 0, 1
"""Exit codes: nothing is left to do; something of it is still there."""

Command = Callable[[Service, argparse.Namespace], Awaitable[int]]


def main(compose: Callable[[], Service]) -> None:
    """Compose the service, and serve or run the command that was given; why that cannot be is one line, exit code 1."""
    try:
        service = compose()
    except InvalidSettings as error:
        log.error("settings_invalid", wrong=str(error).splitlines())
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - such as a key file that holds none
        log.error("service_failed", error)
        sys.exit(1)
    if arguments := sys.argv[1:]:
        sys.exit(operate(service, arguments))
    serve(service)


def operate(service: Service, arguments: Sequence[str]) -> int:
    """Run one command against the service's own database, beside a running service or without; return the exit code."""
    options = make_parser(service.name).parse_args(arguments)
    return asyncio.run(_operate(service, options))


async def _operate(service: Service, options: argparse.Namespace) -> int:
    service.db = await Database.connect(service.settings.dsn(), max_size=2)
    try:
        command: Command = options.command
        return await command(service, options)
    finally:
        await service.db.close()
        for close in service.on_close:
            await close()


async def show_alarms(service: Service, options: argparse.Namespace) -> int:
    """List what holds now and a person must look at."""
    async with service.db.read() as tx:
        found = await alarms.raised(tx)
    return _list(found)


async def dismiss(service: Service, options: argparse.Namespace) -> int:
    """Let go of an alarm whose condition nothing here can tell to be over; where it still holds, it is raised again."""
    async with service.db.transaction() as tx:
        held = await alarms.clear_alarm(tx, options.kind, options.key)
    _say(f"dismissed {int(held)}")
    return DONE if held else LEFT


async def show_parked(service: Service, options: argparse.Namespace) -> int:
    """List the keys that wait behind an event which could not be applied, oldest first."""
    async with service.db.read() as tx:
        found = await redrive.parked_keys(tx)
    return _list(found)


async def show_dead_letters(service: Service, options: argparse.Namespace) -> int:
    """List messages that nobody of ours had signed as they stood."""
    async with service.db.read() as tx:
        found = await redrive.dead_letters(tx)
    return _list(found)


async def show_gaps(service: Service, options: argparse.Namespace) -> int:
    """List the events that this service knows to be missing: have their source send them again."""
    async with service.db.read() as tx:
        found = await places.gaps(tx)
    return _list(found)


async def show_outbox(service: Service, options: argparse.Namespace) -> int:
    """Say how much of what this service has committed is published, and how much is sealed in the log."""
    async with service.db.read() as tx:
        found = await outbox.progress(tx)
    _list([found])
    return DONE


async def replay(service: Service, options: argparse.Namespace) -> int:
    """Apply parked events in the order of their numbers, key by key; a key stops at an event that fails again."""
    async with service.db.read() as tx:
        waiting = [k for k in await redrive.parked_keys(tx) if options.key is None or k.key == options.key]
    code = DONE
    for each in waiting:
        done = await redrive.replay_key(service.db, each.source, each.key, handlers=service.handlers)
        _say(f"{each.source}\t{each.key}\tapplied {done.applied}\tleft {done.left}\t{done.error or ''}".rstrip())
        code = LEFT if done.left else code
    return code


async def replay_dead_letters(service: Service, options: argparse.Namespace) -> int:
    """Take in the dead letters whose signature verifies today, in order; forgeries stay."""
    done = await redrive.replay_dead_letters(
        service.db, sources=service.sources, trust=service.trust, handlers=service.handlers
    )
    _say(f"applied {done.applied}\tleft {done.left}\t{done.error or ''}".rstrip())
    return LEFT if done.left else DONE


async def drop_dead_letters(service: Service, options: argparse.Namespace) -> int:
    """Let go of a topic's dead letters once somebody has looked at them, and of their alarm."""
    async with service.db.transaction() as tx:
        dropped = await redrive.drop_dead_letters(tx, options.topic)
    _say(f"dropped {dropped}")
    return DONE


async def send_again(service: Service, options: argparse.Namespace) -> int:
    """Have the relay publish numbered events once more, the same bytes: refills an emptied topic, or a reader's gap."""
    partitions = range(service.settings.partitions) if options.partition is None else [options.partition]
    counts = [await outbox.send_again(service.db, p, after=options.after, upto=options.upto) for p in partitions]
    _say(f"will be sent again: {sum(counts)}")
    return DONE


async def rewrap_keys(service: Service, options: argparse.Namespace) -> int:
    """Wrap citizens' data keys anew with the key-encryption key in use; then no former one is needed any more."""
    rewrapped = await data_keys.rewrap(service.db, service.vault) if service.vault else 0
    _say(f"rewrapped {rewrapped}")
    return DONE


_NEWEST = (1 << 63) - 1
_SIMPLE: dict[str, Command] = {
    "alarms": show_alarms,
    "parked": show_parked,
    "dead-letters": show_dead_letters,
    "gaps": show_gaps,
    "outbox": show_outbox,
    "replay-dead-letters": replay_dead_letters,
    "rewrap-keys": rewrap_keys,
}


def make_parser(name: str) -> argparse.ArgumentParser:
    """Say what can be commanded."""
    parser = argparse.ArgumentParser(prog=f"python -m services.{name}", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(command: str, run: Command) -> argparse.ArgumentParser:
        added = commands.add_parser(command, help=run.__doc__, description=run.__doc__)
        added.set_defaults(command=run)
        return added

    for command, run in _SIMPLE.items():
        add(command, run)
    dismissing = add("dismiss", dismiss)
    dismissing.add_argument("kind")
    dismissing.add_argument("key")
    add("replay", replay).add_argument("--key", help="only this key (default: all that wait)")
    add("drop-dead-letters", drop_dead_letters).add_argument("topic")
    again = add("send-again", send_again)
    again.add_argument("--partition", type=int, help="only this partition (default: all)")
    again.add_argument("--after", type=int, default=0, help="only numbers greater than this")
    again.add_argument("--upto", type=int, default=_NEWEST, help="only numbers up to this")
    return parser


def _list(found: Iterable[Any]) -> int:
    """Print one line each, members in their order; return whether there was nothing."""
    rows = [asdict(each) for each in found if is_dataclass(each) and not isinstance(each, type)]
    if rows:
        _say("\t".join(rows[0]))
    for row in rows:
        _say("\t".join(_written(value) for value in row.values()))
    return LEFT if rows else DONE


def _written(value: object) -> str:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
