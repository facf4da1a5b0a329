"""A receipt, as anybody reads it who was not there: every moment in it is written in one way, Vietnam's days too."""

import json
import re
from datetime import date

from services.consent.domain.ids import ReceiptId
from services.consent.domain.purpose import AttributeName
from services.consent.domain.receipt import Shown, claims_of_grant, claims_of_withdrawal
from shared import ids
from shared.vietnam import start_of
from tests.services.consent.factories import NOW, WORDS, make_grant, make_notice

RULE_ENDS = start_of(date(2027, 3, 1))
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[^\"]*")
EXACT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def test_a_rules_last_day_is_an_instant_like_every_other() -> None:
    grant = make_grant(valid_until=RULE_ENDS, withdrawn_at=RULE_ENDS, effective_by=RULE_ENDS)
    names = {each: AttributeName(each, WORDS, sensitive=False) for each in grant.attributes}
    given = claims_of_grant(grant, Shown(make_notice(), "pairwise"), issuer="consent", names=names)
    ended = claims_of_withdrawal(ReceiptId(ids.new()), grant, sub="pairwise", issuer="consent", now=NOW)
    assert given["processing"][0]["validity"]["until"] == "2027-02-28T17:00:00.000000Z"
    moments = MOMENT.findall(json.dumps([given, ended]))
    assert len(moments) == 6
    assert all(map(EXACT.fullmatch, moments))
