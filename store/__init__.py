"""The facts in SQL: SQLite in a file by default, PostgreSQL by URL, one suite of tests for both.

`open_store(url)` is the way in. Nothing else in this package is for use from outside it.
"""

from store.opening import migrate, open_store

__all__ = ["migrate", "open_store"]
