"""A service whose event loop stands still once it serves: `python -m tests.shared.blocked NAME SECONDS`."""

import sys
import time
from functools import partial

from pydantic_settings import SettingsConfigDict

from shared import http, service
from shared.settings import ServiceSettings
from shared.watchdog import watching


def main(name: str, seconds: float) -> None:
    """Serve with the settings of the environment, block the loop, and end in good order if it is let."""

    class Settings(ServiceSettings):
        model_config = SettingsConfigDict(env_prefix=f"{name.upper()}_")

    async def block() -> None:
        sys.stdout.write("blocked\n")
        sys.stdout.flush()
        time.sleep(seconds)  # noqa: ASYNC251 - this is what the watchdog is for
        raise SystemExit(0)

    service.watching = partial(watching, bound=1.0)
    settings = Settings.from_environment()
    one = service.Service(name, http.make_app(settings, [], "x"), settings)
    one.background.append(block)
    service.serve(one)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
