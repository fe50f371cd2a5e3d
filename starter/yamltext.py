"""YAML that remembers its lines. Only plain values are built (the safe loader), a key given twice is refused instead
of silently winning, and `line_of` tells the line of any path, so that a complaint can say where to look.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, SequenceNode

from fleet.errors import InvalidInput

MOST_BYTES = 4 * 1024 * 1024
"""A fleet file of 100 clusters has some 300 kB; anything beyond this is another file by mistake."""

Key = str | int
KeyPath = tuple[Key, ...]


@dataclass(frozen=True)
class YamlText:
    """A parsed file: its text, its plain value and the nodes that know their lines."""

    source: str
    text: str
    value: Any
    root: Node

    def line_of(self, path: KeyPath) -> int:
        """Line (from 1) of the deepest part of `path` that is in the file."""
        node, line = self.root, self.root.start_mark.line
        for key in path:
            found = _child(node, key)
            if found is None:
                break
            at, node = found
            line = at.start_mark.line
        return line + 1


class _Loader(yaml.SafeLoader):
    """The safe loader, without keys given twice and without values that contain themselves."""

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[Hashable, int] = {}
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if not isinstance(key, Hashable):
                raise yaml.constructor.ConstructorError(None, None, "expected a plain key", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"expected {key!r} once, it is also on line {seen[key]}", key_node.start_mark
                )
            seen[key] = line
        return super().construct_mapping(node, deep=True)


def read_yaml(path: Path) -> YamlText:
    """Read one YAML document. Raises `InvalidInput` that names the file, the line and what was expected."""
    source = str(path)
    text = _read(path, source)
    try:
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
            if root is None:
                raise InvalidInput(source, "", "expected a YAML mapping, found an empty file")
            _refuse_cycles(root, source)
            return YamlText(source, text, loader.construct_document(root), root)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise _complaint(source, error) from error
    except yaml.YAMLError as error:
        raise InvalidInput(source, "", f"expected plain YAML text, found {_one_line(str(error))}") from error
    except RecursionError as error:
        raise InvalidInput(source, "", "expected a fleet file, found a value nested too deeply") from error
    except ValueError as error:  # such as the date 2026-99-99, which YAML reads as a date
        raise InvalidInput(source, "", f"expected plain YAML values: {_one_line(str(error))}") from error


def _read(path: Path, source: str) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)  # a pipe or a device does not tell its size before
        if len(raw) > MOST_BYTES:
            raise InvalidInput(source, "", f"expected a file of at most {MOST_BYTES // 1024**2} MiB")
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(source, "", f"expected text in UTF-8, found byte {error.start} to be none") from error
    except FileNotFoundError as error:
        raise InvalidInput(source, "", "expected a file, there is none of this name") from error
    except OSError as error:
        raise InvalidInput(source, "", f"expected a readable file: {error.strerror}") from error


def _complaint(source: str, error: yaml.MarkedYAMLError) -> InvalidInput:
    mark = error.problem_mark or error.context_mark
    place = f"{source}:{mark.line + 1}" if mark else source
    problem = _one_line(error.problem or error.context or "not YAML").removeprefix("found ")
    if isinstance(error, yaml.constructor.ConstructorError):
        return InvalidInput(
            place, "", problem if problem.startswith("expected") else f"expected plain values: {problem}"
        )
    if "\\t" in problem:
        problem = "a tab; indent with spaces"
    if isinstance(error, yaml.composer.ComposerError) and "document" in (error.context or ""):
        problem = "a second document (---)"
    return InvalidInput(place, "", f"expected valid YAML, found {problem}")


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]


def _refuse_cycles(root: Node, source: str) -> None:
    """An alias to a value that encloses it would never end. Iterative: the text may nest deeply."""
    open_now: set[int] = set()
    done: set[int] = set()
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, leaving = stack.pop()
        if leaving:
            open_now.discard(id(node))
            done.add(id(node))
            continue
        if id(node) in open_now:
            line = node.start_mark.line + 1
            raise InvalidInput(f"{source}:{line}", "", "expected a value that does not contain itself")
        if id(node) in done:
            continue
        open_now.add(id(node))
        stack.append((node, True))
        stack.extend((child, False) for child in _children(node))


def _children(node: Node) -> list[Node]:
    if isinstance(node, MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, SequenceNode) else []


def _child(node: Node, key: Key) -> tuple[Node, Node] | None:
    """The node to point at, and the value, of one step of a path."""
    if isinstance(node, SequenceNode) and isinstance(key, int) and 0 <= key < len(node.value):
        return node.value[key], node.value[key]
    if isinstance(node, MappingNode):
        for key_node, value_node in node.value:
            if key_node.value == str(key):
                return key_node, value_node
    return None
