"""`python -m infra.client`: each step of a dossier as a command that prints every request it sends, and its answer."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from infra.client.city_system import CitySystem
from infra.client.desk import Desk, console
from infra.client.examples import EXAMPLES, new_application
from infra.client.gateway import Json
from infra.client.state import State
from infra.client.tokens import Token

cli = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
Party = Annotated[str, typer.Option("--party", help="party_uid, as `dossier` printed it")]
CaseNo = Annotated[str, typer.Option(help="the case number the auditor works under")]
Purpose = Annotated[str, typer.Option(help="what she looks for, and why")]
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
) -> None:
    """Say who acts: a system, an agency, and an officer or nobody."""
    ctx.obj = Desk(client, agency, keys, gateway, redirect_uri, state / f"{client}.json", officer, position)


@cli.command()
def dossier(
    ctx: typer.Context,
    example: Annotated[str, typer.Option(help=f"one of: {', '.join(EXAMPLES)}")] = "birth",
    file: Annotated[typer.FileText | None, typer.Option(help="an application of your own, as JSON")] = None,
) -> None:
    """Open a dossier; all later commands are about it."""
    application = _json(file.read()) if file else new_application(example)

    async def step(system: CitySystem, state: State) -> None:
        opened = await system.open_dossier(await _desk(ctx).own_token(system, "reuse"), application)
        state.dossier_uid, state.flow, state.login = str(opened["dossier_uid"]), None, None

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
            agency_uid=_desk(ctx).agency_uid, dossier_uid=state.get_dossier(), party_uid=party, attributes=attributes
        )
        console.print(
            f"Open this in a browser, then give `token` the address it ends at:\n\n{state.flow.authorize_url}\n"
        )

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
    _desk(ctx).act("reuse", lambda system, token, uid: system.plan(token, uid), login_will_do=True)


@cli.command()
def collect(ctx: typer.Context, party: Party) -> None:
    """Have what is granted fetched."""
    body = {"party_uid": party}
    _desk(ctx).act("reuse", lambda system, token, uid: system.collect(token, uid, body), login_will_do=True)


@cli.command()
def release(ctx: typer.Context, party: Party) -> None:
    """Get the verified data, and verify them."""

    async def step(system: CitySystem, token: Token, uid: str) -> None:
        released = await system.release(token, uid, {"party_uid": party})
        console.print("The release verifies. In it:")
        console.print_json(json.dumps(dict(released.claims)), ensure_ascii=False)

    _desk(ctx).act("reuse", step, login_will_do=True)


@cli.command()
def receive(ctx: typer.Context, official_code: str) -> None:
    """Mark the dossier as received under its official code."""
    _desk(ctx).act("reuse", lambda system, token, uid: system.receive(token, uid, official_code))


@cli.command()
def check(ctx: typer.Context, file: File) -> None:
    """Identify a party by the card shown at the counter (--officer); the match keys come from a file, not the shell."""
    body = _json(file.read())
    _desk(ctx).act("identity", lambda system, token, uid: system.check_card(token, {"dossier_uid": uid, **body}))


@cli.command()
def decide(ctx: typer.Context, party: Party) -> None:
    """Record at the counter that the procedure's legal basis applies to a party (--officer)."""

    async def step(system: CitySystem, token: Token, uid: str) -> None:
        await system.decide_legal_basis(token, {"dossier_uid": uid, "party_uid": party})

    _desk(ctx).act("consent", step)


@cli.command()
def accept(ctx: typer.Context, component: str) -> None:
    """Accept a component (--officer): only now its paper counts as not asked for."""
    _desk(ctx).act("reuse", lambda system, token, uid: system.accept(token, uid, component))


@cli.command()
def reject(ctx: typer.Context, component: str, reason: str) -> None:
    """Reject a component and say why (--officer)."""
    _desk(ctx).act("reuse", lambda system, token, uid: system.reject(token, uid, component, reason))


@cli.command()
def deposit(ctx: typer.Context, file: File) -> None:
    """Deposit the procedure's result (--officer)."""
    body = _json(file.read())
    _desk(ctx).act("reuse", lambda system, token, uid: system.deposit(token, uid, body))


@cli.command()
def close(ctx: typer.Context, outcome: str) -> None:
    """Close the dossier (--officer)."""
    _desk(ctx).act("reuse", lambda system, token, uid: system.close(token, uid, outcome))


@cli.command()
def events(
    ctx: typer.Context,
    case_no: CaseNo,
    purpose: Purpose,
    type_: Annotated[str | None, typer.Option("--type", help="such as reuse.released.v1")] = None,
    dossier_uid: Annotated[str | None, typer.Option("--dossier")] = None,
) -> None:
    """Read the log as an auditor (--client inspectorate --agency ag-000901 --officer …); the reading is logged too."""
    filters = {name: value for name, value in {"type": type_, "dossier_uid": dossier_uid}.items() if value}

    async def step(system: CitySystem, state: State) -> None:
        token = await _desk(ctx).own_token(system, "audit")
        await system.audit_events(token, case_no=case_no, purpose=purpose, **filters)

    _desk(ctx).run(step)


@cli.command()
def bundle(ctx: typer.Context, out: Annotated[Path, typer.Argument()], case_no: CaseNo, purpose: Purpose) -> None:
    """Carry the log away as a file that `python -m services.audit verify` checks offline."""

    async def step(system: CitySystem, state: State) -> None:
        token = await _desk(ctx).own_token(system, "audit")
        out.write_text(await system.bundle(token, case_no=case_no, purpose=purpose), "utf-8")

    _desk(ctx).run(step)


def _desk(ctx: typer.Context) -> Desk:
    return cast(Desk, ctx.obj)


def _json(text: str) -> Json:
    body: Any = json.loads(text)
    if not isinstance(body, Mapping):
        raise typer.BadParameter("the file must hold one JSON object")
    return cast(Json, body)


if __name__ == "__main__":
    os.umask(0o077)
    cli()
