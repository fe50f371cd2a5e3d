"""Two transactions of PostgreSQL at once, one of which stands still in its midst."""

import asyncio
import threading

from sqlalchemy import text

from store.opening import _database

_WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


async def ended_beside(url, first, then, deed, lock=()):
    """Run `deed` while a transaction of another process is between its two pieces of work, until it waits for that or
    is done; then both to their end. Whether it was done beside it.
    """
    looked, go_on = threading.Event(), threading.Event()

    def work(connection):
        found = first(connection)
        looked.set()
        go_on.wait()
        return then(connection, found)

    async def elsewhere():
        database = _database(url)
        await database.write(work, lock=lock)
        await database.close()

    watching = _database(url)
    standing = asyncio.create_task(asyncio.to_thread(asyncio.run, elsewhere()))
    await asyncio.to_thread(looked.wait)
    doing = asyncio.create_task(deed)
    for _ in range(2000):
        if doing.done() or await watching.read(lambda connection: connection.execute(_WAITING).scalar_one()):
            break
        await asyncio.sleep(0.01)
    ended = doing.done()
    go_on.set()
    await asyncio.gather(standing, doing)
    await watching.close()
    return ended
