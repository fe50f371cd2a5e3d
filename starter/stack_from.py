"""Puts the catalogue's components into a fleet file whose stacks name them, before its model checks the whole."""

from typing import Any

from pydantic import ValidationError

from fleet.models.catalogue_stack import CatalogueStack
from fleet.models.fleetfile import FleetFile
from fleet.models.stack import Component
from fleet.policy.catalogue_stack import component_document, stack_document, unknown_names
from starter.catalogue_files import own_catalogue
from starter.complaints import complaint, one_error, placed
from starter.yamltext import YamlText


def with_stacks(file: YamlText) -> dict[str, Any]:
    """The file's value with every stack in full. Raises `InvalidInput` for a stack that can't be made one."""
    value: dict[str, Any] = file.value
    clusters = value.get("clusters")
    if not isinstance(clusters, list):
        return value
    return {**value, "clusters": [_cluster(file, index, each) for index, each in enumerate(clusters)]}


def schema() -> dict[str, Any]:
    """JSON Schema of fleet files as people write them: a stack in full, or from the catalogue."""
    whole = FleetFile.model_json_schema()
    chosen = CatalogueStack.model_json_schema(ref_template="#/$defs/{model}")
    whole["$defs"].update(chosen.pop("$defs", {}))
    whole["$defs"]["CatalogueStack"] = chosen
    fields = whole["$defs"]["Cluster"]["properties"]
    fields["stack"] = {"anyOf": [fields["stack"], {"$ref": "#/$defs/CatalogueStack"}]}
    return whole


def _cluster(file: YamlText, index: int, cluster: object) -> object:
    if not isinstance(cluster, dict):
        return cluster
    stack = cluster.get("stack")
    if not isinstance(stack, dict) or "from" not in stack:
        return cluster
    under = ("clusters", index, "stack")
    try:
        asked = CatalogueStack.model_validate(stack)
    except ValidationError as error:
        raise complaint(file, error, CatalogueStack, under) from error
    catalogue = own_catalogue()
    found = unknown_names(catalogue, asked)
    if found:
        told = [placed(file, f"clusters.{index}.stack.{place}", wanted) for place, wanted in found]
        raise one_error(file.source, told)
    for place, each in enumerate(asked.components):
        # Here, where the place in the file is known: the stack has its components in another order.
        try:
            Component.model_validate(component_document(catalogue, each))
        except ValidationError as error:
            raise complaint(file, error, Component, (*under, "components", place)) from error
    return {**cluster, "stack": stack_document(catalogue, asked)}
