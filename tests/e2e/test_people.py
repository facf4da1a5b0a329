"""People whose main job goes another way: each outcome is named rightly, and never as somebody else's fault."""

from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from infra.client.examples import new_application
from infra.client.oauth import LoginFailed
from infra.demo.cast import Application, Cast, open_application
from infra.demo.steps import code_of, components_of, decide, identify

pytestmark = pytest.mark.stack


async def birth(cast: Cast) -> Application:
    return await open_application(cast.justice, new_application("birth"))


async def try_login(cast: Cast, application: Application, persona: str, role: str) -> str:
    """Return the error a login comes back with."""
    party = application.party(role)
    system = application.office.system
    flow = await system.begin_login(
        agency_uid=application.office.agency_uid,
        dossier_uid=application.uid,
        party_uid=party,
        attributes=application.asked_of(party),
    )
    async with cast.person(persona) as person:
        page = await (person.refuse if persona == "refuser" else person.log_in)(flow.authorize_url)
    with pytest.raises(LoginFailed) as failed:
        await system.finish_login(flow, page.url)
    return failed.value.error


async def test_a_birth_with_one_of_two_parents_grants_releases_hers_and_waits_for_his(cast: Cast) -> None:
    application = await birth(cast)
    async with cast.person("mother") as person:
        token = await application.login(person, "mother", "refused")
    await application.collect("mother", token)
    release = await application.release("mother", token)
    assert set(components_of(release)) == {
        "mother-identity",
        "mother-residence",
        "parents-marriage",
        "birth-notification",
    }
    assert set((await application.outcomes("father")).values()) == {"awaiting_person"}
    assert await code_of(application.release("father", None, "father-identity")) != "not refused"


async def test_who_refuses_on_the_phone_is_not_a_system_error(cast: Cast) -> None:
    assert await try_login(cast, await birth(cast), "refuser", "father") == "access_denied"


async def test_a_level_1_account_does_not_reach_the_procedures_level(cast: Cast) -> None:
    assert await try_login(cast, await birth(cast), "level_one", "father") == "unmet_authentication_requirements"


async def test_a_child_of_ten_cannot_answer_alone(cast: Cast) -> None:
    """R12: where only a representative may answer, nobody else's receipt is written."""
    assert await try_login(cast, await birth(cast), "minor", "mother") == "access_denied"


async def test_the_mother_cannot_be_the_father_of_the_same_dossier(cast: Cast) -> None:
    """R4: a subject is at most one party of a dossier."""
    application = await birth(cast)
    async with cast.person("mother") as person:
        await application.login(person, "mother", "refused")
    assert await try_login(cast, application, "mother", "father") == "access_denied"


async def test_who_refuses_everything_still_comes_back_with_a_code_and_hands_in_papers(cast: Cast) -> None:
    application = await birth(cast)
    async with cast.person("father") as person:
        party = application.party("father")
        flow = await application.office.system.begin_login(
            agency_uid=application.office.agency_uid,
            dossier_uid=application.uid,
            party_uid=party,
            attributes=application.asked_of(party),
        )
        await person.log_in(flow.authorize_url)
        form = next(form for form in person.browser.page.forms if form.action.endswith("/decision"))
        values: dict[str, str | list[str]] = {
            c.name: "self_submit" if c.kind == "checkbox" else "refused" for c in form.choices
        }
        page = await person.browser.press("Gửi câu trả lời", **values)
    token = await application.office.system.finish_login(flow, page.url)
    outcomes = await application.outcomes("father", token)
    assert set(outcomes.values()) == {"refused_by_citizen"}
    assert {"father-identity", "father-residence", "parents-marriage"} <= await application.to_hand_in()


async def test_giving_up_the_application_is_access_denied_and_frees_her_place(cast: Cast) -> None:
    application = await birth(cast)
    party = application.party("mother")
    system = application.office.system
    flow = await system.begin_login(
        agency_uid=application.office.agency_uid,
        dossier_uid=application.uid,
        party_uid=party,
        attributes=application.asked_of(party),
    )
    async with cast.person("mother") as person:
        await person.log_in(flow.authorize_url)
        page = await person.browser.press("Dừng nộp hồ sơ này")
    with pytest.raises(LoginFailed) as failed:
        await system.finish_login(flow, page.url)
    assert failed.value.error == "access_denied"
    async with cast.person("mother") as person:
        await application.login(person, "mother", "refused")


async def test_a_birth_date_of_only_a_year_goes_to_the_officer_never_against_her(cast: Cast) -> None:
    application = await birth(cast)
    person = "year_only"
    await identify(application, person, "mother")
    await decide(application, "mother")
    await application.collect("mother")
    outcomes = await application.outcomes("mother")
    assert outcomes["mother-residence"] == "officer_check_needed"


async def test_two_sectors_see_two_subs_and_never_the_surrogate(cast: Cast) -> None:
    """I7: identifiers do not join."""
    subs: set[str] = set()
    for office, example, role in ((cast.justice, "birth", "mother"), (cast.business, "household-business", "owner")):
        application = await open_application(office, new_application(example))
        async with cast.person("mother") as person:
            token = await application.login(person, role, "refused")
        await application.collect(role, token)
        subs.add(str((await application.release(role, token)).claims["sub"]))
    assert len(subs) == 2


async def test_no_personal_number_is_in_any_address_the_browser_went_to(cast: Cast) -> None:
    application = await birth(cast)
    seen: list[str] = []

    async def note(request: httpx2.Request) -> None:
        seen.append(str(request.url))

    async with cast.person("mother") as person:
        person.browser._http.event_hooks["request"].append(note)
        await application.login(person, "mother", "refused")
    assert len(seen) > 5
    assert not [url for url in seen if "032194004217" in url]
    assert all("login" not in parse_qs(urlsplit(url).query) or "/vneid" in url for url in seen)


async def test_inside_routes_do_not_exist_for_the_outside(cast: Cast) -> None:
    origin = cast.laptop.ports.origin
    for path in ("/internal/clock", "/consent/../internal/clock", "/reuse/%2e%2e/internal/dossiers"):
        assert (await cast.http.get(f"{origin}{path}")).status_code == 404
