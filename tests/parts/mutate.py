"""Damage done to a tool's output: characters changed or lost, JSON parts lost or replaced, the end cut off.

No replacement character can make a healthy word or a zero of an unhealthy one: that would be another true answer.
"""

import copy
import json
import random
from typing import Any

_CHARACTERS = '?~#}]<,;:9x\x00\n \t"é'
_VALUES: tuple[Any, ...] = (None, "", 9, -1, 1e400, [], {}, "x", True, [None], "9" * 400)


def characters(text: str, chance: random.Random, times: int) -> str:
    """Up to `times` places: one to three characters lost, or one changed, or one put in between."""
    for _ in range(chance.randint(1, times)):
        at = chance.randrange(max(1, len(text)))
        match chance.randrange(3):
            case 0:
                text = text[:at] + text[at + chance.randint(1, 3) :]
            case 1:
                text = text[:at] + chance.choice(_CHARACTERS) + text[at + 1 :]
            case _:
                text = text[:at] + chance.choice(_CHARACTERS) + text[at:]
    return text


def cut(text: str, chance: random.Random) -> str:
    """The beginning only; what is lost is more than white space."""
    return text[: chance.randrange(len(text.rstrip()) - 1)]


def parts(text: str, chance: random.Random) -> str:
    """JSON with one to three of its parts lost or replaced."""
    body = json.loads(text)
    for _ in range(chance.randint(1, 3)):
        holder, key = chance.choice(_places(body) or [({}, "x")])
        if chance.random() < 0.6:
            holder.pop(key, None) if isinstance(holder, dict) else holder.pop(key)
        else:
            holder[key] = copy.deepcopy(chance.choice(_VALUES))
    return json.dumps(body)


def lines(text: str, chance: random.Random) -> str:
    """One to three lines lost or swapped."""
    kept = text.splitlines(keepends=True)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(kept))
        if chance.random() < 0.6 and len(kept) > 1:
            del kept[at]
        else:
            other = chance.randrange(len(kept))
            kept[at], kept[other] = kept[other], kept[at]
    return "".join(kept)


def noise(chance: random.Random) -> str:
    """Text of nothing in particular."""
    return "".join(chance.choice('{}[]":,.0OKPassFailGPU \n\t-#<>/é\x00') for _ in range(chance.randrange(200)))


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    stack = [value]
    while stack:
        holder = stack.pop()
        items = holder.items() if isinstance(holder, dict) else enumerate(holder) if isinstance(holder, list) else ()
        for key, inner in items:
            found.append((holder, key))
            stack.append(inner)
    return found
