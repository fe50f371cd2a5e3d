"""Where in a fleet file an error lies: between the model's locations, which know tags of unions and names, and the
paths of the file, which are what a person can find.
"""

from pydantic import BaseModel

from starter.yamltext import KeyPath

Schema = dict[str, object]


def path_text(path: KeyPath) -> str:
    """`clusters[0].pools[1].failure_buffer`."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


def in_file(value: object, location: tuple[int | str, ...]) -> KeyPath:
    """A location of the model as a path in the file: without the tags of unions and marks such as `[key]`."""
    path: list[int | str] = []
    for position, key in enumerate(location):
        known, inner = _inside(value, key)
        is_missing_field = position == len(location) - 1 and key != "[key]" and not _is_tag(value, key)
        if known:
            value = inner
        if known or is_missing_field:
            path.append(key)
    return tuple(path)


def resolve(value: object, base: KeyPath, names: list[str]) -> KeyPath:
    """A place as a validator names it (`components.bmc.layer`) as a path in the file (`components[2].layer`)."""
    path = list(base)
    for key in base:
        _, value = _inside(value, key)
    for name in names:
        step: int | str | None = name
        if isinstance(value, list):
            step = _index(value, name)
        if step is None:
            break
        path.append(step)
        _, value = _inside(value, step)
    return tuple(path)


def fields_at(location: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    """Names of the fields that the model has at a location, found through its JSON Schema."""
    schema = model.model_json_schema()
    node: Schema = schema
    for key in location:
        node = _step(_solid(node, schema), key)
    return list(_mapping(_solid(node, schema), "properties"))


def _inside(value: object, key: int | str) -> tuple[bool, object]:
    if isinstance(value, dict) and key in value:
        return True, value[key]
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return True, value[key]
    return False, None


def _index(values: list[object], name: str) -> int | None:
    """Position of the entry of that name, or the position that the name itself is."""
    if name.isdecimal():
        return int(name)
    return next((i for i, v in enumerate(values) if isinstance(v, dict) and v.get("name") == name), None)


def _is_tag(value: object, key: int | str) -> bool:
    return isinstance(value, dict) and value.get("kind") == key


def _mapping(node: Schema, name: str) -> Schema:
    found = node.get(name)
    return found if isinstance(found, dict) else {}


def _solid(node: Schema, schema: Schema) -> Schema:
    """The node itself, its reference or the model among its choices followed."""
    choices = node.get("anyOf")
    for choice in choices if isinstance(choices, list) else []:
        if "$ref" in choice:
            return _solid(choice, schema)
    if "$ref" in node:
        name = str(node["$ref"]).rsplit("/", 1)[1]
        return _solid(_mapping(_mapping(schema, "$defs"), name), schema)
    return node


def _step(node: Schema, key: int | str) -> Schema:
    """One key deeper. The tag of a union is a key of its own in a location."""
    if isinstance(key, int):
        return _mapping(node, "items")
    tags = _mapping(_mapping(node, "discriminator"), "mapping")
    if key in tags:
        return {"$ref": tags[key]}
    return _mapping(_mapping(node, "properties"), key) or _mapping(node, "additionalProperties")
