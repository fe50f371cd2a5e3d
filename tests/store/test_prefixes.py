"""Keys that begin alike are found among those of years, and none besides."""

from sqlalchemy import create_engine, select

from store.prefixes import begins_with
from store.tables.columns import METADATA
from store.tables.hosts import PAGES
from tests.store import facts as f

CLAIMED = ("notice/c1/p/1/d1/0/7", "notice/c1/p/1/d1/1/8", "notice/c1/p/1/d10/0/9", "notice/c1/p/1/D1/0/9", "n")


def test_what_begins_otherwise_is_not_read():
    engine = create_engine("sqlite://")
    METADATA.create_all(engine, [PAGES])
    with engine.connect() as connection:
        statement = select(PAGES.c.key).where(begins_with(connection, PAGES.c.key, "notice/c1/p/1/d1/"))
        words = str(statement.compile(engine, compile_kwargs={"literal_binds": True}))
        (plan,) = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}").all()
    assert "(key>? AND key<?)" in plan.detail


async def test_keys_are_counted_and_the_last_is_found_by_how_they_begin(store):
    for number, key in enumerate(CLAIMED):
        await store.first_time(key, f.later(number))
    for prefix, count, last in (("notice/c1/p/1/d1/", 2, CLAIMED[1]), ("notice/c1/p/1/d1", 3, CLAIMED[2])):
        assert (count, last) == (await store.count_claims(prefix), await store.last_claim(prefix))
    assert (0, None) == (await store.count_claims("notice/c1/p/1/d_"), await store.last_claim("notice/c1/p/1/d%"))
