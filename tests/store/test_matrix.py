"""Published entries: in force once, withdrawn or superseded without being lost."""

import pytest

from fleet.errors import InvalidInput
from fleet.models.matrix import MatrixEntry, Verdict
from tests.store import facts as f

TESTED = MatrixEntry(components={"bmc": "1.0"}, pins={"cuda": "12.4"}, evidence="run 1", author="ann", at=f.NOW)
BROKEN = TESTED.model_copy(update={"verdict": Verdict.BROKEN, "evidence": "ticket 9"})
OTHER = TESTED.model_copy(update={"components": {"bmc": "2.0"}})


async def publish(store, *entries, supersedes=()):
    return await store.add_matrix(f.C, entries, "ann", "qualified", f.NOW, supersedes)


async def test_a_withdrawn_entry_counts_no_more_and_stays_with_who_and_why(store):
    await publish(store, TESTED, OTHER)
    first, second = await store.matrix_records(f.C)

    ended = await store.withdraw_matrix(f.C, (first.id,), "bob", "wrong cluster", f.later(1))

    assert (OTHER,) == await store.matrix(f.C)
    assert [first.id] == [r.id for r in ended]
    kept, still = await store.matrix_records(f.C, withdrawn=True)
    assert (TESTED, f.later(1), "bob", "wrong cluster", False) == (
        kept.entry,
        kept.withdrawn_at,
        kept.withdrawn_by,
        kept.withdraw_reason,
        kept.in_force,
    )
    assert second == still


async def test_withdrawing_again_changes_nothing_and_is_no_deed(store):
    await publish(store, TESTED)
    (record,) = await store.matrix_records(f.C)
    await store.withdraw_matrix(f.C, (record.id,), "bob", "first", f.later(1))

    assert () == await store.withdraw_matrix(f.C, (record.id,), "eve", "second", f.later(2))

    (kept,) = await store.matrix_records(f.C, withdrawn=True)
    assert ("bob", "first", f.later(1)) == (kept.withdrawn_by, kept.withdraw_reason, kept.withdrawn_at)
    assert ["matrix withdraw", "matrix publish"] == [e.action for e in await store.audit_log()]


async def test_what_was_withdrawn_can_be_published_again_as_a_new_entry(store):
    await publish(store, TESTED)
    (old,) = await store.matrix_records(f.C)
    await store.withdraw_matrix(f.C, (old.id,), "bob", "doubt", f.later(1))

    assert 1 == await publish(store, TESTED)
    assert 0 == await publish(store, TESTED)

    assert (TESTED,) == await store.matrix(f.C)
    assert 2 == len(await store.matrix_records(f.C, withdrawn=True))


async def test_an_entry_takes_the_place_of_another_in_one_deed(store):
    await publish(store, BROKEN, OTHER)
    old, _ = await store.matrix_records(f.C)

    assert 1 == await publish(store, TESTED, supersedes=(old.id,))
    assert 0 == await publish(store, TESTED, supersedes=(old.id,))

    assert (OTHER, TESTED) == await store.matrix(f.C)
    records = await store.matrix_records(f.C, withdrawn=True)
    assert [records[2].id, None, None] == [r.superseded_by for r in records]
    assert [f"1 new entries ({records[2].id}), superseding {old.id}", f"2 new entries ({old.id}, {records[1].id})"] == [
        e.detail for e in await store.audit_log()
    ]


async def test_an_entry_can_take_the_place_of_one_that_says_the_same_with_better_evidence(store):
    await publish(store, TESTED)
    (old,) = await store.matrix_records(f.C)
    better = TESTED.model_copy(update={"evidence": "run 2"})

    assert 1 == await publish(store, better, supersedes=(old.id,))
    assert (better,) == await store.matrix(f.C)


async def test_an_id_that_was_never_published_here_is_refused_and_nothing_is_written(store):
    await publish(store, TESTED)
    (old,) = await store.matrix_records(f.C)

    with pytest.raises(InvalidInput, match="entry: 99: expected the id"):
        await publish(store, OTHER, supersedes=(old.id, 99))
    with pytest.raises(InvalidInput):
        await store.withdraw_matrix("c2", (old.id,), "bob", "wrong cluster", f.NOW)

    assert (TESTED,) == await store.matrix(f.C)
