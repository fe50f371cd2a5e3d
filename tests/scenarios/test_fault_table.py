"""The fault table: one cycle over many real hosts, one fault a host, and what the train did about each.

No bad host returns, no effect happens twice, and nothing that any of it keeps or tells holds a secret.
"""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleet.models.verification import Verdict, VerificationTask
from fleet.models.work import HostOutcome, StepRecord
from runtime.client import connect
from store import open_store
from tests.parts.filed_scheduler import DrainFile
from tests.parts.real_hosts import RealHosts
from tests.parts.temporal import settings_in
from tests.scenarios import secret_search
from tests.scenarios.fault_farm import PASSWORD, SEEN_BEFORE, USER, document, start_faulty_hosts
from tests.scenarios.fault_row import DESIRED, LEFT_OUT, REPAIR, RETURNED, TRAIN, UPGRADED, Row
from tests.scenarios.fault_rows import HOSTS, ROWS
from tests.scenarios.secret_search import Arguments, Place
from tests.scenarios.site import CLUSTER, POOL, WHERE, Site

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
MARK = "planted-reason-8e20ff"
SAID = "dpkg: error processing package"
"""A reason given on the command line and the words of a tool on a host: proof that the search sees where they are."""
SHOWN = (
    ("ledger",),
    ("log",),
    ("fleet", "show"),
    ("train", "status", WHERE),
    *(("host", "show", HOSTS[fault]) for fault in ("wrong credentials", "BMC silent for good in mid-update")),
    ("host", "show", HOSTS["host key changed"]),
)
pytestmark = pytest.mark.timeout(400)


@dataclass(frozen=True)
class Ran:
    """What was there in the end, by host where it is of hosts."""

    outcomes: dict[str, HostOutcome]
    steps: dict[str, tuple[StepRecord, ...]]
    owners: dict[str, str]
    drains: dict[str, str]
    ever_drained: frozenset[str]
    returned: tuple[str, ...]
    versions: dict[str, dict[str, str]]
    effects: dict[str, tuple[int, int, int]]
    at: dict[str, list[tuple[float, str]]]
    """When what happened on the host, as the farms saw it."""
    places: tuple[Place, ...]
    key: str


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    folder = tmp_path_factory.mktemp("faults")
    with start_faulty_hosts(folder / "real") as real, Arguments() as arguments:
        with Site(folder / "site", document(real)) as site:
            asyncio.run(_measured_before(site))
            site.stage.run("train", "start", WHERE, "--cycles", "1", "--reason", MARK)
            site.until_closed(300)
            outcomes, leases = site.outcomes(), site.leases()
            file = DrainFile(site.stage.folder / "drains.sqlite")
            drains = file.drains()
            steps = asyncio.run(_steps(site, outcomes))
            told = asyncio.run(_histories(site))
            told += [(f"maintrain {' '.join(words)}", _json(site, words)) for words in SHOWN]
        told += [*secret_search.files(site.stage.folder), arguments.place]
        yield Ran(
            outcomes=outcomes,
            steps=steps,
            owners={host: lease.operation for host, lease in leases.items()},
            drains=drains,
            ever_drained=frozenset(host for host, _ in file.journal("drained")),
            returned=tuple(host for host, _ in file.journal("undrained")),
            versions={host: real.versions(host) for host in HOSTS.values()},
            effects=_effects(real),
            at=_happened(real),
            places=tuple(told),
            key=real.hosts.key_file.read_text(),
        )


async def _measured_before(site: Site) -> None:
    store = await open_store(site.stage.store_url)
    try:
        for metric, value in SEEN_BEFORE.items():
            for row in ROWS[:4]:
                await store.record(CLUSTER, POOL, metric, HOSTS[row.fault], value)
    finally:
        await store.close()


async def _steps(site: Site, outcomes: dict[str, HostOutcome]) -> dict[str, tuple[StepRecord, ...]]:
    store = await open_store(site.stage.store_url)
    try:
        return {host: await store.steps(outcome.operation) for host, outcome in outcomes.items()}
    finally:
        await store.close()


async def _histories(site: Site) -> list[Place]:
    return await secret_search.histories(await connect(settings_in(site.stage.folder)))


def _json(site: Site, words: tuple[str, ...]) -> bytes:
    return site.stage.run(*words, "--json").encode()


def _effects(real: RealHosts) -> dict[str, tuple[int, int, int]]:
    flashes = Counter(happening.host for happening in real.bmcs.journal(kind="flash_started"))
    installs, boots = (Counter(line["host"] for line in real.hosts.journal(what)) for what in ("install", "boot"))
    return {host: (flashes[host], installs[host], boots[host]) for host in HOSTS.values()}


def _happened(real: RealHosts) -> dict[str, list[tuple[float, str]]]:
    """Changes, and runs of the tools that ended well without a fault, each with its time."""
    found: dict[str, list[tuple[float, str]]] = {host: [] for host in HOSTS.values()}
    for happening in real.bmcs.journal():
        if happening.kind in ("version_changed", "boot"):
            found[happening.host].append((happening.at, "change"))
    for line in real.hosts.journal():
        if line["what"] in ("install", "installed", "boot"):
            found[line["host"]].append((line["at"], "change"))
        elif line["what"] == "ran" and line["status"] == 0 and not line["shown"]:
            for host in line["hosts"]:
                found[host].append((line["at"], line["tool"]))
    return {host: sorted(rows) for host, rows in found.items()}


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.fault}: {TRAIN[row.outcome]}" for row in ROWS])
def test_the_train_does_what_the_fault_asks_for(ran: Ran, row: Row) -> None:
    host = HOSTS[row.fault]
    outcome = ran.outcomes[host]

    assert (row.outcome, True) == (outcome.outcome.value, row.says(outcome.reason, host)), outcome.reason
    assert row.after == ran.versions[host]
    assert row.seen == ran.effects[host]
    assert (row.outcome in RETURNED) == (host in ran.returned)
    assert (row.outcome == REPAIR) == (host in ran.owners)
    drain = ran.drains.get(host)
    if row.outcome == REPAIR:
        assert f"maintrain:repair:{ran.owners[host]}" == drain
    else:
        assert drain is None
    if row.outcome == LEFT_OUT:
        assert host not in ran.ever_drained


def test_all_that_is_back_in_production_is_right_and_verified_after_its_last_change(ran: Ran) -> None:
    tools = {"dcgmi", "nvidia-smi", "journalctl", "nvbandwidth", "gemm", "all_reduce_perf", "mpirun"}
    back = {HOSTS[row.fault] for row in ROWS if row.outcome == UPGRADED}

    assert {HOSTS[row.fault] for row in ROWS if row.outcome in RETURNED} == set(ran.returned)
    assert len(set(ran.returned)) == len(ran.returned)
    for host in sorted(back):
        verified = [step.verification for step in ran.steps[host] if step.verification is not None]
        passed = {v.task for v in verified if v.verdict is Verdict.PASSED}
        last = max(at for at, what in ran.at[host] if what == "change")

        assert DESIRED == ran.versions[host]
        assert set(VerificationTask) == passed
        assert tools <= {what for at, what in ran.at[host] if at > last}


def test_all_that_was_taken_out_and_is_not_back_is_drained_and_has_an_owner(ran: Ran) -> None:
    out = ran.ever_drained - set(ran.returned)

    assert set(ran.owners) == set(ran.drains) == out
    assert {HOSTS[row.fault] for row in ROWS if row.outcome == REPAIR} == out


def test_the_page_says_what_the_rows_say() -> None:
    assert _table() in PAGE.read_text(), f"the table of docs/faults.md should be:\n{_table()}"


def _table() -> str:
    lines = ["| fault | what the train does with the host | why, in its words | flashes | installs | boots |"]
    lines.append("|---|---|---|---|---|---|")
    for row in ROWS:
        why = " or ".join(f"“{words.replace('HOST', 'this host')}”" for words in row.reasons)
        cells = (row.fault, TRAIN[row.outcome], why, *map(str, row.seen))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def test_no_secret_is_in_any_history_log_store_file_argument_or_output(ran: Ran) -> None:
    words = {**secret_search.forms_of_login(USER, PASSWORD), **secret_search.forms_of_key(ran.key)}
    names = {name for name, _ in ran.places}

    assert {"facts.db", "up.log", "drains.sqlite", "arguments", "maintrain log"} <= names
    assert {f"history of host/{CLUSTER}/{host}" for host in ran.ever_drained} <= names
    assert set() == secret_search.search(ran.places, words)


def test_the_search_finds_what_is_there(ran: Ran) -> None:
    found = secret_search.search(ran.places, {MARK: MARK.encode(), SAID: SAID.encode()})
    history = f"history of host/{CLUSTER}/{HOSTS['package install exits with an error']}"

    assert {"arguments", "maintrain log"} <= {place for place, word in found if word == MARK}
    assert {"up.log", history} <= {place for place, word in found if word == SAID}
    assert {"facts.db", "facts.db-wal"} & {place for place, _ in found}


def test_the_search_finds_a_secret_in_each_of_its_forms(tmp_path: Path) -> None:
    login, key = secret_search.forms_of_login(USER, PASSWORD), secret_search.forms_of_key(f"-----\n{'k' * 70}\n-----")
    for number, raw in enumerate({**login, **key}.values()):
        (tmp_path / str(number)).write_bytes(b"\x00 before " + raw + b" after")

    found = secret_search.search(secret_search.files(tmp_path), {**login, **key})

    assert {*login, *key} == {word for _, word in found}


def test_the_search_sees_the_arguments_of_processes_that_others_started() -> None:
    command = [sys.executable, "-c", "import sys, time; time.sleep(1.5)", PASSWORD]
    with Arguments() as arguments:
        subprocess.run(command, check=True)

    assert {("arguments", PASSWORD)} == secret_search.search([arguments.place], {PASSWORD: PASSWORD.encode()})
