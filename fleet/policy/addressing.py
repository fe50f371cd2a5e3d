"""Where a host, or its BMC, is reached: a template of the fleet file, filled in with the host's name or number."""

import re

from fleet.errors import InvalidInput

_NUMBER = re.compile(r"(\d+)$")


def address_of(source: str, template: str, host: str) -> str:
    """The template with {host} and {number} replaced; the number at the name's end, without leading zeros.

    Raises `InvalidInput`, naming the `source` of the template, for a name without a number where one is wanted.
    """
    found = _NUMBER.search(host)
    if "{number}" in template and found is None:
        raise InvalidInput(source, "address", f"{host} ends with no number for {{number}}")
    return template.replace("{host}", host).replace("{number}", str(int(found[1])) if found else "")
