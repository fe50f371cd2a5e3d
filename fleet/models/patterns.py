"""Regular expressions that a fleet file may hold: checked to be one when the file is read."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field


def compiles(pattern: str) -> str:
    """The pattern itself. Raises ValueError for what is no regular expression."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"expected a regular expression: {error}") from error
    return pattern


Regex = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(compiles)]
"""A regular expression; whoever uses it says whether it must match a whole string."""
