"""The promises, counted from the rows alone: nothing here calls a policy."""

import json
from collections import Counter

from fleet import ids
from store.tables.fleet import HOSTS
from store.tables.ledger import LEASE_HOSTS, OBSERVATIONS, REQUESTS, STOPS
from store.tables.operations import OPERATIONS
from tests.explorer.deeds import UP
from tests.explorer.moments import NOW, TICK, read
from tests.explorer.world import State, World, is_ours

PLANNED_BUFFER, FAILURE_BUFFER, FLOOR = 2, 2, 1
"""Of every pool of the instances."""


def judge(world: World, state: State) -> str:
    """What is wrong in a state; empty when nothing is."""
    leases = {row["host"]: row for row in world.deeds.ledgers.rows(state.ledger, LEASE_HOSTS)}
    requests = {row["id"]: row for row in world.deeds.ledgers.rows(state.ledger, REQUESTS)}
    planned = Counter(world.deeds.pool_of[h] for h, lease in leases.items() if lease["counted"] == "planned")
    if any(count > PLANNED_BUFFER for count in planned.values()):
        return f"1, contract: {dict(planned)} out by plan"
    for host, lease in leases.items():
        granted = requests.get(lease["request"], {}).get("state") == "granted"
        if lease["counted"] == "planned" and not granted:
            return f"4, no hold and wait: {host} is held for {lease['request']}, which is not granted"
    for hosts, row in zip(world.operations, world.deeds.ledgers.rows(state.ledger, OPERATIONS), strict=True):
        up = [h for h in hosts if state.truth[world.hosts.index(h)] == UP]
        if row["state"] == "working" and up and json.loads(row["document"])["word"] is None:
            return f"an outsider works for {row['id']}, and jobs may run on {up}"
    for host, truth in zip(world.hosts, state.truth, strict=True):
        if not is_ours(truth):
            continue
        if host not in leases:
            return f"5, owners: {host} is drained by us ({truth}), and nobody holds it"
        if leases[host]["counted"] == "planned" and ids.owned_reason(truth)[1] != leases[host]["operation"]:
            return f"3, one holder: {host} is drained by {truth} and held by {leases[host]['operation']}"
    return ""


def judge_settlement(world: World, before: int, after: int, settled: object) -> str:
    """What is wrong with a settlement; empty when nothing is."""
    if isinstance(settled, str):
        return f"3, one holder: the store refused a grant: {settled}"
    ledgers = world.deeds.ledgers
    held = {row["host"] for row in ledgers.rows(before, LEASE_HOSTS)}
    requests = {row["id"]: row for row in ledgers.rows(after, REQUESTS)}
    leases = {row["host"]: row for row in ledgers.rows(after, LEASE_HOSTS)}
    pools = set()
    for name, _ in settled[0]:
        part = json.loads(requests[name]["part"] or "null")
        if part is not None and not part["takes"]:
            continue  # it is granted its distance, and no host
        hosts = json.loads(requests[name]["hosts"])
        pools |= {world.deeds.pool_of[h] for h in hosts}
        if held.intersection(hosts):
            return f"3, one holder: {name} is granted {held.intersection(hosts)}, which are held"
        if any(leases.get(h, {}).get("request") != name for h in hosts):
            return f"4, whole or not at all: {name} is granted {hosts} and holds {sorted(leases)}"
    return _limits(world, before, leases, pools) if pools else ""


def _limits(world: World, before: int, leases: dict, pools: set[str]) -> str:
    """What a grant must not do, whatever the request."""
    ledgers = world.deeds.ledgers
    if ledgers.rows(before, STOPS):
        return "a grant under a stop"
    look = next((json.loads(row["document"]) for row in ledgers.rows(before, OBSERVATIONS)), None)
    if look is None:
        return "6, fail closed: a grant before the first look"
    # As the ledger keeps them, its moments have no fractions.
    began = read(look["began_at"].replace("T", " ").removesuffix("+00:00") + ".000000")
    if NOW - began > TICK:
        return "6, fail closed: a grant on a stale look"
    released = {row["name"]: row["released_at"] for row in ledgers.rows(before, HOSTS)}
    for pool in pools:
        sets = Counter(_set(h, look, leases, released) for h, p in world.deeds.pool_of.items() if p == pool)
        if sets["up"] < FLOOR:
            return f"2, floor: a grant leaves {sets['up']} up in {pool}"
        if sets["failed"] >= FAILURE_BUFFER:
            return f"autostop: a grant with {sets['failed']} failed in {pool}"
    return ""


def _set(host: str, look: dict, leases: dict, released: dict) -> str:
    """Where the rows say that a host is."""
    if host in leases:
        return leases[host]["counted"]
    node = look["hosts"][host]["node"]
    if node["base"] == "down":
        return "released" if released[host] else "failed"
    return "out" if node["draining"] else "up"
