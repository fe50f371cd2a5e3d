"""The sweep of domain sizes on a small pool: the policy's costs beside the simulator's."""

from dataclasses import replace

from bench.sizing import Case, swept

SMALL = Case("small", 128, {1: 20, 2: 10, 8: 4, 16: 2}, visit_h=3.0, bound_days=10.0, sizes=(2, 4, 8, 16), too_small=1)


def test_the_policys_best_size_order_and_costs_are_what_the_simulator_finds() -> None:
    found = swept(SMALL, cycles=4)
    cheap = replace(found.costs[-1], reserved=0.0)
    otherwise = replace(found, costs=(*found.costs[:-1], cheap))

    assert [] == [check.row() for check in found.checks() if not check.right]
    assert [(2, 16), (4, 16), (8, 16)] == otherwise.disorder()
    assert 4 == sum(not check.right for check in otherwise.checks())
