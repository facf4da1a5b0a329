"""`python -m infra.simulators`: VNeID, the registries and a city system in one process, on one port."""

import uvicorn

from infra.simulators.app import make_simulators
from infra.simulators.settings import Settings


def main() -> None:
    """Serve until stopped."""
    settings = Settings(_cli_parse_args=True)  # pyright: ignore[reportCallIssue] -- the values come from environment and arguments
    uvicorn.run(make_simulators(settings), host=settings.host, port=settings.port, access_log=False)


if __name__ == "__main__":
    main()
