"""The first words of the command line, and the modules behind them: one is imported when it is asked for, since people
wait for every command, and all of them together take most of a second.
"""

from collections import UserDict
from collections.abc import MutableMapping
from importlib import import_module
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup

Command = TyperCommand | TyperGroup

NOUNS = (
    "fleet",
    "train",
    "rollout",
    "pin",
    "op",
    "avoid",
    "emergency",
    "large",
    "host",
    "compat",
    "catalogue",
    "job",
    "events",
)
"""Words with commands below them; each is a module of `starter` by that name."""
VERBS = {
    "stop": "stop",
    "freeze": "stop",
    "resume": "stop",
    "ledger": "ledger",
    "watch": "watch",
    "log": "audit",
    "up": "up",
    "worker": "up",
    "setup": "up",
    "demo": "demo_command",
    "report": "report",
    "size": "size",
    "whatif": "whatif",
}
"""Words that are commands themselves, and the module of `starter` that has each."""


class Words(UserDict[str, Command | None]):
    """Word → command, made of its module when it is first looked up."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys((*NOUNS, *VERBS)))

    def __getitem__(self, word: str) -> Command:
        """The command of a word. Raises KeyError for a word that is none."""
        made = self.data[word]
        if made is None:
            made = self.data[word] = _made(word)
        return made


def command_line(app: typer.Typer) -> TyperGroup:
    """The program `app`, with all words below it."""
    group = typer.main.get_group(app)
    group.commands = cast(MutableMapping[str, Any], Words())
    return group


def _made(word: str) -> Command:
    module = word if word in NOUNS else VERBS[word]
    around = typer.Typer(rich_markup_mode=None)
    around.add_typer(import_module(f"starter.{module}").app, name=word if word in NOUNS else None)
    return cast(Command, typer.main.get_group(around).commands[word])
