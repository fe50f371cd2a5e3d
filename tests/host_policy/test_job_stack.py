"""The versions under a job at its time, from the history of its hosts."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from fleet.models.scheduler import JobRun
from fleet.models.versions import VersionChange
from fleet.policy.job_stack import job_stack
from tests.host_policy.build import COMPONENTS, NOW, stack

STACK = stack(COMPONENTS)


def at(hour):
    return NOW + timedelta(hours=hour)


def run(*hosts, started=10, ended=20):
    return JobRun(
        id="7", hosts=hosts, started=at(started), ended=None if ended is None else at(ended), source="scheduler"
    )


def seen(host, component, version, hour):
    return VersionChange(host=host, component=component, version=version, at=at(hour))


def test_the_version_in_force_is_the_last_one_seen_before_the_job_began():
    history = [seen("gpu1", "kernel", v, hour) for v, hour in (("6.1", 0), ("6.2", 5), ("6.3", 15))]
    found = job_stack("east", STACK, run("gpu1"), history)

    assert [{"kernel": "6.2"}] == [g.versions for g in found.groups]


def test_what_was_first_seen_later_is_not_known_at_its_time():
    found = job_stack("east", STACK, run("gpu1"), [seen("gpu1", "kernel", "6.3", 15)])

    assert [({}, True)] == [(g.versions, "kernel" in g.unknown) for g in found.groups]
    assert () == found.changes


def test_hosts_that_carried_the_same_are_told_together_the_most_first():
    history = [seen(f"gpu{n}", "kernel", "6.2" if n == 2 else "6.1", 0) for n in (1, 2, 3, 10)]
    found = job_stack("east", STACK, run("gpu1", "gpu2", "gpu3", "gpu10"), history)

    assert [("gpu1", "gpu3", "gpu10"), ("gpu2",)] == [g.hosts for g in found.groups]
    assert ("kernel",) == found.differing


def test_a_host_that_told_nothing_makes_its_components_differ():
    found = job_stack("east", STACK, run("gpu1", "gpu2"), [seen("gpu1", "kernel", "6.1", 0)])

    assert ("kernel",) == found.differing


def test_a_change_while_the_job_ran_is_named():
    history = [seen("gpu1", "kernel", v, hour) for v, hour in (("6.1", 0), ("6.2", 15), ("6.3", 25))]

    assert ["6.2"] == [c.version for c in job_stack("east", STACK, run("gpu1"), history).changes]
    assert ["6.2", "6.3"] == [c.version for c in job_stack("east", STACK, run("gpu1", ended=None), history).changes]


def test_versions_are_told_deepest_layer_first():
    history = [seen("gpu1", name, "1", 0) for name in ("cuda", "kernel", "bmc", "gpu-driver", "gone")]
    found = job_stack("east", STACK, run("gpu1"), history)

    assert ["bmc", "kernel", "gpu-driver", "cuda"] == list(found.groups[0].versions)


HISTORY = st.lists(
    st.tuples(
        st.sampled_from(["gpu1", "gpu2"]),
        st.sampled_from(["bmc", "kernel"]),
        st.sampled_from("123"),
        st.integers(0, 30),
    ),
    max_size=20,
).map(lambda rows: [seen(*row) for row in sorted(rows, key=lambda row: row[3])])


@given(HISTORY, st.integers(0, 30))
def test_every_host_is_told_once_with_what_replaying_its_history_gives(history, started):
    found = job_stack("east", STACK, run("gpu1", "gpu2", started=started, ended=None), history)

    assert ["gpu1", "gpu2"] == sorted(host for g in found.groups for host in g.hosts)
    for group in found.groups:
        for host in group.hosts:
            replayed = {}
            for change in history:
                if change.host == host and change.at <= at(started):
                    replayed[change.component] = change.version
            assert replayed == group.versions
            assert set(replayed) | set(group.unknown) == {c.name for c in COMPONENTS}
