"""`maintrain catalogue`: what hosts are made of and what is done to them, as the catalogue has it."""

from pathlib import Path
from typing import Annotated

import typer

from fleet.errors import InvalidInput
from fleet.models.catalogue import Catalogue, CatalogueVerification
from fleet.models.catalogue_component import CatalogueComponent
from fleet.models.catalogue_operation import CatalogueOperation
from fleet.models.units import format_duration
from starter.catalogue_files import own_catalogue, read_catalogue
from starter.options import Json
from starter.show import dump, print_json, say, table
from starter.wording import near

app = typer.Typer(help="Components, operations and verifications that Maintrain knows.", no_args_is_help=True)

Kind = Annotated[str | None, typer.Argument(metavar="[components|operations|verifications]", help="Default: all.")]
InFolder = Annotated[Path | None, typer.Option("--folder", help="A catalogue of your own; default: Maintrain's.")]

KINDS = ("components", "operations", "verifications")


@app.command("list")
def list_entries(kind: Kind = None, folder: InFolder = None, as_json: Json = False) -> None:
    """What the catalogue has."""
    if kind not in (None, *KINDS):
        raise InvalidInput("KIND", "", f"expected one of {', '.join(KINDS)}, found {kind!r}")
    catalogue, kinds = _catalogue(folder), (kind,) if kind else KINDS
    if as_json:
        plain = dump(catalogue)
        print_json({name: plain[name] for name in (*kinds, *(("layers", "reboot") if kind is None else ()))})
        return
    if "components" in kinds:
        _say_components(catalogue)
    if "operations" in kinds:
        rows = [(o.name, o.scope, o.disruption, format_duration(o.duration), o.what) for o in catalogue.operations]
        say(table(("operation", "scope", "disruption", "typical", "what it is"), rows) + "\n")
    if "verifications" in kinds:
        checks = [(v.task, v.hosts, format_duration(v.duration), v.what) for v in catalogue.verifications]
        say(table(("verification", "hosts", "typical", "what it vouches for"), checks) + "\n")


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A component, operation or verification.")],
    folder: InFolder = None,
    as_json: Json = False,
) -> None:
    """All that the catalogue says of one entry."""
    catalogue = _catalogue(folder)
    found = _entry(catalogue, name)
    plain = dump(found)
    if isinstance(found, CatalogueComponent):
        plain["related_from"] = [c.name for c in catalogue.components if name in c.relates_to]
        plain["needed_by"] = [c.name for c in catalogue.components if name in c.depends_on]
    if as_json:
        print_json(plain)
        return
    rows = [(key, ", ".join(value) or "-" if isinstance(value, list) else value) for key, value in plain.items()]
    say(table(("field", "value"), rows))


@app.command()
def check(folder: InFolder = None) -> None:
    """Whether a catalogue keeps its rules; one clear error when not."""
    catalogue = _catalogue(folder)
    counts = (len(catalogue.components), len(catalogue.operations), len(catalogue.verifications))
    say("{} components, {} operations and {} verifications are in order".format(*counts))


def _catalogue(folder: Path | None) -> Catalogue:
    return own_catalogue() if folder is None else read_catalogue(folder)


def _say_components(catalogue: Catalogue) -> None:
    rows = [
        (c.layer, c.name, c.reboot, format_duration(c.duration), ", ".join(c.relates_to) or "-", c.what)
        for layer in catalogue.layers
        for c in sorted((c for c in catalogue.components if c.layer == layer), key=lambda c: c.order)
    ]
    say(table(("layer", "component", "reboot", "typical", "relates to", "what it is"), rows) + "\n")


def _entry(catalogue: Catalogue, name: str) -> CatalogueComponent | CatalogueOperation | CatalogueVerification:
    found = catalogue.component(name) or catalogue.operation(name)
    checks = {str(v.task): v for v in catalogue.verifications}
    if found is not None:
        return found
    if name in checks:
        return checks[name]
    known = [c.name for c in catalogue.components] + [o.name for o in catalogue.operations] + list(checks)
    raise InvalidInput("NAME", "", f"expected an entry of the catalogue, found {name!r}{near(name, known)}")
