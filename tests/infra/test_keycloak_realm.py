"""The realm that Keycloak imports: whoever has an account, in words that the gateway reads, and no secret of ours."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.keycloak.realm import SECOND_FACTOR_FROM, PersonasSecrets, realm
from infra.simulators.personas import load_personas
from services.identity.clients.vneid.dialect import read_dialect_a

PEOPLE = {name: person for name, person in load_personas().items() if person.account}
SECRETS = PersonasSecrets.of_bytes(bytes(range(32)))
CALLBACK = "https://gateway.example/identity/vneid/callback"


@pytest.fixture
def whole() -> dict[str, Any]:
    return realm(load_personas(), SECRETS, gateway_keys={"keys": [{"kty": "EC"}]}, redirect_uri=CALLBACK)


def test_everybody_with_an_account_has_one_and_who_is_locked_cannot_use_it(whole: dict[str, Any]) -> None:
    assert {user["username"]: user["enabled"] for user in whole["users"]} == {
        name: not person.account.locked for name, person in PEOPLE.items() if person.account
    }


def test_what_is_known_of_each_is_what_the_gateway_reads(whole: dict[str, Any]) -> None:
    mapped = {mapper["config"].get("claim.name") for mapper in whole["clientScopes"][0]["protocolMappers"]}
    for user in whole["users"]:
        claims = {name: values[0] for name, values in user["attributes"].items() if name in mapped}
        told, person = read_dialect_a({"sub": user["id"], **claims}), PEOPLE[user["username"]]
        assert person.account is not None
        assert told.keys.pin == person.pin
        assert (told.account_level, told.acr) == (person.account.account_level, str(person.account.auth_level))


def test_only_accounts_of_a_high_level_have_a_second_factor(whole: dict[str, Any]) -> None:
    having = {user["username"] for user in whole["users"] if any(c["type"] == "otp" for c in user["credentials"])}
    assert having == {
        name for name, person in PEOPLE.items() if person.account and person.account.auth_level >= SECOND_FACTOR_FROM
    }


def test_the_gateway_is_known_by_its_keys_at_one_address(whole: dict[str, Any]) -> None:
    [gateway] = whole["clients"]
    assert gateway["clientAuthenticatorType"] == "client-jwt"
    assert gateway["redirectUris"] == [CALLBACK]
    assert json.loads(gateway["attributes"]["jwks.string"]) == {"keys": [{"kty": "EC"}]}
    assert not any("secret" in name.lower() for name in gateway)


def test_the_file_itself_holds_nobody_and_no_secret() -> None:
    template = json.loads(Path("infra/keycloak/realm.json").read_text("utf-8"))
    assert template["users"] == []
    assert "privateKey" not in json.dumps(template)
    assert '"secret"' not in json.dumps(template)


def test_what_people_are_told_to_log_in_with_is_what_the_realm_knows() -> None:
    assert PersonasSecrets.of_text(SECRETS.text()) == SECRETS
