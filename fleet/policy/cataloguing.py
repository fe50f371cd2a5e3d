"""What is wrong with a catalogue that no single entry shows: names, references, order, cycles, one-sided conflicts."""

from collections import Counter
from collections.abc import Iterable, Iterator

from fleet.models.catalogue import Catalogue
from fleet.models.catalogue_component import CatalogueComponent
from fleet.models.verification import VerificationTask

Found = tuple[str, str]
"""The place, as names joined by dots, and what was expected there."""


def problems(catalogue: Catalogue) -> tuple[Found, ...]:
    """Everything wrong, in the order of the catalogue."""
    return (
        *_names(catalogue),
        *(found for c in catalogue.components for found in _component(catalogue, c)),
        *_orders(catalogue),
        *_cycles(catalogue),
        *_operations(catalogue),
        *_verifications(catalogue),
    )


def _names(catalogue: Catalogue) -> Iterator[Found]:
    for name in _twice(catalogue.layers):
        yield f"layers.{name}", "expected each layer once"
    for kind, names in (
        ("components", [c.name for c in catalogue.components]),
        ("operations", [o.name for o in catalogue.operations]),
    ):
        for name in _twice(names):
            yield f"{kind}.{name}.name", "expected each name once"


def _component(catalogue: Catalogue, component: CatalogueComponent) -> Iterator[Found]:
    place = f"components.{component.name}"
    if component.layer not in catalogue.layers:
        yield f"{place}.layer", f"expected one of {', '.join(catalogue.layers)}, found {component.layer!r}"
        return
    references = {
        "relates_to": component.relates_to,
        "depends_on": component.depends_on,
        "atomic_with": component.atomic_with,
    }
    for field, others in references.items():
        for name in others:
            other = catalogue.component(name)
            if other is None:
                yield f"{place}.{field}", f"expected a component of the catalogue, found {name!r}"
            elif other.layer in catalogue.layers:
                wrong = _wrong_way(catalogue, component, other, field)
                if wrong:
                    yield f"{place}.{field}", wrong


def _wrong_way(catalogue: Catalogue, component: CatalogueComponent, other: CatalogueComponent, field: str) -> str:
    """Upgrades go from the deepest up: what comes first lies below, and what is tested with it lies above."""
    here, there = _place(catalogue, component), _place(catalogue, other)
    if field == "depends_on" and not there < here:
        return f"expected one that is upgraded before it, {other.name} comes after it by layer and order"
    if field == "relates_to" and not here < there:
        return f"expected one that lies above it, {other.name} does not by layer and order"
    return ""


def _place(catalogue: Catalogue, component: CatalogueComponent) -> tuple[int, int]:
    return catalogue.layers.index(component.layer), component.order


def _orders(catalogue: Catalogue) -> Iterator[Found]:
    for layer in catalogue.layers:
        its = [c for c in catalogue.components if c.layer == layer]
        if not its:
            yield f"layers.{layer}", "expected at least one component in it"
        taken = Counter(c.order for c in its)
        for component in its:
            if taken[component.order] > 1:
                yield f"components.{component.name}.order", f"expected an order of its own within {layer}"


def _cycles(catalogue: Catalogue) -> Iterator[Found]:
    """Components that, through what they depend on, depend on themselves."""
    needs = {c.name: set(c.depends_on) for c in catalogue.components}
    for name, direct in needs.items():
        seen, open_now = set[str](), list(direct)
        while open_now:
            other = open_now.pop()
            if other not in seen:
                seen.add(other)
                open_now += needs.get(other, ())
        if name in seen:
            yield f"components.{name}.depends_on", "expected no circle, it depends on itself through others"


def _operations(catalogue: Catalogue) -> Iterator[Found]:
    for operation in catalogue.operations:
        place = f"operations.{operation.name}.not_with"
        for name in operation.not_with:
            other = catalogue.operation(name)
            if other is None:
                yield place, f"expected an operation of the catalogue, found {name!r}"
            elif operation.name not in other.not_with:
                yield place, f"expected a conflict that both name, {name} does not name {operation.name}"


def _verifications(catalogue: Catalogue) -> Iterator[Found]:
    named = [v.task for v in catalogue.verifications]
    for task in VerificationTask:
        if named.count(task) != 1:
            yield "verifications", f"expected {task} once, found it {named.count(task)} times"


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
