"""A stack from the catalogue: which fields its components get, given where the split point lies.

The catalogue says what a component must be tested with wherever that lies; in a stack this holds for what lies above
the split point and is among the components chosen.
"""

from typing import Any

from fleet.models.catalogue import Catalogue
from fleet.models.catalogue_stack import CatalogueStack, ChosenComponent
from fleet.models.units import format_duration

Found = tuple[str, str]
Fields = dict[str, Any]


def stack_document(catalogue: Catalogue, asked: CatalogueStack) -> Fields:
    """The stack in full, as a fleet file would write it; deepest layer first, within a layer by the catalogue's order.

    Components that the catalogue lacks come after its own of the same layer, in the order of the file. Their fields,
    and fields that override the catalogue's, are left for the stack to check.
    """
    chosen = [_fields(catalogue, place, each) for place, each in enumerate(asked.components)]
    layers = catalogue.layers
    chosen.sort(key=lambda fields: _depth(layers, fields))
    split = layers.index(asked.split) if asked.split in layers else -1
    names = {fields["name"] for fields in chosen}
    above = {fields["name"] for fields in chosen if _depth(layers, fields)[0] > split}
    for fields in chosen:
        known = catalogue.component(fields["name"])
        if known is not None and fields["name"] not in above:
            fields.setdefault("relates_to", [name for name in known.relates_to if name in above])
            fields.setdefault("atomic_with", [name for name in known.atomic_with if name in names - above])
    reboot = asked.reboot_duration if asked.reboot_duration is not None else catalogue.reboot.duration
    return {
        "layers": list(layers),
        "split": asked.split,
        "reboot_duration": format_duration(reboot),
        "components": [{key: value for key, value in fields.items() if key != _PLACE} for fields in chosen],
    }


def component_document(catalogue: Catalogue, each: str | ChosenComponent) -> Fields:
    """One component in full, as far as the catalogue and the file know it."""
    return {key: value for key, value in _fields(catalogue, 0, each).items() if key != _PLACE}


def unknown_names(catalogue: Catalogue, asked: CatalogueStack) -> tuple[Found, ...]:
    """Bare names that the catalogue does not have, and a split that is none of its layers, with what was expected."""
    found = []
    if asked.split not in catalogue.layers:
        found.append(("split", f"expected one of the layers {', '.join(catalogue.layers)}, found {asked.split!r}"))
    for index, each in enumerate(asked.components):
        if isinstance(each, str) and catalogue.component(each) is None:
            wanted = (
                "expected a component of the catalogue (maintrain catalogue list), or a mapping with all its fields"
            )
            found.append((f"components.{index}", f"{wanted}, found {each!r}"))
    return tuple(found)


_PLACE = "(place)"
"""Where a component stood in the file, until it is sorted; no field has this name."""


def _fields(catalogue: Catalogue, place: int, each: str | ChosenComponent) -> Fields:
    own: Fields = {"name": each} if isinstance(each, str) else {"name": each.name, **(each.model_extra or {})}
    known = catalogue.component(own["name"])
    if known is None:
        return {**own, _PLACE: (1, place)}
    given: Fields = {
        "layer": known.layer,
        "reboot": known.reboot.reboots,
        "duration": format_duration(known.duration),
    }
    return {**given, **own, _PLACE: (0, known.order)}


def _depth(layers: tuple[str, ...], fields: Fields) -> tuple[int, tuple[int, int]]:
    layer = fields.get("layer")
    return (layers.index(layer) if layer in layers else len(layers)), fields[_PLACE]
