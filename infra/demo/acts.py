"""The acts of the story, in order; each tells what is done and holds every outcome against what had to come."""

import asyncio
from dataclasses import dataclass, field

from infra.client.examples import new_application
from infra.client.gateway import Json, Refused
from infra.demo import auditing
from infra.demo.cast import Application, Cast, open_application
from infra.demo.steps import basis_of, code_of, components_of, decide, given, identify, once_confirmed, tell_release
from infra.demo.telling import Story
from infra.simulators.personas import load_personas

PEOPLE = load_personas()
LEASE_SECONDS = 3.0
HELD = {"mother-identity", "mother-residence", "parents-marriage", "birth-notification"}


@dataclass
class Memory:
    """What later acts need of earlier ones."""

    birth: Application | None = None
    counter: Application | None = None
    shop: Application | None = None
    accepted: list[str] = field(default_factory=list[str])
    still_handed_in: list[str] = field(default_factory=list[str])


async def birth_online(story: Story, cast_: Cast, memory: Memory) -> None:
    """A mother registers a birth from her phone."""
    story.act("1  A mother registers a birth, from her phone")
    birth = memory.birth = await open_application(cast_.justice, new_application("birth"))
    mother = birth.party("mother")
    story.say("The ward's system opens a dossier: child, mother (who applies), father.")
    story.expect("before she logs in, her plan", set((await birth.outcomes("mother")).values()), {"awaiting_person"})
    story.say("It asks the gateway for more than the procedure allows: her phone number.")
    try:
        await birth.office.system.begin_login(
            agency_uid=birth.office.agency_uid,
            dossier_uid=birth.uid,
            party_uid=mother,
            attributes=[*birth.asked_of(mother), "person.phone"],
        )
        code = "not refused"
    except Refused as refused:
        code = str(refused.body.get("error"))
    story.expect("refused before anybody logged in", code, "invalid_authorization_details")
    story.say(
        "Mother logs in at VNeID, sees what the law gives the ward, and agrees to keep it for her next procedure."
    )
    async with cast_.person("mother") as person:
        token = await birth.login(person, "mother", "agreed")
    story.expect("now her plan", await birth.outcomes("mother", token), dict.fromkeys(sorted(HELD), "fetchable"))
    await birth.collect("mother", token)
    story.expect("after collecting", await birth.outcomes("mother", token), dict.fromkeys(sorted(HELD), "reusable"))
    release = await birth.release("mother", token)
    tell_release(story, release)


async def father_answers_himself(story: Story, cast_: Cast, memory: Memory) -> None:
    """The father must answer for himself, and keeps nothing."""
    story.act("2  The father answers for himself")
    birth = given(memory.birth)
    asked = {"father-identity", "father-residence", "parents-marriage"}
    story.expect(
        "her login answered nothing for him", set((await birth.outcomes("father")).values()), {"awaiting_person"}
    )
    async with cast_.person("father") as person:
        story.say("He hands in the proof of his residence himself, and lets nothing be kept.")
        token = await birth.login(person, "father", "refused", hands_in="Giấy tờ chứng minh nơi cư trú của cha")
    await birth.collect("father", token)
    outcomes = await birth.outcomes("father", token)
    expected = dict.fromkeys(sorted(asked), "reusable") | {"father-residence": "refused_by_citizen"}
    story.expect("his plan", outcomes, expected)
    await birth.release("father", token, *sorted(asked - {"father-residence"}))
    story.expect("papers still to hand in", await birth.to_hand_in(), {"father-residence"})
    memory.still_handed_in.append("father-residence")


async def verdict_and_certificate(story: Story, cast_: Cast, memory: Memory) -> None:
    """The officer accepts, the newborn gets its number, the certificate is deposited."""
    story.act("3  The officer accepts; the certificate becomes evidence of the child")
    birth = given(memory.birth)
    office = birth.office
    await office.system.receive(await office.token(), birth.uid, "H31.11-20261124-0000417")
    accepted = [*sorted(HELD), "father-identity"]
    await birth.accept(*accepted)
    memory.accepted += accepted
    story.say("The child has its number now; an officer identifies it by number, name and birth date.")
    child = await identify(birth, "newborn", "child")
    story.expect("unknown to the gateway until now", child["provisional"], True)
    story.expect(
        "its decision needs somebody to speak for it", await code_of(decide(birth, "child")), "representation_required"
    )
    await decide(birth, "child", represented_by=birth.party("mother"))
    await birth.collect("child")
    story.expect("the population register confirms it", await birth.outcomes("child"), {"child-identity": "reusable"})
    newborn = PEOPLE["newborn"]
    certificate: Json = {
        "party_uid": birth.party("child"),
        "result_type": "KQ.G15.000031",
        "value": {
            "certificate_no": "417/2026",
            "registered_on": "2026-11-24",
            "registered_by": office.name,
            "full_name": newborn.full_name,
            "birth_date": newborn.birth_date,
            "sex": newborn.sex,
            "birth_place": "Hải Phòng",
        },
    }
    token = await office.token()
    deposited = await once_confirmed(lambda: office.system.deposit(token, birth.uid, certificate))
    story.expect("the certificate is evidence of the child now", deposited["attribute"], "birth.certificate")


async def at_the_counter(story: Story, cast_: Cast, memory: Memory) -> None:
    """An officer of another ward handles a dossier without a browser."""
    story.act("4  At the counter of another ward, without a browser")
    application: Json = {**new_application("birth"), "channel": "counter", "facts": {"parents_married": False}}
    application["parties"] = [{"ref": "c", "roles": ["child"]}, {"ref": "m", "roles": ["mother", "applicant"]}]
    counter = memory.counter = await open_application(cast_.other_ward, application)
    story.say("The officer looks at the mother's card, and has the legal basis of the procedure decided.")
    await identify(counter, "shop_owner", "mother")
    await decide(counter, "mother")
    await counter.collect("mother")
    outcomes = await counter.outcomes("mother")
    story.expect("her plan, by the card and the registers", outcomes["mother-identity"], "reusable")
    story.expect("no birth under her number", outcomes["birth-notification"], "not_available")
    story.expect("so that paper is handed in", await counter.to_hand_in(), {"birth-notification"})
    memory.still_handed_in.append("birth-notification")
    await counter.release("mother", None, "mother-identity", "mother-residence")
    await counter.office.system.receive(await counter.office.token(), counter.uid, "H31.21-20261124-0000093")
    await counter.accept("mother-identity", "mother-residence")
    memory.accepted += ["mother-identity", "mother-residence"]
    wrong = await code_of(identify(counter, "mother", "child", full_name="Phạm Thị Khác"))
    story.expect("a known number with another name", wrong, "identification_mismatch")


async def household_business(story: Story, cast_: Cast, memory: Memory) -> None:
    """A third agency opens the mother's household business with nothing handed in again."""
    story.act("5  A week later: a third agency opens her household business")
    shop = memory.shop = await open_application(cast_.business, new_application("household-business"))
    before = {name: await cast_.questions(name) for name in ("population", "civil-status", "business")}
    async with cast_.person("mother") as person:
        token = await shop.login(person, "owner", "refused")
    outcomes = await shop.outcomes("owner", token)
    reusable = {"owner-identity": "reusable", "owner-residence": "reusable", "owner-registrations": "fetchable"}
    story.expect("held from her first procedure", {name: outcomes[name] for name in reusable}, reusable)
    story.expect("her phone number she did not give", outcomes["contact-phone"], "refused_by_citizen")
    await shop.collect("owner", token)
    after = {name: await cast_.questions(name) for name in before}
    fetched = {name: after[name] - before[name] for name in before}
    story.expect("asked anew of the registers", fetched, {"population": 0, "civil-status": 0, "business": 1})
    tell_release(story, await shop.release("owner", token, *reusable))
    story.expect("papers to hand in", await shop.to_hand_in(), set[str]())
    await shop.office.system.receive(await shop.office.token(), shop.uid, "H31.31-20261124-0000012")
    await shop.accept(*reusable)
    memory.accepted += [*reusable]


async def withdrawal(story: Story, cast_: Cast, memory: Memory) -> None:
    """She withdraws "keep for next time": what stood on it ends, what stands on law goes on and says why."""
    story.act("6  She withdraws")
    shop = given(memory.shop)
    async with cast_.person("mother") as person:
        await person.log_in_to_her_page(f"{cast_.stage.gateway}/consent/login")
        mine = person.browser.page
        story.expect("her page lists who used her data", "Ai đã dùng dữ liệu của tôi" in mine.text, True)
        story.expect("and says why law cannot be withdrawn", "không rút lại được" in mine.text, True)
        await person.browser.follow("Rút lại")
        page = await person.browser.press("Rút lại")
        story.expect("the page names the moment", "không còn dữ liệu nào được gửi đi" in page.text, True)
    story.say("That moment is three seconds off; until then a release may still be under way.")
    await asyncio.sleep(LEASE_SECONDS)
    refused = await code_of(shop.release("owner", None, "owner-identity"))
    story.expect("a release that stood on it", refused, "keeping_withdrawn")
    release = await shop.release("owner", None, "owner-registrations")
    story.expect("one that stands on law goes on", components_of(release), ["owner-registrations"])
    story.expect("and says why", basis_of(release), {"legal_basis"})


async def the_audit(story: Story, cast_: Cast, memory: Memory) -> None:
    """An auditor reads under a case number and proves the log offline; each lie is found."""
    story.act("7  An auditor reads, and proves it offline")
    await auditing.audit(story, cast_, given(memory.birth).uid)


async def papers(story: Story, cast_: Cast, memory: Memory) -> None:
    """How many papers were not asked for: accepted ones only, counted from the gateway's journal."""
    story.act("8  What came of it")
    counted = 0
    for application in (memory.birth, memory.counter, memory.shop):
        counted += await given(application).papers_not_asked_for()
    story.table(
        ["paper", "asked for"],
        [(name, "no") for name in sorted(memory.accepted)] + [(name, "yes") for name in sorted(memory.still_handed_in)],
    )
    story.expect("papers not asked for (accepted by an officer)", counted, len(memory.accepted))


ACTS = (
    birth_online,
    father_answers_himself,
    verdict_and_certificate,
    at_the_counter,
    household_business,
    withdrawal,
    the_audit,
    papers,
)
