"""Pages that no address took are kept until one does."""

from fleet.models.outbox import KeptPage
from tests.store import facts as f


def page(key, at=f.NOW, title="a host is out"):
    return KeptPage(key=key, title=title, body="why", at=at)


async def test_a_kept_page_stays_until_it_is_delivered(store):
    await store.keep_page(page("late", at=f.later(5)))
    await store.keep_page(page("early"))
    await store.keep_page(page("early", at=f.later(9), title="another"))

    assert (page("early"), page("late", at=f.later(5))) == await store.kept_pages(f.later(6))
    assert (page("early"),) == await store.kept_pages(f.later(5))
    await store.forget_page("early")
    assert (page("late", at=f.later(5)),) == await store.kept_pages(f.later(6))
