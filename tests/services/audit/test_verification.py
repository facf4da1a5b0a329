"""What an auditor's offline check accepts, and each lie of a log operator that it finds."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.audit.domain.bundle import BadBundle, Bundle, Opened, Signed
from services.audit.domain.note import BadNote, Checkpoint, NoteKey, VerifierKey, open_note
from services.audit.domain.verification import verify
from services.audit.verify import main
from tests.services.audit.log import LAST_T, MADE_AT, Log, salt_of

BOUND = timedelta(minutes=5)


@pytest.fixture
def log() -> Log:
    return Log()


def failures(log: Log, bundle: Bundle, *, earlier: str | None = None) -> list[str]:
    findings = verify(bundle, log.trust(), earlier=earlier, oldest=BOUND)
    return [finding.text for finding in findings if not finding.holds]


def test_an_honest_bundle_holds_after_a_journey_as_a_file(log: Log) -> None:
    carried = Bundle.load(log.bundle().dump())
    assert carried == log.bundle()
    assert failures(log, carried, earlier=log.checkpoint(4)) == []


def test_a_leaf_cut_under_the_same_checkpoint_is_found(log: Log) -> None:
    assert any("not those of the checkpoint" in text for text in failures(log, log.bundle(leaves=log.leaves[:-1])))


def test_leaves_and_checkpoint_cut_together_under_a_watermark_are_found(log: Log) -> None:
    cut = log.bundle(leaves=log.leaves[:4], checkpoint=log.checkpoint(4))
    assert failures(log, cut) == [
        "consent: it swore to number 3, the log ends at 2: leaves were cut",
        "reuse: it swore to number 3, the log ends at 2: leaves were cut",
    ]


def test_a_log_cut_below_a_checkpoint_the_auditor_kept_is_found(log: Log) -> None:
    marks = [log.watermark(source, last=2) for source in log.sources]
    cut = log.bundle(leaves=log.leaves[:4], checkpoint=log.checkpoint(4), watermarks=marks)
    assert failures(log, cut) == []  # alone it cannot be told from the log of that moment
    assert failures(log, cut, earlier=log.checkpoint()) == ["the log was cut: it had 6 leaves earlier and now has 4"]


def test_a_fork_of_the_log_is_found_by_a_checkpoint_the_auditor_kept(log: Log) -> None:
    kept, fork = log.checkpoint(5), Log(key=log.key, sources=log.sources)
    fork.leaves, fork.events = [], []
    for number in (1, 2, 3):
        for source in fork.sources:
            fork.add(source, number, said="something else")
    assert failures(fork, fork.bundle()) == []
    assert failures(fork, fork.bundle(), earlier=kept) == [
        "a fork: the first 5 leaves are not those of the earlier checkpoint"
    ]


def test_a_hole_in_a_sources_numbers_is_found_even_under_a_checkpoint_of_its_own(log: Log) -> None:
    del log.leaves[2]
    assert "consent: numbers missing or twice: 2" in failures(log, log.bundle(opened=[]))


def test_a_number_used_twice_is_found(log: Log) -> None:
    log.add("consent", 3, said="again")
    assert "consent: numbers missing or twice: 3" in failures(log, log.bundle())


def test_an_opened_event_that_was_changed_is_found(log: Log) -> None:
    genuine = log.events[2]
    edited = Signed(genuine.canonical.replace(b'"said": ""', b'"said": "no"'), genuine.signature, genuine.kid)
    bundle = log.bundle(opened=[Opened(2, edited, salt_of(2))])
    assert failures(log, bundle) == ["opened event 2 (consent.happened.v1): not what its leaf commits to"]


def test_an_opened_event_shown_at_anothers_place_or_with_another_salt_is_found(log: Log) -> None:
    for wrong in (Opened(4, log.events[2], salt_of(2)), Opened(2, log.events[2], salt_of(3))):
        assert len(failures(log, log.bundle(opened=[wrong]))) == 1


def test_a_source_without_a_watermark_of_its_own_making_proves_nothing(log: Log) -> None:
    forged = replace(log.watermark("reuse"), kid=log.sources["consent"].kid)
    for marks in ([log.watermark("consent")], [log.watermark("consent"), forged]):
        assert failures(log, log.bundle(watermarks=marks)) == [
            "reuse: no watermark that it signed, so nothing says how far its numbers went"
        ]


def test_a_watermark_older_than_the_stated_bound_fails(log: Log) -> None:
    old = log.watermark("reuse", t=MADE_AT - timedelta(minutes=6))
    assert failures(log, log.bundle(watermarks=[log.watermark("consent"), old])) == [
        "reuse: that watermark is 360 s old at the bundle's time, more than the 300 s allowed"
    ]


def test_the_oldest_partition_of_a_source_says_how_far_it_is_complete(log: Log) -> None:
    slower = log.watermark("reuse", last=2, t=LAST_T - timedelta(seconds=30))
    marks = [log.watermark("consent"), log.watermark("reuse"), slower]
    texts = [f.text for f in verify(log.bundle(watermarks=marks), log.trust(), earlier=None, oldest=BOUND)]
    assert any(text.startswith("reuse: that watermark is 70 s old") for text in texts)


def test_a_checkpoint_by_another_key_or_of_another_log_is_refused(log: Log) -> None:
    checkpoint = Checkpoint("elsewhere.example/log", 6, bytes(32))
    stranger = NoteKey(log.key.name, Ed25519PrivateKey.generate())
    for note in (stranger.sign(checkpoint.text()), log.key.sign(checkpoint.text()), "nonsense"):
        assert len(failures(log, log.bundle(checkpoint=note))) == 1


def test_signatures_by_unknown_keys_are_ignored_and_a_wrong_one_by_a_known_key_spoils_the_note(
    log: Log,
) -> None:
    note, stranger = log.checkpoint(), NoteKey("witness.example", Ed25519PrivateKey.generate())
    cosigned = note + stranger.sign("x\n").split("\n\n")[1]
    assert open_note(cosigned, log.key.verifier).startswith(log.key.name)
    with pytest.raises(BadNote):
        open_note(note + log.key.sign("x\n").split("\n\n")[1], log.key.verifier)


def test_a_verifier_key_reads_as_it_was_written_and_only_so(log: Log) -> None:
    written = str(log.key.verifier)
    assert VerifierKey.parse(written) == log.key.verifier
    with pytest.raises(BadNote):
        VerifierKey.parse(written.replace("test.", "toast."))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "motlan-bundle/1"}', "[" * 100_000])
def test_what_is_no_bundle_is_called_so(text: str) -> None:
    with pytest.raises(BadBundle):
        Bundle.load(text)


def test_the_command_says_what_it_cannot_prove_and_exits_by_what_it_found(
    log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import json

    from shared.keys import jwks

    trust = {
        "log": str(log.key.verifier),
        "sources": {name: jwks([key]) for name, key in log.sources.items()},
    }
    keys, good, bad = tmp_path / "keys.json", tmp_path / "good.json", tmp_path / "bad.json"
    keys.write_text(json.dumps(trust))
    good.write_text(log.bundle().dump())
    bad.write_text(log.bundle(leaves=log.leaves[:-1]).dump())
    assert main([str(good), "--trust", str(keys)]) == 0
    assert "What this cannot prove" in capsys.readouterr().out
    assert main([str(bad), "--trust", str(keys)]) == 1
    assert main([str(tmp_path / "absent"), "--trust", str(keys)]) == 2
