"""What runs in production against what should: host-facing versions slide, job-facing ones must not differ."""

from hypothesis import given
from hypothesis import strategies as st

from fleet.models.host import Host, HostSet, Standing
from fleet.models.matrix import Verdict
from fleet.models.rollouts import RolloutFacts
from fleet.policy.compatibility import allowed
from fleet.policy.drift import NEVER_READ, drift, in_words
from tests.host_policy.build import ANYTHING, DESIRED, NOW, OBSERVED, cluster, entry, pool
from tests.rollouts.make import rollout, spec

UPGRADED = {**OBSERVED, **DESIRED}


def look(observed, out=(), entries=(ANYTHING,), in_cluster=None):
    names = list(observed)
    hosts = {n: Host(cluster="east", name=n, pool="gpu-train", since=NOW) for n in names}
    where = {
        n: Standing(host=n, set=HostSet.FAILED if n in out else HostSet.UP, reason="as the scheduler shows it")
        for n in names
    }
    return drift(in_cluster or cluster(), hosts, where, {n: v for n, v in observed.items() if v is not None}, entries)


def test_a_fleet_that_carries_what_it_should_has_no_drift():
    found = look({"gpu1": UPGRADED, "gpu2": UPGRADED})

    assert not found.wrong
    assert (0, 0, 0, ()) == (found.job_facing, found.untold, found.hosts_not_allowed, found.behind)
    assert ["bmc", "nic", "kernel", "gpu-driver", "cuda", "nccl"] == [c.component for c in found.components]


def test_host_facing_versions_slide_and_are_counted_without_being_wrong():
    found = look({"gpu1": OBSERVED, "gpu2": UPGRADED, "gpu3": UPGRADED})

    driver = next(c for c in found.components if c.component == "gpu-driver")
    assert {"550.90": 2, "550.54": 1} == driver.observed
    assert (("550.90",), 1, ("gpu1",), False) == (driver.wished, driver.behind, found.behind, found.wrong)


def test_a_host_off_its_pin_is_counted_once_and_named_with_each_pin():
    found = look({"gpu1": {**UPGRADED, "cuda": "12.5", "nccl": "2.21"}, "gpu2": UPGRADED})

    assert (1, True) == (found.job_facing, found.wrong)
    assert [("gpu1", "cuda", "12.4", "12.5"), ("gpu1", "nccl", "2.20", "2.21")] == [
        (d.host, d.component, d.pinned, d.found) for d in found.off_pin
    ]


def test_a_pin_that_a_host_does_not_tell_is_no_drift_and_not_right_either():
    found = look({"gpu1": {k: v for k, v in UPGRADED.items() if k != "cuda"}})

    assert (0, 1, True) == (found.job_facing, found.untold, found.wrong)


def test_a_host_that_was_never_read_is_named_and_counts_as_not_allowed():
    found = look({"gpu1": None, "gpu2": UPGRADED})

    assert (("gpu1",), True) == (found.unread, found.wrong)
    assert [(("gpu1",), NEVER_READ)] == [(g.hosts, g.reason) for g in found.not_allowed]


def test_hosts_that_are_out_count_for_nothing():
    found = look({"gpu1": {**UPGRADED, "cuda": "12.5"}, "gpu2": UPGRADED}, out=("gpu1",))

    assert (1, 1, 0, False) == (found.in_production, found.out, found.job_facing, found.wrong)


def test_an_entry_that_turns_broken_shows_the_hosts_in_production_that_carry_it():
    broken = entry({"gpu-driver": "550.54"}, {"cuda": "12.4"}, Verdict.BROKEN)
    observed = {"gpu1": OBSERVED, "gpu10": OBSERVED, "gpu2": OBSERVED, "gpu3": UPGRADED}

    assert not look(observed).not_allowed
    found = look(observed, entries=(ANYTHING, broken))
    assert [("gpu1", "gpu2", "gpu10")] == [g.hosts for g in found.not_allowed]
    assert "as broken" in found.not_allowed[0].reason


def test_each_pool_is_behind_its_own_desired_versions():
    pools = (pool(desired={"gpu-driver": "550.54"}),)
    found = look({"gpu1": OBSERVED}, in_cluster=cluster(pools=pools, desired={"gpu-driver": "550.90"}))

    assert () == found.behind


def test_the_total_is_one_sentence():
    said = in_words(look({"gpu1": {**UPGRADED, "cuda": "12.5"}, "gpu2": OBSERVED}, out=()))

    assert said == (
        "2 hosts of east in production: job-facing drift 1, 0 that told no version of a pin, "
        "0 on a set that is not allowed, 1 behind the desired host-facing versions"
    )


VERSIONS = st.fixed_dictionaries(
    {},
    optional={
        "gpu-driver": st.sampled_from(["550.54", "550.90"]),
        "kernel": st.just("6.1.0"),
        "nic": st.sampled_from(["28.1", "28.2"]),
        "cuda": st.sampled_from(["12.4", "12.5"]),
        "nccl": st.just("2.20"),
    },
)


@given(st.dictionaries(st.sampled_from([f"gpu{n}" for n in range(8)]), VERSIONS, max_size=8), st.booleans())
def test_every_host_in_production_is_judged_as_it_would_be_alone(observed, broken):
    entries = (ANYTHING, entry({"gpu-driver": "550.54"}, {}, Verdict.BROKEN)) if broken else (ANYTHING,)
    found = look(observed, entries=entries)

    alone = {n for n, v in observed.items() if not allowed(v, cluster(), entries).allowed}
    assert alone == {name for group in found.not_allowed for name in group.hosts}
    assert len(observed) == found.in_production
    assert all(sum(c.observed.values()) + c.silent == len(observed) for c in found.components)
    drifted = {n for n, v in observed.items() if v.get("cuda", "12.4") != "12.4"}
    assert len(drifted) == found.job_facing


def test_a_large_fleet_is_judged_by_its_distinct_sets():
    many = {f"gpu{n:05d}": OBSERVED if n % 2 else UPGRADED for n in range(20_000)}
    entries = tuple(entry({"gpu-driver": f"5{n}.*"}, {"cuda": "12.4"}) for n in range(200))
    found = look(many, entries=(ANYTHING, *entries))

    assert (20_000, 10_000) == (found.in_production, len(found.behind))


def test_a_host_that_waits_for_its_phase_is_not_behind():
    hosts = {n: Host(cluster="east", name=n, pool="gpu-train", since=NOW) for n in ("gpu1", "gpu2")}
    where = {n: Standing(host=n, set=HostSet.UP, reason="up") for n in hosts}
    rollouts = RolloutFacts(
        rollouts=(rollout(spec(version="560.1"), phase=0),), cohorts={"gpu1": {"gpu-driver/560.1": 0}}
    )
    observed = {n: {**UPGRADED, "gpu-driver": "550.90"} for n in hosts}
    found = drift(cluster(), hosts, where, observed, (ANYTHING,), rollouts)

    driver = next(c for c in found.components if c.component == "gpu-driver")
    assert (("gpu1",), 1, ("550.90", "560.1")) == (found.behind, driver.behind, driver.wished)
