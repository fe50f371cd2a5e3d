"""Migrations of the facts' schema, run by `store.open_store`; a user needs no alembic.ini."""
