"""The first words of the command line: each is there, and only what a command needs is imported for it."""

import subprocess
import sys

import pytest

from starter.nouns import NOUNS, VERBS

NOT_NEEDED = ("alembic", "asyncpg", "drivers.simulated", "starter.rollout", "starter.up", "worker")


@pytest.mark.parametrize("word", [*NOUNS, *VERBS])
def test_every_word_is_a_command_that_tells_what_it_is_for(maintrain, word):
    said = maintrain(word, "--help")

    assert (0, "") == (said.code, said.err)
    assert f"Usage: maintrain {word} " in said.out


def test_all_of_them_are_in_the_help(maintrain):
    lines = maintrain("--help").out.split("Commands:")[1].splitlines()

    assert [*NOUNS, *VERBS] == [line.split()[0] for line in lines if line.strip()]


def test_a_misspelt_word_is_told_with_the_one_that_was_meant(maintrain):
    said = maintrain("rolout", "status")

    assert (2, "error: No such command 'rolout'. Did you mean 'rollout'?\n") == (said.code, said.err)


def test_a_command_imports_neither_the_others_nor_the_migrations_that_are_done(loaded):
    asked = "import sys; from starter.main import run_command; run_command(['ledger']); print(*sys.modules)"

    found = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout.split()

    assert "starter.ledger" in found
    assert [] == [name for name in NOT_NEEDED if name in found]
