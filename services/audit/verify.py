"""The command an auditor runs offline: `python -m services.audit verify BUNDLE --trust KEYS [--earlier CHECKPOINT]`."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from services.audit.domain.bundle import BadBundle, Bundle, Signed
from services.audit.domain.note import BadNote, VerifierKey
from services.audit.domain.verification import CANNOT_PROVE, Finding, Trust, verify
from shared import keys

HOLDS, DOES_NOT_HOLD, UNUSABLE = 0, 1, 2
"""Exit codes: all holds; something does not; a file could not be used at all."""


def main(arguments: Sequence[str]) -> int:
    """Check a bundle, print each finding, and return the exit code."""
    options = _options().parse_args(arguments)
    try:
        bundle = Bundle.load(options.bundle.read_text("utf-8"))
        trust = read_trust(json.loads(options.trust.read_text("utf-8")))
        earlier = options.earlier.read_text("utf-8") if options.earlier else None
    except (OSError, ValueError, KeyError, BadBundle, BadNote) as wrong:
        _say(f"cannot be used: {wrong}")
        return UNUSABLE
    code = report(verify(bundle, trust, earlier=earlier, oldest=timedelta(seconds=options.oldest)))
    if bundle.more:
        _say(f"More events match than the {len(bundle.opened)} opened here: ask for less, or for more at once.")
    return code


def read_trust(members: Mapping[str, Any]) -> Trust:
    """Read the auditor's keys: `{"log": verifier key, "sources": {service: JWKS}}`; raise ValueError or BadNote."""
    sources = cast(Mapping[str, Mapping[str, Any]], members["sources"])
    known = keys.Trust(sources)

    def signature_holds(source: str, signed: Signed) -> bool:
        try:
            known.verify(source, signed.kid, signed.canonical, signed.signature)
        except keys.Forged:
            return False
        return True

    return Trust(VerifierKey.parse(members["log"]), frozenset(sources), signature_holds)


def report(findings: Sequence[Finding]) -> int:
    """Print what was found and what it amounts to; return the exit code."""
    for finding in findings:
        _say(f"{'ok  ' if finding.holds else 'FAIL'}  {finding.text}")
    wrong = sum(not finding.holds for finding in findings)
    _say("")
    _say(CANNOT_PROVE)
    _say("")
    _say("The log holds." if not wrong else f"The log does NOT hold: {wrong} of {len(findings)} checks failed.")
    return DOES_NOT_HOLD if wrong else HOLDS


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.audit verify", description="Check a bundle offline.")
    parser.add_argument("bundle", type=Path, metavar="BUNDLE")
    parser.add_argument("--trust", type=Path, required=True, metavar="KEYS", help="the keys you already trust")
    parser.add_argument("--earlier", type=Path, metavar="CHECKPOINT", help="a checkpoint you kept from before")
    parser.add_argument(
        "--oldest", type=float, default=300, metavar="SECONDS",
        help="how far a source's watermark may lie before the bundle's time (default 300)",
    )  # fmt: skip
    return parser


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
