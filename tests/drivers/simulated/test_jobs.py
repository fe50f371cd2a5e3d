"""Gang jobs of the simulated cluster: arrival, packing, checkpoints, requeue."""

from drivers.simulated import SimulatedCluster
from fleet.models.drivers import SimulatedFault, SimulatedJobs
from fleet.models.scheduler import JobKind
from fleet.ports.fence import open_fence
from tests.drivers.simulated import world

HOUR = 3600.0


def events(cluster: SimulatedCluster, job: str) -> list[tuple]:
    """Kind and simulated hour of what happened to a job."""
    return [(r.kind, round(r.sim / HOUR, 3)) for r in cluster.journal() if r.job == job and r.host is None]


def test_jobs_keep_the_load_of_the_hosts_busy(tmp_path):
    clock = world.Clock()
    busy = SimulatedJobs(load=0.75)
    cluster = world.cluster(tmp_path, world.hardware(hosts="gpu[001-064]"), busy, clock)
    cluster.hosts()
    clock.pass_(200 * HOUR)

    held, area, last, on = {}, 0.0, 0.0, 0
    for row in cluster.journal():
        area, last = area + on * (row.sim - last), row.sim
        if row.kind == "job_started":
            held[row.job] = len(row.detail["hosts"])
        elif row.kind == "job_ended":
            del held[row.job]
        on = sum(held.values())

    assert 0.70 * 64 < area / last < 0.78 * 64
    cluster.close()


def test_a_gang_starts_whole_or_waits(tmp_path):
    cluster = world.cluster(tmp_path, world.hardware(hosts="gpu[001-004]"))
    first = cluster.submit_job(size=2)
    whole = cluster.submit_job(size=4)

    started = [r.job for r in cluster.journal() if r.kind == "job_started"]
    cluster.end_job(first)

    assert started == [first]
    assert [(r.job, len(r.detail["hosts"])) for r in cluster.journal() if r.kind == "job_started"] == [
        (first, 2),
        (whole, 4),
    ]
    cluster.close()


def test_a_gang_stays_within_one_nvlink_domain_where_one_holds_it(tmp_path):
    cluster = world.cluster(tmp_path, world.hardware(hosts="gpu[001-012]"))
    cluster.submit_job(size=1)
    cluster.submit_job(size=4)

    hosts = [r.detail["hosts"] for r in cluster.journal() if r.kind == "job_started"]

    assert hosts == [["gpu001"], ["gpu005", "gpu006", "gpu007", "gpu008"]]
    cluster.close()


def test_no_job_starts_on_a_drained_host(tmp_path):
    cluster = world.cluster(tmp_path, world.hardware(hosts="gpu[001-002]"))
    cluster.drain_by_other("gpu001", "admin")
    cluster.submit_job(size=1)
    waiting = cluster.submit_job(size=1)
    cluster.undrain_by_other("gpu001")

    starts = [(r.job, r.detail["hosts"]) for r in cluster.journal() if r.kind == "job_started"]

    assert [hosts for _, hosts in starts] == [["gpu002"], ["gpu001"]]
    assert starts[1][0] == waiting
    cluster.close()


async def test_a_requeued_job_keeps_its_checkpoints_and_loses_the_rest(tmp_path):
    clock = world.Clock()
    hardware = world.hardware(hosts="gpu[001-002]")
    parts, hands = await world.opened(tmp_path, hardware, clock=clock), world.cluster(tmp_path, hardware, clock=clock)
    job = hands.submit_job(size=2, work=5 * HOUR)
    other = hands.submit_job(size=1, work=HOUR)
    clock.pass_(2.5 * HOUR)

    await parts.scheduler.requeue((job,), open_fence)
    clock.pass_(10 * HOUR)

    requeued = next(r for r in hands.journal() if r.kind == "job_requeued")
    assert (requeued.detail["kept"], requeued.detail["lost"], requeued.detail["by"]) == (
        2 * HOUR,
        0.5 * HOUR,
        "maintrain",
    )
    # It went to the head of the line, so it started again at once and ended three hours of work later.
    assert events(hands, job) == [
        ("job_queued", 0.0),
        ("job_started", 0.0),
        ("job_requeued", 2.5),
        ("job_started", 2.5),
        ("job_ended", 5.5),
    ]
    assert events(hands, other)[1:] == [("job_started", 5.5), ("job_ended", 6.5)]
    hands.close()
    await world.close(parts)


async def test_a_signalled_job_takes_a_checkpoint_at_once(tmp_path):
    clock = world.Clock()
    parts, hands = await world.opened(tmp_path, clock=clock), world.cluster(tmp_path, clock=clock)
    job = hands.submit_job(size=2, work=5 * HOUR)
    clock.pass_(2.5 * HOUR)
    await parts.scheduler.signal_jobs((job,), "USR1")
    clock.pass_(0.1 * HOUR)

    await parts.scheduler.requeue((job,), open_fence)

    requeued = next(r for r in hands.journal() if r.kind == "job_requeued")
    assert (round(requeued.detail["kept"]), round(requeued.detail["lost"])) == (9000, 360)
    hands.close()
    await world.close(parts)


def test_a_host_that_goes_down_requeues_the_gang_that_allows_it_and_fails_the_other(tmp_path):
    cluster = world.cluster(tmp_path)
    allows = cluster.submit_job(hosts=("gpu001", "gpu002"))
    refuses = cluster.submit_job(hosts=("gpu003", "gpu004"), kind=JobKind.NOT_REQUEUEABLE)

    cluster.kill_daemon("gpu001")
    cluster.kill_daemon("gpu003")

    ended = [(r.kind, r.job) for r in cluster.journal() if r.kind in ("job_requeued", "job_failed")]
    assert ended == [("job_requeued", allows), ("job_failed", refuses)]
    cluster.close()


async def test_a_reboot_under_a_job_fails_it_with_the_host(tmp_path):
    parts, hands = await world.opened(tmp_path), world.cluster(tmp_path)
    job = hands.submit_job(hosts=("gpu001", "gpu002"), kind=JobKind.INTERACTIVE)

    await parts.hardware.reboot("gpu002", open_fence)

    failed = next(r for r in hands.journal() if r.kind == "job_failed")
    assert (failed.job, failed.host, failed.detail["why"]) == (job, "gpu002", "reboot")
    hands.close()
    await world.close(parts)


async def test_cancelled_jobs_leave_the_line_and_their_hosts(tmp_path):
    hardware = world.hardware(hosts="gpu[001-002]")
    parts, hands = await world.opened(tmp_path, hardware), world.cluster(tmp_path, hardware)
    runs, waits, after = (hands.submit_job(size=2) for _ in range(3))

    await parts.scheduler.cancel((runs, waits), open_fence)

    assert [r.job for r in hands.journal() if r.kind == "job_started"] == [runs, after]
    assert [r.job for r in hands.journal() if r.kind == "job_cancelled"] == [runs, waits]
    hands.close()
    await world.close(parts)


def test_jobs_fail_on_hosts_with_a_version_that_fails_them_and_pass_on_others(tmp_path):
    cluster = world.cluster(tmp_path, world.hardware(hosts="gpu[001-004]"))
    carried = world.hardware().installed
    component, version = next(iter(carried.items()))
    other = SimulatedFault(kind="job_fails", component=component, version="another")
    cluster.set_fault(other)
    passes = cluster.submit_job(hosts=["gpu001"])
    cluster.end_job(passes)
    cluster.set_fault(other.model_copy(update={"version": version}))
    fails = cluster.submit_job(hosts=["gpu001", "gpu002"])
    cluster.end_job(fails)

    ended = [(r.kind, r.job) for r in cluster.journal() if r.kind in ("job_ended", "job_failed")]
    assert [("job_ended", passes), ("job_failed", fails)] == ended
    cluster.close()
