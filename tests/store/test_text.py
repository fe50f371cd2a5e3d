"""What tools and BMCs say is kept, whatever is in it."""

from tests.store import facts as f
from tests.store.test_outbox import page

SAID = "dcgmi:\0 GPU 5"


async def test_a_character_that_a_database_has_no_place_for_holds_nothing_up(store):
    await f.ready(store)
    await store.keep_page(page("late", title=SAID))
    await store.lease_for_repair(f.lease("gpu0000", "repair/1", why=SAID))

    [kept] = await store.kept_pages(f.later(1))
    held = await store.lease(f.C, "gpu0000")
    for found in (kept.title, held.why):
        assert SAID == found.replace("\ufffd", "\0")
