"""What of a long answer a person needs for the next command, as a table below it."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

Answer = Mapping[str, Any]


def show_dossier(console: Console, opened: Answer) -> None:
    """Say who is in the dossier, and for which papers data may take their place."""
    refs = refs_of(opened)
    people = Table("party", "roles", "party_uid", title=f"Dossier {opened['dossier_uid']}", title_justify="left")
    for party in opened["parties"]:
        people.add_row(party["ref"], ", ".join(party["roles"]), party["party_uid"])
    console.print(people)
    show_rows(
        console,
        ("component", "party", "attributes"),
        [
            (each["component_id"], refs[each["party_uid"]], " ".join(each["attributes"]))
            for each in opened["components"]
        ],
    )


def show_plan(console: Console, plan: Answer, refs: Mapping[str, str]) -> None:
    """Say per component and party what comes next."""
    show_rows(
        console,
        ("component", "party", "outcome", "why", "hand in the paper"),
        [
            (
                each["component_id"],
                refs.get(each["party_uid"], each["party_uid"]),
                each["outcome"],
                each.get("reason") or "",
                "yes" if each["submit"] else "no",
            )
            for each in plan["components"]
        ],
    )


def show_events(console: Console, page: Answer) -> None:
    """Say what happened when, a line an event: the whole of them is more than anybody reads on a terminal."""
    for event in (each["event"] for each in page["events"]):
        number = f"{event['source']} {int(event['sequence'])}"
        line = f"{event['time'][:19]}  {number:<14}{event['type']:<34}{event['data'].get('dossier_uid') or ''}"
        console.print(line.rstrip(), soft_wrap=True, highlight=False, markup=False)
    if page["next_after"] is not None:
        console.print("There are more: narrow it down with --type, --dossier, --from, --until.")


def show_refusal(console: Console, body: Answer) -> None:
    """Say which parts of a request were not taken."""
    for error in body.get("errors") or ():
        console.print(f"  {error['pointer'] or error['in']}: {error['reason']}", style="red", markup=False)


def refs_of(opened: Answer) -> dict[str, str]:
    """Return each party's own name by its uid."""
    return {str(party["party_uid"]): str(party["ref"]) for party in opened["parties"]}


def show_rows(console: Console, heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print a table."""
    table = Table()
    for head in heads:
        table.add_column(head, overflow="fold")  # whole, to be copied
    for row in rows:
        table.add_row(*row)
    console.print(table)
