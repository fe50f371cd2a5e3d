"""The recipes that come with Maintrain: YAML files beside this one, each a mapping of names to recipes."""

from functools import lru_cache
from importlib.resources import files

import yaml

from fleet.errors import InvalidInput
from fleet.models.recipe import Recipe


@lru_cache(maxsize=1)
def ready_recipes() -> dict[str, Recipe]:
    """Every ready-made recipe by name."""
    found: dict[str, Recipe] = {}
    for file in sorted(files("drivers.ssh").joinpath("recipes").iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".yaml"):
            found |= {name: Recipe.model_validate(body) for name, body in yaml.safe_load(file.read_text()).items()}
    return found


def ready_recipe(component: str, name: str) -> Recipe:
    """One recipe. Raises `InvalidInput` for a name that there is none of."""
    recipe = ready_recipes().get(name)
    if recipe is None:
        known = ", ".join(sorted(ready_recipes()))
        raise InvalidInput("ssh", f"components.{component}.name", f"expected one of {known}; found {name!r}")
    return recipe
