"""Has the population register confirm a citizen whom an officer has identified by a number nobody knew (R5)."""

from dataclasses import replace

from services.reuse.domain.lookup import MATCH_KEYS
from services.reuse.domain.sources import Situation
from services.reuse.domain.steps import POPULATION, may_be_identified
from services.reuse.parts import Parts
from services.reuse.service import situation
from services.reuse.service.looking_up import look_up
from shared.db import Database
from shared.tokens import Caller


async def identify(db: Database, parts: Parts, at: Situation, caller: Caller) -> Situation:
    """Ask the register, unless it has said no already, and return what is known then; `identity` learns of it by event.

    Without a grant of law, or her number, name and birth date, it is not asked. One that failed is asked again.
    """
    grant = may_be_identified(at)
    if grant is None:
        return at
    outcome = await look_up(
        db, parts, at=at, caller=caller, source=POPULATION, under=dict.fromkeys(MATCH_KEYS, grant), identification=True
    )
    at = await situation.read_again(db, parts, at)
    return replace(at, person=replace(at.person, provisional=False)) if outcome == "found" else at
