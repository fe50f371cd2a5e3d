"""Reads the catalogue: the one that comes with Maintrain, or the YAML files of a folder."""

from functools import cache
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from fleet.errors import InvalidInput
from fleet.models.catalogue import Catalogue, CatalogueFile
from fleet.policy.cataloguing import problems
from starter.complaints import complaint, one_error, placed
from starter.yamltext import YamlText, read_yaml

PACKAGE = "catalogue"


@cache
def own_catalogue() -> Catalogue:
    """The catalogue that comes with Maintrain."""
    return read_catalogue(Path(str(files(PACKAGE))))


def read_catalogue(folder: Path) -> Catalogue:
    """All `*.yaml` of a folder as one catalogue. Raises one `InvalidInput` that names file, line, path and what was
    expected.
    """
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise InvalidInput(str(folder), "", "expected a folder with the YAML files of a catalogue")
    texts = [read_yaml(path) for path in paths]
    parts = [_part(text) for text in texts]
    layers = [(t, p) for t, p in zip(texts, parts, strict=True) if p.layers]
    reboots = [part.reboot for part in parts if part.reboot is not None]
    if len(layers) != 1 or len(reboots) != 1:
        raise InvalidInput(str(folder), "", "expected layers and reboot in one of the files, each once")
    catalogue = Catalogue(
        layers=layers[0][1].layers,
        reboot=reboots[0],
        components=tuple(c for part in parts for c in part.components),
        operations=tuple(o for part in parts for o in part.operations),
        verifications=tuple(v for part in parts for v in part.verifications),
    )
    found = problems(catalogue)
    if found:
        raise _told(found, texts, parts, folder)
    return catalogue


def _part(text: YamlText) -> CatalogueFile:
    if not isinstance(text.value, dict):
        raise InvalidInput(f"{text.source}:1", "", "expected a mapping with components, operations or verifications")
    try:
        return CatalogueFile.model_validate(text.value)
    except ValidationError as error:
        raise complaint(text, error, CatalogueFile) from error


def _told(
    found: tuple[tuple[str, str], ...], texts: list[YamlText], parts: list[CatalogueFile], folder: Path
) -> InvalidInput:
    """The problems of the first file that has any: one error names one file."""
    for text, part in zip(texts, parts, strict=True):
        its = [(place, wanted) for place, wanted in found if _is_in(part, place)]
        if its:
            return one_error(text.source, [placed(text, place, wanted) for place, wanted in its])
    return InvalidInput(str(folder), found[0][0], found[0][1])


def _is_in(part: CatalogueFile, place: str) -> bool:
    kind, _, rest = place.partition(".")
    name = rest.partition(".")[0]
    match kind:
        case "components":
            return any(c.name == name for c in part.components)
        case "operations":
            return any(o.name == name for o in part.operations)
        case "layers":
            return name in part.layers
        case _:
            return bool(part.verifications)
