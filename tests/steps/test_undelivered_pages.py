"""A page that no address takes is not lost."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from temporalio.testing import ActivityEnvironment

from activities.pages import Page
from fleet.errors import Unreachable
from fleet.models.outbox import KeptPage

PAGE = Page("undrained/1", "gpu001 was undrained by another", "it was drained again")


class Silent:
    """No address answers."""

    async def page(self, title: str, body: str) -> None:
        raise Unreachable("no address took the page")


async def kept(site) -> tuple[KeptPage, ...]:
    return await site.store.kept_pages(datetime.now(UTC) + timedelta(minutes=1))


async def test_a_page_that_no_address_took_is_kept_and_one_that_was_taken_is_not(site):
    silent = replace(site.deps, pager=Silent())
    await ActivityEnvironment().run(silent.page, PAGE)
    await ActivityEnvironment().run(site.deps.page, Page("late/1", "gpu002 is late", "since noon"))

    assert ["undrained/1"] == [page.key for page in await kept(site)]
    assert ["gpu002 is late"] == site.pages.titles


async def test_a_page_that_still_nobody_takes_stays_kept(site):
    at = datetime.now(UTC) - timedelta(minutes=5)
    await site.store.keep_page(KeptPage(key=PAGE.key, title=PAGE.title, body=PAGE.body, at=at))

    await ActivityEnvironment().run(replace(site.deps, pager=Silent()).page_again)
    assert ["undrained/1"] == [page.key for page in await kept(site)]


async def test_a_kept_page_is_delivered_and_forgotten(site):
    at = datetime.now(UTC) - timedelta(minutes=5)
    await site.store.keep_page(KeptPage(key=PAGE.key, title=PAGE.title, body=PAGE.body, at=at))

    for _ in range(2):
        await ActivityEnvironment().run(site.deps.page_again)

    assert ([PAGE.title], ()) == (site.pages.titles, await kept(site))
