"""An operator's commands for what `make run` has started: `python -m infra.operate SERVICE COMMAND …`."""

import json
import os
import subprocess
import sys

from infra.embedded.environment import ROOT
from infra.embedded.keyring import SERVICES, Keyring
from infra.run import DATA


def main(arguments: list[str]) -> int:
    """Run a service's own command with the settings it was started with; return its exit code."""
    service, *command = arguments or [""]
    if service not in SERVICES or not command:
        print(f"usage: python -m infra.operate {{{','.join(SERVICES)}}} COMMAND …   (COMMAND --help says more)")
        return 2
    settings = Keyring(DATA / "keys").environments_file
    if not settings.exists():
        print("Nothing was started here yet: `make run` first.")
        return 2
    environment = {**os.environ, **json.loads(settings.read_text("utf-8"))[service]}
    return subprocess.run([sys.executable, "-m", f"services.{service}", *command], cwd=ROOT, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
