"""Two applications to try the gateway with; a real system fills them from its own forms."""

from secrets import token_hex

from infra.client.gateway import Json

EXAMPLES: dict[str, Json] = {
    "birth": {
        "procedure": "1.001193",
        "case": "1.001193.01",
        "channel": "online",
        "receiving": "ag-000101",
        "competent": "ag-000101",
        "facts": {"parents_married": True},
        "parties": [
            {"ref": "child", "roles": ["child"]},
            {"ref": "mother", "roles": ["mother", "applicant"]},
            {"ref": "father", "roles": ["father"]},
        ],
    },
    "household-business": {
        "procedure": "1.001612",
        "case": "1.001612.01",
        "channel": "online",
        "receiving": "ag-000301",
        "competent": "ag-000301",
        "facts": {},
        "parties": [{"ref": "owner", "roles": ["owner", "applicant"]}],
    },
}


def new_application(name: str) -> Json:
    """Return an example under a reference of our own that was never used before."""
    return {**EXAMPLES[name], "client_ref": f"{name}-{token_hex(6)}"}
