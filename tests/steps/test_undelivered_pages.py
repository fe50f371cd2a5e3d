"""A page that an address does not take is not lost."""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.deps import LONGEST_KEY
from activities.pages import Page
from fleet.errors import NotAllTold, Unreachable
from fleet.models.outbox import KeptPage
from tests.steps.site import Pages

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


class Dying:
    """The worker is killed as it sends."""

    async def page(self, title: str, body: str) -> None:
        raise asyncio.CancelledError


async def test_a_page_whose_worker_dies_with_it_is_kept_for_another(site):
    """The step that paged is tried again in the same minute: to it the page is under way."""
    with pytest.raises(asyncio.CancelledError):
        await ActivityEnvironment().run(replace(site.deps, pager=Dying()).page, PAGE)
    await ActivityEnvironment().run(site.deps.page, PAGE)

    assert ([], ["undrained/1"]) == (site.pages.titles, [page.key for page in await kept(site)])


class HalfSilent:
    """Two addresses, one of which is away for a while."""

    def __init__(self) -> None:
        self.away, self.told = True, []

    async def page(self, title: str, body: str, to: str = "", but: Collection[str] = ()) -> None:
        left = {"A:0", "B:0"} - set(but)
        took = left - {"B:0"} if self.away else left
        self.told += took
        if took != left:
            raise NotAllTold("not everywhere", (*but, *took))


class EachInItsTurn:
    """Facts that every try of a page comes to in a turn of its own."""

    def __init__(self, store) -> None:
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def claimed(self, key: str) -> bool:
        return "@" not in key and await self._store.claimed(key)

    async def first_time(self, key: str, now: datetime) -> bool:
        return "@" in key or await self._store.first_time(key, now)


async def test_an_address_that_took_a_page_is_not_told_again_for_one_that_did_not(site):
    deps = replace(site.deps, store=EachInItsTurn(site.store), pager=(pager := HalfSilent()))

    for away in (True, True, False, False):
        pager.away = away
        await ActivityEnvironment().run(deps.page, PAGE)

    assert (["A:0", "B:0"], ()) == (pager.told, await kept(site))


async def test_a_page_about_a_drain_with_a_long_reason_has_a_key_that_a_database_finds(site):
    """PostgreSQL keeps no key of 3,000 bytes, and a look that can't page is never over."""
    one, other = (PAGE._replace(key=f"unowned/sim/gpu001/{'because ' * 700}{end}") for end in "ab")
    silent = replace(site.deps, pager=Silent())
    for page in (one, other, one):
        await ActivityEnvironment().run(silent.page, page)

    assert [LONGEST_KEY] * 2 == [len(page.key) for page in await kept(site)]


class OneSilent(Pages):
    """The owner of one page has an address that never answers."""

    async def page(self, title: str, body: str, to: str = "") -> None:
        if to:
            raise Unreachable("the owner's address took no page")
        await super().page(title, body)


async def test_one_page_that_nobody_ever_takes_does_not_stand_before_the_others(site):
    at = datetime.now(UTC) - timedelta(minutes=9)
    later = at + timedelta(minutes=1)
    await site.store.keep_page(KeptPage(key="first", title="no answer", body="so", at=at, owner="GONE"))
    await site.store.keep_page(KeptPage(key="second", title="answered", body="so", at=later))
    deps = replace(site.deps, pager=(pages := OneSilent()))

    for _ in range(2):
        await ActivityEnvironment().run(deps.page_again)

    assert (["answered"], ["first"]) == (pages.titles, [page.key for page in await kept(site)])
