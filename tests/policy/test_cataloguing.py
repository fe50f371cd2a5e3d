"""The rules of a catalogue, and stacks made of it wherever the split point lies."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.models.catalogue import ESTIMATE, Catalogue, CatalogueVerification, Reboot
from fleet.models.catalogue_component import CatalogueComponent, RebootNeed
from fleet.models.catalogue_operation import CatalogueOperation, Disruption, Scope
from fleet.models.catalogue_stack import CatalogueStack, ChosenComponent
from fleet.models.stack import Stack
from fleet.models.verification import VerificationTask
from fleet.policy.catalogue_stack import stack_document, unknown_names
from fleet.policy.cataloguing import problems
from starter.catalogue_files import own_catalogue

OWN = own_catalogue()


def component(name, layer="low", order=1, **changes):
    values = {"name": name, "what": name, "layer": layer, "order": order, "reboot": RebootNeed.NONE}
    return CatalogueComponent(**{**values, "duration": timedelta(minutes=1), "source": ESTIMATE, **changes})


def operation(name, *not_with):
    return CatalogueOperation(
        name=name,
        what=name,
        scope=Scope.HOST,
        disruption=Disruption.DOWN,
        duration=timedelta(minutes=1),
        source=ESTIMATE,
        not_with=not_with,
    )


def catalogue(*components, operations=(), tasks=tuple(VerificationTask), layers=("low", "high")):
    filling = [component(f"in-{layer}", layer, 99) for layer in layers]
    checks = [
        CatalogueVerification(task=t, what="w", hosts=1, duration=timedelta(minutes=1), source=ESTIMATE) for t in tasks
    ]
    return Catalogue(
        layers=layers,
        reboot=Reboot(duration=timedelta(minutes=20), source=ESTIMATE),
        components=(*components, *filling),
        operations=operations,
        verifications=tuple(checks),
    )


def test_the_catalogue_that_comes_with_maintrain_keeps_its_rules_and_is_large_enough():
    assert () == problems(OWN)
    assert len(OWN.components) >= 50
    assert len(OWN.operations) >= 30
    assert {v.task for v in OWN.verifications} == set(VerificationTask)


def test_every_duration_of_it_names_where_it_comes_from():
    entries = (*OWN.components, *OWN.operations, *OWN.verifications, OWN.reboot)
    sources = {e.source for e in entries}

    assert ESTIMATE in sources
    assert all(s == ESTIMATE or len(s) > 20 for s in sources)
    assert all(e.duration > timedelta(0) for e in entries)


@pytest.mark.parametrize(
    ("bad", "place", "wanted"),
    [
        (catalogue(component("a", "none")), "components.a.layer", "expected one of low, high, found 'none'"),
        (catalogue(component("a"), component("a", order=2)), "components.a.name", "expected each name once"),
        (catalogue(component("a", depends_on=("b",))), "components.a.depends_on", "found 'b'"),
        (catalogue(component("a", relates_to=("b",))), "components.a.relates_to", "found 'b'"),
        (catalogue(component("a", atomic_with=("b",))), "components.a.atomic_with", "found 'b'"),
        (catalogue(component("a", depends_on=("in-high",))), "components.a.depends_on", "upgraded before it"),
        (catalogue(component("a", "high", relates_to=("in-low",))), "components.a.relates_to", "lies above it"),
        (catalogue(component("a"), component("b")), "components.a.order", "an order of its own within low"),
        (
            catalogue(component("a", depends_on=("b",)), component("b", order=2, depends_on=("a",))),
            "components.b.depends_on",
            "expected no circle",
        ),
        (catalogue(operations=(operation("x", "y"),)), "operations.x.not_with", "found 'y'"),
        (
            catalogue(operations=(operation("x", "y"), operation("y"))),
            "operations.x.not_with",
            "expected a conflict that both name, y does not name x",
        ),
        (catalogue(operations=(operation("x"), operation("x"))), "operations.x.name", "expected each name once"),
        (catalogue(tasks=(VerificationTask.HEALTH,)), "verifications", "expected performance once, found it 0 times"),
    ],
)
def test_each_mistake_names_its_place_and_what_was_expected(bad, place, wanted):
    found = problems(bad)

    assert place in [p for p, _ in found]
    assert any(wanted in w for p, w in found if p == place)


def test_an_operation_may_conflict_with_itself():
    assert () == problems(catalogue(operations=(operation("x", "x"),)))


NAMES = st.lists(st.sampled_from([c.name for c in OWN.components]), min_size=1, unique=True)


@given(NAMES, st.sampled_from(OWN.layers))
def test_any_choice_of_components_makes_a_stack_wherever_the_split_lies(names, split):
    stack = Stack.model_validate(stack_document(OWN, CatalogueStack(source="catalogue", split=split, components=names)))

    assert set(names) == {c.name for c in stack.components}
    depths = [stack.depth(c) for c in stack.components]
    assert depths == sorted(depths)
    places = {c.name: i for i, c in enumerate(stack.components)}
    for chosen in stack.components:
        known = OWN.component(chosen.name)
        assert all(places[other] < places[chosen.name] for other in known.depends_on if other in places)
        wanted = {other for other in known.relates_to if other in places}
        job_facing = {c.name for c in stack.components if not stack.host_facing(c)}
        assert set(chosen.relates_to) == (wanted & job_facing if stack.host_facing(chosen) else set())
        assert chosen.reboot == known.reboot.reboots


def test_fields_of_a_component_override_the_catalogues():
    asked = CatalogueStack.model_validate(
        {"from": "catalogue", "split": "driver", "components": ["cuda", {"name": "gpu-driver", "duration": "8m"}]}
    )
    stack = Stack.model_validate(stack_document(OWN, asked))

    driver = stack.component("gpu-driver")
    assert (timedelta(minutes=8), True, ("cuda",)) == (driver.duration, driver.reboot, driver.relates_to)
    assert OWN.reboot.duration == stack.reboot_duration


def test_a_component_of_ones_own_stands_after_the_catalogues_of_its_layer():
    own = ChosenComponent.model_validate({"name": "asic", "layer": "driver", "duration": "5m", "relates_to": ["cuda"]})
    asked = CatalogueStack(source="catalogue", split="driver", components=(own, "cuda", "gpu-driver"))

    stack = Stack.model_validate(stack_document(OWN, asked))
    assert ["gpu-driver", "asic", "cuda"] == [c.name for c in stack.components]


def test_what_only_makes_sense_together_stays_together_where_both_are_chosen():
    both = CatalogueStack(source="catalogue", split="services", components=("gpu-driver", "fabric-manager"))
    one = CatalogueStack(source="catalogue", split="services", components=("fabric-manager",))

    assert ("gpu-driver",) == Stack.model_validate(stack_document(OWN, both)).component("fabric-manager").atomic_with
    assert () == Stack.model_validate(stack_document(OWN, one)).component("fabric-manager").atomic_with


def test_names_that_the_catalogue_lacks_are_told_with_their_place():
    asked = CatalogueStack(source="catalogue", split="drivers", components=("gpu-driver", "gpu-drive"))

    assert ["split", "components.1"] == [place for place, _ in unknown_names(OWN, asked)]
