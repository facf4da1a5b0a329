"""`python -m infra.client`: each step of a dossier as a command that prints every request it sends, and its answer."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from pydantic import JsonValue

from infra.client.city_system import CitySystem
from infra.client.desk import Desk, console
from infra.client.examples import EXAMPLES, new_application
from infra.client.gateway import Json
from infra.client.state import State
from infra.client.summary import refs_of, show_dossier, show_events, show_plan
from infra.client.tokens import Token

cli = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
Party = Annotated[str, typer.Option("--party", help="party_uid or party, as `dossier` printed them")]
CaseNo = Annotated[str, typer.Option(help="the case number the auditor works under")]
Purpose = Annotated[str, typer.Option(help="inspection, complaint, request_of_the_person, incident or statistics")]
Component = Annotated[str, typer.Argument(help="component_id, as `dossier` printed it")]
File = Annotated[typer.FileText, typer.Argument(help="a JSON file, - for standard input")]


@cli.callback()
def choose_desk(
    ctx: typer.Context,
    client: Annotated[str, typer.Option(help="which city system we are")] = "justice-system",
    agency: Annotated[str, typer.Option(help="the agency it acts for")] = "ag-000101",
    officer: Annotated[str | None, typer.Option(help="the officer who acts, by reference")] = None,
    position: Annotated[str, typer.Option(help="the officer's position")] = "Công chức tư pháp - hộ tịch",
    gateway: Annotated[str, typer.Option(help="the gateway's public origin")] = "http://localhost:8080",
    redirect_uri: Annotated[str, typer.Option()] = "http://localhost:8090/city/callback",
    keys: Annotated[Path, typer.Option(help="where client-<name>.pem lies")] = Path(".run/keys"),
    state: Annotated[Path, typer.Option(help="where dossier and login are remembered")] = Path(".run/client"),
    ca: Annotated[Path | None, typer.Option(help="an authority that vouches for the gateway (PEM)")] = None,
) -> None:
    """Say who acts: a system, an agency, and an officer or nobody."""
    ctx.obj = Desk(client, agency, keys, gateway, redirect_uri, state / f"{client}.json", officer, position, ca)


@cli.command()
def dossier(
    ctx: typer.Context,
    example: Annotated[str, typer.Option(help=f"one of: {', '.join(EXAMPLES)}")] = "birth",
    file: Annotated[typer.FileText | None, typer.Option(help="an application of your own, as JSON")] = None,
) -> None:
    """Open a dossier; all later commands are about it."""
    if example not in EXAMPLES:
        raise typer.BadParameter(f"there is {' and '.join(EXAMPLES)}", param_hint="--example")
    application = _json(file.read()) if file else new_application(example)

    async def step(system: CitySystem, state: State) -> None:
        opened = await system.open_dossier(await _desk(ctx).own_token(system, "reuse"), application)
        state.dossier_uid, state.parties = str(opened["dossier_uid"]), refs_of(opened)
        state.flow = state.login = None
        show_dossier(console, opened)

    _desk(ctx).run(step)


@cli.command()
def login_link(
    ctx: typer.Context,
    party: Party,
    attributes: Annotated[list[str], typer.Argument(help="what will be asked of her, such as person.full_name")],
) -> None:
    """Begin a login: prints the address to open in a browser."""

    async def step(system: CitySystem, state: State) -> None:
        state.flow = await system.begin_login(
            agency_uid=_desk(ctx).agency_uid,
            dossier_uid=state.get_dossier(),
            party_uid=state.party(party),
            attributes=attributes,
        )
        console.print("Open this in a browser, then give `token` the address it ends at:\n")
        console.print(state.flow.authorize_url, soft_wrap=True)  # whole, to be copied

    _desk(ctx).run(step)


@cli.command()
def token(
    ctx: typer.Context,
    callback_url: Annotated[
        str | None, typer.Argument(help="where the browser ended; without it, a token of our own")
    ] = None,
) -> None:
    """Finish the login with the address its browser ended at; or get a token without a citizen, to see how."""

    async def step(system: CitySystem, state: State) -> None:
        if callback_url is None:
            await _desk(ctx).own_token(system, "reuse")
        elif state.flow is None:
            raise typer.BadParameter("no login is under way: begin with `login-link`")
        else:
            state.login, state.flow = await system.finish_login(state.flow, callback_url), None

    _desk(ctx).run(step)


@cli.command()
def plan(ctx: typer.Context) -> None:
    """See what can be reused, what is missing, and who has to do what next."""

    async def step(system: CitySystem, state: State, token: Token) -> None:
        show_plan(console, await system.plan(token, state.get_dossier()), state.parties)

    _desk(ctx).act("reuse", step, login_will_do=True)


@cli.command()
def collect(ctx: typer.Context, party: Party) -> None:
    """Have what is granted fetched."""

    async def step(system: CitySystem, state: State, token: Token) -> None:
        request = {"party_uid": state.party(party)}
        show_plan(console, await system.collect(token, state.get_dossier(), request), state.parties)

    _desk(ctx).act("reuse", step, login_will_do=True)


@cli.command()
def release(ctx: typer.Context, party: Party) -> None:
    """Get the verified data, and verify them."""

    async def step(system: CitySystem, state: State, token: Token) -> None:
        released = await system.release(token, state.get_dossier(), {"party_uid": state.party(party)})
        console.print("The release verifies. In it:")
        console.print_json(json.dumps(dict(released.claims)), ensure_ascii=False)

    _desk(ctx).act("reuse", step, login_will_do=True)


@cli.command()
def receive(
    ctx: typer.Context, official_code: Annotated[str, typer.Argument(help="such as H31.11-20261124-0000417")]
) -> None:
    """Mark the dossier as received under its official code."""
    _desk(ctx).act("reuse", lambda system, state, token: system.receive(token, state.get_dossier(), official_code))


@cli.command()
def check(ctx: typer.Context, file: File) -> None:
    """Identify a party by the card shown at the counter (--officer); the match keys come from a file, not the shell."""
    body = _json(file.read())

    async def step(system: CitySystem, state: State, token: Token) -> None:
        await system.check_card(token, {"dossier_uid": state.get_dossier(), **_named(body, state)})

    _desk(ctx).act("identity", step)


@cli.command()
def decide(
    ctx: typer.Context,
    party: Party,
    represented_by: Annotated[str | None, typer.Option(help="the party who speaks for a child")] = None,
) -> None:
    """Record at the counter that the procedure's legal basis applies to a party (--officer)."""

    async def step(system: CitySystem, state: State, token: Token) -> None:
        decision: dict[str, JsonValue] = {"dossier_uid": state.get_dossier(), "party_uid": state.party(party)}
        if represented_by:
            decision["represented_by"] = state.party(represented_by)
        await system.decide_legal_basis(token, decision)

    _desk(ctx).act("consent", step)


@cli.command()
def accept(ctx: typer.Context, component: Component) -> None:
    """Accept a component (--officer): only now its paper counts as not asked for."""
    _desk(ctx).act("reuse", lambda system, state, token: system.accept(token, state.get_dossier(), component))


@cli.command()
def reject(
    ctx: typer.Context,
    component: Component,
    reason: Annotated[str, typer.Argument(help="a code of your own, such as photo_unlike: no free text")],
) -> None:
    """Reject a component and say why (--officer)."""
    _desk(ctx).act("reuse", lambda system, state, token: system.reject(token, state.get_dossier(), component, reason))


@cli.command()
def deposit(ctx: typer.Context, file: File) -> None:
    """Deposit the procedure's result (--officer)."""
    body = _json(file.read())
    _desk(ctx).act(
        "reuse", lambda system, state, token: system.deposit(token, state.get_dossier(), _named(body, state))
    )


@cli.command()
def close(
    ctx: typer.Context, outcome: Annotated[str, typer.Argument(help="a code of your own, such as completed")]
) -> None:
    """Close the dossier (--officer)."""
    _desk(ctx).act("reuse", lambda system, state, token: system.close(token, state.get_dossier(), outcome))


TypeOf = Annotated[str | None, typer.Option("--type", help="such as reuse.released.v1")]
OfDossier = Annotated[str | None, typer.Option("--dossier")]
From = Annotated[str | None, typer.Option("--from", help="such as 2026-11-24T00:00:00Z")]
Until = Annotated[str | None, typer.Option()]


@cli.command()
def events(
    ctx: typer.Context,
    case_no: CaseNo,
    purpose: Purpose,
    type_: TypeOf = None,
    dossier_uid: OfDossier = None,
    from_: From = None,
    until: Until = None,
) -> None:
    """Read the log as an auditor (--client inspectorate --agency ag-000901 --officer …); the reading is logged too."""
    filters = _filters(type_, dossier_uid, from_, until)

    async def step(system: CitySystem, state: State) -> None:
        token = await _desk(ctx).own_token(system, "audit")
        show_events(console, await system.audit_events(token, case_no=case_no, purpose=purpose, **filters))

    _desk(ctx).run(step)


@cli.command()
def bundle(
    ctx: typer.Context,
    out: Annotated[Path, typer.Argument()],
    case_no: CaseNo,
    purpose: Purpose,
    type_: TypeOf = None,
    dossier_uid: OfDossier = None,
    from_: From = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(help="open so many of the events that match, at most 10000")] = 1_000,
) -> None:
    """Carry the log away as a file that `python -m services.audit verify` checks offline, matching events opened."""
    filters = _filters(type_, dossier_uid, from_, until) | {"limit": str(limit)}

    async def step(system: CitySystem, state: State) -> None:
        token = await _desk(ctx).own_token(system, "audit")
        out.write_text(await system.bundle(token, case_no=case_no, purpose=purpose, **filters), "utf-8")
        console.print(f"Written to {out}.")

    _desk(ctx).run(step)


def _filters(type_: str | None, dossier_uid: str | None, from_: str | None, until: str | None) -> dict[str, str]:
    said = {"type": type_, "dossier_uid": dossier_uid, "from": from_, "until": until}
    return {name: value for name, value in said.items() if value}


def _desk(ctx: typer.Context) -> Desk:
    return cast(Desk, ctx.obj)


def _json(text: str) -> Json:
    try:
        body: Any = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"the file is not JSON: {error}") from None
    if not isinstance(body, Mapping):
        raise typer.BadParameter("the file must hold one JSON object")
    return cast(Json, body)


def _named(body: Json, state: State) -> Json:
    """Return a body whose party may be named by our own word for it."""
    return {**body, "party_uid": state.party(str(body["party_uid"]))} if "party_uid" in body else body


if __name__ == "__main__":
    os.umask(0o077)
    cli()
