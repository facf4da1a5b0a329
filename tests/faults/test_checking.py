"""The judge of campaigns finds what it is there to find."""

from tests.faults.kills.checking import Evidence, disordered


def test_an_event_taken_in_after_a_later_one_about_the_same_is_found_and_of_others_any_order_is_right() -> None:
    found = Evidence(keys={"consent": {1: "hers", 2: "his", 3: "hers", 4: "his"}})
    found.taken["reuse", "consent"] = [2, 1, 4, 3]
    assert list(disordered(found)) == []
    found.taken["reuse", "consent"] = [3, 2, 1, 4]
    assert len(list(disordered(found))) == 1
