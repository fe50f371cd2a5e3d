"""A process that competes for four hosts: `python -m tests.store.contender URL NUMBER` prints how often it held one."""

import asyncio
import sys

from fleet.models.ledger import Grant, Settlement
from store import open_store
from tests.store import facts as f

ROUNDS = 15


def oldest_that_fit(facts):
    taken, grants = set(facts.leases), []
    for request in facts.requests:
        if not taken & set(request.hosts):
            taken |= set(request.hosts)
            grants.append(Grant(request=request.id, reason="free"))
    return Settlement(reason="", grants=tuple(grants))


async def hold_once(store, me, number):
    name = f"gpu{(number + int(me)) % 4:04}"
    holder = f"{me}/{number}"
    await store.request(f.request(holder, name, holder=holder, asked_at=f.later(number)))
    while True:
        await store.settle(f.C, f.NOW, oldest_that_fit)
        held = await store.leases(holder)
        if held:
            break
        await asyncio.sleep(0.005)
    operation = held[0].operation
    if (await store.lease(f.C, name)).operation != operation:
        raise SystemExit(f"{name} is held by another")
    return await store.release(f.C, name, operation, f.outcome(name, operation), f.NOW)


async def main(url, me):
    store = await open_store(url)
    await f.ready(store)
    print(sum([await hold_once(store, me, number) for number in range(ROUNDS)]))  # noqa: T201
    await store.close()


asyncio.run(main(*sys.argv[1:]))
