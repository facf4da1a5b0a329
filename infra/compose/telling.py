"""What `make up` tells once everything is healthy: where things are, who can log in, what to try next."""

from rich.console import Console
from rich.table import Table

from infra.compose.project import ROOT, Project
from infra.compose.vault import PERSONAS_AT_KEYCLOAK
from infra.simulators.personas import load_personas

KEYS = ROOT / ".run-compose"
"""Where the files for people are copied to."""


def tell(console: Console, project: Project) -> None:
    """Print where everything is, who can log in, and what to try next."""
    console.print("\nMột Lần is running\n", style="italic")
    for url, what in _places(project):
        console.print(f"  {what}\n    {url}", soft_wrap=True)
    people = Table("Persona", "Who", title="\nPeople who can log in at VNeID (all invented)", title_justify="left")
    for name, persona in load_personas().items():
        if persona.account:
            people.add_row(name, persona.label.en)
    console.print(people)
    ca, gateway = KEYS.relative_to(ROOT) / "edge-ca.crt", project.gateway
    console.print(
        f"Next: open {project.simulators}/city in a browser (it knows this stack's authority once you have\n"
        f"imported {ca}; it vouches for these names only), or\n"
        f"  curl --cacert {ca} {gateway}/.well-known/oauth-authorization-server/identity\n"
        "  make logs, make doctor, make down (WIPE=1: the data too)",
        soft_wrap=True,
    )


def _places(project: Project) -> list[tuple[str, str]]:
    return [
        (f"{project.simulators}/city", "a city system: walk the online path as a citizen"),
        (f"{project.gateway}/consent/me", "who used my data: the citizen's own page"),
        (f"{project.gateway}/.well-known/oauth-authorization-server/identity", "metadata of the authorization server"),
        (f"{project.gateway}/audit/checkpoint", "the log's newest signed checkpoint (once something has happened)"),
        (f"{project.simulators}/vneid", "VNeID, simulated"),
        (f"{project.simulators}/registries/journal", "what the registries were asked"),
        (f"{KEYS.relative_to(ROOT)}/", "keys: those of the city systems, an auditor's, the edge's authority"),
        *(place for profile in project.profiles for place in _places_of(profile, project)),
    ]


def _places_of(profile: str, project: Project) -> list[tuple[str, str]]:
    match profile:
        case "observability":
            grafana, jaeger = project.variable("GRAFANA_PORT", "3000"), project.variable("JAEGER_PORT", "16686")
            return [(f"http://localhost:{grafana}", "dashboard and alerts"), (f"http://localhost:{jaeger}", "traces")]
        case "tools":
            return [(f"http://localhost:{project.variable('KAFKA_UI_PORT', '8444')}", "what is in the topics")]
        case "keycloak":
            lies_in = KEYS.relative_to(ROOT) / PERSONAS_AT_KEYCLOAK
            return [(str(lies_in), "what every persona logs in with at Keycloak")]
        case _:
            return []
