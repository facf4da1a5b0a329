"""The auditor's act: read under a case number, prove offline with the real command, and find each lie."""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from infra.demo.cast import Cast
from infra.demo.tampering import cut_leaf, cut_under_watermark, fork
from infra.demo.telling import Story
from infra.embedded.environment import ROOT
from infra.embedded.keyring import LOG_ORIGIN
from services.audit.domain.bundle import Bundle
from services.audit.domain.note import NoteKey

CASE = {"case_no": "TTr-2026/17", "purpose": "inspection"}
SEALED_WITHIN_SECONDS = 120


async def audit(story: Story, cast_: Cast, dossier_uid: str) -> None:
    """Play the act."""
    office = cast_.inspectorate
    earlier = await _checkpoint(cast_)
    page = await office.system.audit_events(await office.token("audit"), **CASE, dossier_uid=dossier_uid)
    events = cast(list[dict[str, Any]], page["events"])
    types = sorted({str(event["event"]["type"]) for event in events})
    story.say(f"Under case {CASE['case_no']} she reads {len(events)} events of the birth: {', '.join(types)}.")
    bundle = await _bundle_with_own_reading(cast_)
    story.expect("her own reading is in the log she carries away", _reads(bundle) > 0, True)
    log_key = NoteKey.of_pem(LOG_ORIGIN, cast_.stage.log_key.read_bytes())
    with TemporaryDirectory(prefix="motlan-audit-") as directory:
        desk = _Desk(Path(directory), cast_.stage.auditor_keys)
        story.expect("offline, the log holds", await desk.verify(bundle, earlier), True)
        story.say("An operator who even has the log's own key tries to hide something:")
        later = await _checkpoint_beyond(cast_, len(bundle.leaves))
        lies = {
            "a leaf cut under the same checkpoint": (cut_leaf(bundle, log_key), None),
            "leaves and checkpoint cut under a source's watermark": (cut_under_watermark(bundle, log_key), None),
            "the whole log of a moment ago, below a checkpoint she kept since": (bundle, later),
            "a fork: another first event, signed anew": (fork(bundle, log_key), earlier),
        }
        for lie, (told, kept) in lies.items():
            story.expect(f"still verifies with {lie}", await desk.verify(told, kept), False)


class _Desk:
    """Where the auditor's command runs, with no way to the gateway."""

    def __init__(self, directory: Path, keys: Path) -> None:
        self._directory, self._keys = directory, keys

    async def verify(self, bundle: Bundle, earlier: str | None) -> bool:
        """Run the command; True when all holds, False when something does not."""
        (self._directory / "bundle.json").write_text(bundle.dump(), "utf-8")
        argv = ["-m", "services.audit", "verify", "bundle.json", "--trust", str(self._keys)]
        argv = [argument if argument != "bundle.json" else str(self._directory / argument) for argument in argv]
        if earlier:
            (self._directory / "earlier.txt").write_text(earlier, "utf-8")
            argv += ["--earlier", str(self._directory / "earlier.txt")]
        command = await asyncio.create_subprocess_exec(
            sys.executable, *argv, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await command.communicate()
        if command.returncode not in (0, 1):
            raise RuntimeError(output.decode())
        return command.returncode == 0


async def _checkpoint(cast_: Cast) -> str:
    answer = await cast_.http.get(f"{cast_.stage.gateway}/audit/checkpoint")
    return answer.raise_for_status().text


async def _checkpoint_beyond(cast_: Cast, size: int) -> str:
    """Return a checkpoint of a log larger than this; her last reading makes it grow."""
    while True:
        note = await _checkpoint(cast_)
        if int(note.split("\n")[1]) > size:
            return note
        await asyncio.sleep(0.2)


async def _bundle_with_own_reading(cast_: Cast) -> Bundle:
    """Carry the log away once the reading before is sealed in it: a second or two, more while a broker is dead."""
    office = cast_.inspectorate
    deadline = asyncio.get_running_loop().time() + SEALED_WITHIN_SECONDS
    while True:
        told = await office.system.bundle(await office.token("audit"), **CASE, type="audit.read.v1")
        bundle = Bundle.load(told)
        if _reads(bundle) or asyncio.get_running_loop().time() > deadline:
            return bundle
        await asyncio.sleep(0.5)


def _reads(bundle: Bundle) -> int:
    return len(bundle.opened)
