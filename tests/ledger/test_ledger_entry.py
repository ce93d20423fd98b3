import hashlib
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.ledger import (
    Entry,
    Head,
    MemoryStore,
    check_chain,
    digest_of,
    make_entry,
    merkle_root,
    to_body,
    tree_root,
)


@pytest.fixture
def chain(draft):
    store = MemoryStore("S1", "live")
    store.append([draft(n) for n in range(1, 6)])
    return list(store.read())


def codes(problems):
    return [(p.code, p.where.record) for p in problems]


def test_the_digest_is_the_published_rule(draft):
    """A reader with nothing but SHA-256 gets the same digests from the rule in `entry.py`."""

    def sha(*parts):
        raw = [p if isinstance(p, bytes) else p.encode() for p in parts]
        return hashlib.sha256(b"".join(len(p).to_bytes(8, "big") + p for p in raw)).hexdigest()

    entry = make_entry(draft(1, reason="why"), study="S1", seq=7, prev="ab", salt=b"salt")
    body = sha("equipoise/body/1", b"salt", entry.body)
    assert entry.body_digest == body
    assert entry.digest == sha(
        "equipoise/entry/1", "site/01", "7", "S1", "participant/01-001", "1", "FormSaved",
        "2026-01-05T09:31:00.123456Z", "ann", "coordinator", "why", body, "ab",
    )  # fmt: skip


def test_the_first_entry_is_bound_to_study_realm_and_chain(chain):
    """A rehearsal's chain can never be passed off as a live one."""
    assert chain[0].prev == digest_of("equipoise/genesis/1", "S1", "live", "site/01")
    assert check_chain(chain, realm="live") == ()
    assert codes(check_chain(chain, realm="rehearsal")) == [("EQ-G003", "site/01 / 1")]


def test_parts_do_not_run_into_each_other():
    """`ab`+`c` and `a`+`bc` are different records."""
    assert digest_of("ab", "c") != digest_of("a", "bc")


def test_bodies_are_canonical():
    """The order in which keys were written makes no difference to the bytes."""
    assert (
        to_body({"b": 1, "a": {"d": None, "c": "é"}}) == '{"a":{"c":"é","d":null},"b":1}'.encode()
    )


def test_instants_are_utc(draft):
    """The same instant in another zone gives the same entry; a time without zone is a bug."""
    paris = timezone(timedelta(hours=1))
    there = datetime(2026, 1, 5, 10, 30, tzinfo=paris)
    here = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
    one, other = (
        make_entry(draft(1, at=at), study="S1", seq=1, prev="", salt=b"") for at in (there, here)
    )
    assert one == other
    with pytest.raises(ValueError, match="time zone"):
        make_entry(draft(1, at=datetime(2026, 1, 5)), study="S1", seq=1, prev="", salt=b"")  # noqa: DTZ001


@pytest.mark.requirement("C04")
@pytest.mark.parametrize("field", [f for f in Entry.__struct_fields__ if f != "at"])
def test_an_altered_field_is_found(chain, field):
    """Whatever field of an entry is changed, the entry is named."""
    old = getattr(chain[2], field)
    new = old + 1 if isinstance(old, int) else old + old[:1] if old else type(old)("x")
    chain[2] = msgspec.structs.replace(chain[2], **{field: new})
    found = check_chain(chain)
    assert found
    assert "3" in found[0].where.record or field == "seq"


@pytest.mark.requirement("C04")
@given(st.integers(0, 4), st.timedeltas(timedelta(microseconds=1), timedelta(days=9)))
def test_an_altered_instant_is_found(index, shift):
    """Backdating an entry by a microsecond breaks it."""
    store = MemoryStore("S1", "live")
    at = datetime(2026, 1, 5, tzinfo=UTC)
    from equipoise.ledger import Draft

    for n in range(5):
        store.append([Draft(chain="c", stream="s", version=n, type="T", at=at, by="a", role="r")])
    chain = list(store.read())
    chain[index] = msgspec.structs.replace(chain[index], at=chain[index].at - shift)
    assert codes(check_chain(chain)) == [("EQ-G004", f"c / {index + 1}")]


@pytest.mark.requirement("C04")
def test_missing_repeated_and_swapped_entries_are_found(chain):
    """A gap, a repetition and a wrong order are each named at the first entry concerned."""
    assert codes(check_chain([*chain[:2], *chain[3:]]))[0] == ("EQ-G002", "site/01 / 4")
    assert codes(check_chain([*chain[:2], *chain[1:]]))[0] == ("EQ-G002", "site/01 / 2")
    swapped = [chain[0], chain[2], chain[1], *chain[3:]]
    assert codes(check_chain(swapped))[0] == ("EQ-G002", "site/01 / 3")


def test_a_replaced_entry_breaks_the_link(chain, draft):
    """An entry that is whole in itself but not the original is found by its successor's link."""
    forged = draft(2, body=to_body({"n": 99}))
    chain[1] = make_entry(forged, study="S1", seq=2, prev=chain[0].digest, salt=b"x")
    assert codes(check_chain(chain)) == [("EQ-G003", "site/01 / 3")]


@pytest.mark.requirement("C11")
def test_a_missing_body_is_an_error_unless_an_entry_orders_it(chain, draft):
    """The chain stays whole without the body; the entry that ordered it is named in a warning."""
    chain[1] = msgspec.structs.replace(chain[1], body=None, salt="")
    found = check_chain(chain, realm="live")
    assert codes(found) == [("EQ-G024", "site/01 / 2")]
    assert found[0].severity == "error"

    def order(**body):
        wanted = {"chain": "control", "stream": "study", "type": "BodyRedacted", "body": body}
        by = draft(1, **wanted | {"body": to_body(body)})
        return make_entry(by, study="S1", seq=1, prev=digest_of("x"), salt=b"s")

    ordered = check_chain([*chain, order(chain="site/01", seq=2, why="asked")])
    assert codes(ordered) == [("EQ-G006", "site/01 / 2")]
    assert ordered[0].severity == "warning"
    assert "control:1" in ordered[0].message
    for other in ({"chain": "site/01", "seq": 3}, {"chain": "site/01", "seq": "2"}, {"seq": 2}):
        assert codes(check_chain([*chain, order(**other)])) == [("EQ-G024", "site/01 / 2")]
    sound = order(chain="site/01", seq=2)
    for unsound in ({"type": "Noted"}, {"chain": "site/02"}):
        entry = msgspec.structs.replace(sound, **unsound)
        assert ("EQ-G024", "site/01 / 2") in codes(check_chain([*chain, entry]))
    gone = msgspec.structs.replace(sound, body=None)
    assert codes(check_chain([*chain, gone])) == [
        ("EQ-G024", "site/01 / 2"),
        ("EQ-G024", "control / 1"),
    ]


def test_a_salt_that_is_no_hex_is_found(chain):
    """A damaged salt is a damaged body."""
    chain[1] = msgspec.structs.replace(chain[1], salt="zz")
    assert codes(check_chain(chain)) == [("EQ-G005", "site/01 / 2")]


def test_chains_are_checked_side_by_side(draft):
    """Entries of several chains may be interleaved, as they are recorded."""
    store = MemoryStore("S1", "live")
    for n in range(1, 7):
        store.append([draft(n, chain=f"site/{n % 2}")])
    assert check_chain(store.read(), realm="live") == ()


@pytest.mark.evidence(kind="published", source="RFC 6962 test vectors, Certificate Transparency")
def test_the_tree_is_that_of_rfc_6962():
    """Roots over the well-known eight leaves, as Certificate Transparency's own tests have them."""
    leaves = [bytes.fromhex(h) for h in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )]  # fmt: skip
    roots = {
        0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    }
    assert {n: tree_root(leaves[:n]) for n in roots} == roots


def test_the_root_depends_on_every_head():
    """Another digest, another number, another chain: another root."""
    heads = {"control": Head(3, "aa"), "site/01": Head(9, "bb")}
    root = merkle_root(heads)
    assert merkle_root(dict(reversed(heads.items()))) == root
    for other in (
        {**heads, "site/01": Head(8, "bb")},
        {**heads, "site/01": Head(9, "bc")},
        {"control": heads["control"]},
        {"control": heads["control"], "site/02": heads["site/01"]},
    ):
        assert merkle_root(other) != root
