"""Opens a request as identity does after a login, and leads a browser to its page."""

import re
from typing import Any
from uuid import UUID

from services.consent.domain.dossier import Dossier
from shared import ids
from tests.services.consent.conftest import Browser, World
from tests.services.consent.factories import make_component, make_dossier


def make_application(**changes: Any) -> Dossier:
    """Make a dossier whose mother is told of two papers and may be asked to keep."""
    dossier = make_dossier()
    mother = dossier.parties[0].party_uid
    components = (
        make_component(mother, "person.full_name", "person.pin"),
        make_component(mother, "marriage.record", document=make_dossier().procedure_name),
    )
    return make_dossier(dossier_uid=dossier.dossier_uid, parties=dossier.parties, components=components, **changes)


async def opened(
    world: World, browser: Browser, *, agencies: dict[str, str] | None = None, **changes: Any
) -> tuple[Dossier, UUID, dict[str, Any]]:
    """Open a request as identity does after a login; return dossier, subject and answer."""
    dossier, subject = make_application(**({"agencies": agencies} if agencies else {})), ids.new()
    world.reuse.knows(dossier)
    answer = await world.call(
        "identity", "POST", "/internal/requests", world.login(dossier, browser.hash, subject) | changes
    )
    assert answer.status_code == 200, answer.text
    return dossier, subject, answer.json()


async def entered(world: World, browser: Browser, **changes: Any) -> tuple[str, UUID]:
    """Open a request and lead the browser to its page; return the page's path and the subject."""
    _, subject, told = await opened(world, browser, **changes)
    answer = await browser.post("/consent/entry", ticket=told["ticket"])
    assert answer.status_code == 303
    return answer.headers["location"], subject


def item_ids(page: str) -> list[str]:
    """Return the items of a page in order."""
    return list(dict.fromkeys(re.findall(r'name="(i\d+)"', page)))
