"""Kinds of column as migrations write them; never changed, since migrations already run have used them."""

import sqlalchemy as sa


def number() -> sa.Column[int]:
    """A primary key that counts up."""
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", kind, primary_key=True, autoincrement=True)


def text(name: str, *, null: bool = False, key: bool = False) -> sa.Column[str]:
    """A text."""
    return sa.Column(name, sa.Text(), nullable=null, primary_key=key)


def integer(name: str, *, null: bool = False, key: bool = False) -> sa.Column[int]:
    """A number."""
    return sa.Column(name, sa.Integer(), nullable=null, primary_key=key, autoincrement=False)


def real(name: str) -> sa.Column[float]:
    """A number with a fraction."""
    return sa.Column(name, sa.Float(), nullable=False)


def flag(name: str) -> sa.Column[bool]:
    """True or false."""
    return sa.Column(name, sa.Boolean(), nullable=False)


def moment(name: str, *, null: bool = False) -> sa.Column[object]:
    """A moment with its zone."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)
