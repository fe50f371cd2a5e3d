"""`maintrain compat` and `maintrain fleet drift`: what component owners publish, and what runs against it."""

import json

import pytest

BECAUSE = ("--reason", "a try")
IN_FORCE = ["gpu-driver=550.127.08", "nic-firmware=28.43.2026"]


@pytest.fixture
def adopted(synced):
    """The hosts in production are read, and what they carry is in the matrix."""
    assert synced("compat", "adopt", *BECAUSE).code == 0
    return synced


def listed(maintrain, *more):
    return [e for e in json.loads(maintrain("compat", "list", "--json", *more).out) if e["source"] == "published"]


def test_an_entry_is_published_on_the_command_line_with_evidence_author_and_date(synced):
    result = synced("compat", "publish", "gpu-driver=570.*", "cuda=>=12.4,<13", "--evidence", "run 7", *BECAUSE)

    assert (0, "  tested: gpu-driver 570.* with cuda >=12.4,<13 (run 7)") == (result.code, result.out.splitlines()[0])
    (entry,) = listed(synced)
    assert ({"gpu-driver": "570.*"}, {"cuda": ">=12.4,<13"}) == (entry["components"], entry["pins"])
    assert ("tested", "run 7", "ada") == (entry["verdict"], entry["evidence"], entry["author"])
    assert entry["at"].startswith("20")


def test_an_entry_without_evidence_has_the_reason_as_its_evidence(synced):
    synced("compat", "publish", "kernel=6.11", "cuda=12.4.1", "--reason", "soak of the week")

    assert ["soak of the week"] == [e["evidence"] for e in listed(synced)]


def test_what_is_published_allows_and_what_is_broken_forbids(synced):
    new = ["gpu-driver=570.1", "nic-firmware=28.43.2026"]
    assert 1 == synced("compat", "check", *new).code
    synced("compat", "publish", "gpu-driver=570.1", "cuda=12.4.1", "nccl=2.21.5", *BECAUSE)
    assert 0 == synced("compat", "check", *new).code
    synced("compat", "publish", "gpu-driver=570.1", "nic-firmware=28.*", "--broken", "--evidence", "t 9", *BECAUSE)

    result = synced("compat", "check", *new)
    assert (1, True) == (result.code, "gpu-driver 570.1 + nic-firmware 28.* (t 9) as broken" in result.out)


def test_a_withdrawn_entry_counts_no_more_and_is_listed_on_request(synced):
    synced("compat", "publish", "gpu-driver=550.127.08", "cuda=12.4.1", "--broken", *BECAUSE)
    (entry,) = listed(synced)
    assert 1 == synced("compat", "check", *IN_FORCE).code

    result = synced("compat", "withdraw", str(entry["id"]), "--reason", "it was the cable")

    assert "1 entries withdrawn, 0 were already" in result.out
    assert 0 == synced("compat", "check", *IN_FORCE).code
    assert [] == listed(synced)
    assert [("ada", "it was the cable")] == [(e["withdrawn_by"], e["withdraw_reason"]) for e in listed(synced, "--all")]
    assert "withdrawn by ada: it was the cable" in synced("compat", "list", "--all").out


def test_an_entry_supersedes_another(synced):
    synced("compat", "publish", "kernel=6.11", "cuda=12.4.1", "--broken", *BECAUSE)
    (old,) = listed(synced)

    synced("compat", "publish", "kernel=6.11", "cuda=12.4.1", "--supersedes", str(old["id"]), *BECAUSE)

    assert [("broken", True), ("tested", False)] == [
        (e["verdict"], e["superseded_by"] is not None) for e in listed(synced, "--all")
    ]
    assert f"superseding {old['id']}" in json.loads(synced("log", "--json").out)[0]["detail"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["publish", "gpu-drivr=1", *BECAUSE], "found 'gpu-drivr=1'"),
        (["publish", "gpu-driver=", *BECAUSE], "found 'gpu-driver='"),
        (["publish", "gpu-driver=1", "gpu-driver=2", *BECAUSE], "expected gpu-driver once"),
        (["publish", "cuda=12.4.1", *BECAUSE], "expected at least one host-facing component"),
        (["publish", "gpu-driver=>>5", *BECAUSE], "gpu-driver: expected clauses such as >=550.54"),
        (["publish", "gpu-driver=1", *BECAUSE, "--supersedes", "7"], "entry: 7: expected the id of an entry published"),
        (["publish", "a.yaml", "--broken", *BECAUSE], "expected --broken and --evidence without a file"),
        (["publish", "gpu-driver=1"], "'--reason'"),
        (["withdraw", "7", *BECAUSE], "entry: 7: expected the id of an entry published in sim"),
        (["withdraw", "seven", *BECAUSE], "Invalid value for 'ID…'"),
        (["withdraw", *BECAUSE], "ID"),
        (["check", "gpu-driver=1", "--observed"], "expected versions, or --host HOST, or --observed"),
        (["check", "gpu-driver=1;reboot"], "expected a version of letters"),
        (["check", "--host", "gpu999"], "expected a member of the fleet"),
        (["check", "--observed", "--pin", "kernel=1"], "--pin: expected one of cuda, nccl, framework"),
        (["coverage", "--component", "gpu-driver"], "expected --component and --version together"),
        (["coverage", "--component", "cuda", "--version", "13"], "--component: expected one of bmc"),
        (["coverage", "--pin", "cuda"], "--pin: expected one of cuda"),
        (["coverage", "moon"], "clusters.moon: expected one of sim"),
    ],
)
def test_a_bad_command_is_told_in_one_error_and_changes_nothing(synced, arguments, message):
    before = synced.facts()

    result = synced("compat", *arguments)

    assert (2, "", 1) == (result.code, result.out, len(result.err.splitlines()))
    assert message in result.err
    assert before == synced.facts()


@pytest.mark.parametrize("verb", ["publish", "withdraw"])
def test_publishing_and_withdrawing_can_be_tried_dry(synced, verb):
    synced("compat", "publish", "kernel=6.11", "cuda=12.4.1", *BECAUSE)
    (entry,) = listed(synced)
    before = synced.facts()

    words = [str(entry["id"])] if verb == "withdraw" else ["kernel=6.12", "--supersedes", str(entry["id"])]
    result = synced("compat", verb, *words, *BECAUSE, "--dry-run")

    assert (0, "nothing was changed") == (result.code, result.out.splitlines()[-1])
    assert before == synced.facts()


def test_a_host_and_the_fleet_are_judged_by_what_they_were_last_seen_with(adopted):
    assert "allowed" in adopted("compat", "check", "--host", "gpu001").out
    result = adopted("compat", "check", "--observed")
    assert (0, "63 of 63 hosts in production carry an allowed set\n") == (result.code, result.out)

    later = adopted("compat", "check", "--host", "gpu001", "--pin", "cuda=13.0")
    assert (1, "not allowed: gpu-driver 550.90.07 is not tested with cuda 13.0 in this set") == (
        later.code,
        later.out.strip().partition(" (and")[0],
    )


def test_a_host_that_was_never_read_is_not_allowed(synced):
    assert 1 == synced("compat", "check", "--host", "gpu001").code
    assert 1 == synced("compat", "check", "--observed").code


def test_coverage_says_what_is_tested_and_what_a_planned_rollout_needs(adopted):
    found = json.loads(adopted("compat", "coverage", "--component", "gpu-driver", "--version", "570.1", "--json").out)

    assert {"gpu-driver": ["570.1", "550.127.08"], "nic-firmware": ["28.43.2026", "28.39.1002"]} == found["versions"]
    states = {(c["component"], c["version"], c["pin"]): c["state"] for c in found["cells"]}
    assert "untested" == states["gpu-driver", "570.1", "cuda"]
    assert "tested" == states["gpu-driver", "550.127.08", "nccl"]
    assert [("cuda", 63), ("nccl", 63)] == [(n["pin"], len(n["hosts"])) for n in found["planned"][0]["needs"]]
    text = adopted("compat", "coverage", "--component", "gpu-driver", "--version", "570.1").out
    assert "planned: gpu-driver 570.1: 0 of 63 hosts may carry it" in text
    assert text.endswith("0 of 63 hosts in production are off the matrix\n")


def test_drift_shows_versions_by_layer_and_a_total(adopted):
    result = adopted("fleet", "drift")

    assert 0 == result.code
    assert result.out.splitlines()[-2].startswith("total: 63 hosts of sim in production: job-facing drift 0, ")
    rows = {line.split()[1]: line for line in result.out.splitlines()[2:11]}
    assert "550.127.08" in rows["gpu-driver"]
    assert "550.90.07 on 63" in rows["gpu-driver"]
    assert "pin 12.4.1" in rows["cuda"]


def test_drift_is_a_fact_and_an_error_only_where_asked_for(adopted):
    assert (0, 0) == (adopted("fleet", "drift").code, adopted("fleet", "drift", "--fail-on-drift").code)
    adopted("compat", "publish", "gpu-driver=550.90.*", "--broken", "--evidence", "ticket 9", *BECAUSE)

    found, failed = adopted("fleet", "drift"), adopted("fleet", "drift", "--fail-on-drift")

    assert (0, 1) == (found.code, failed.code)
    assert "(63): the matrix lists gpu-driver 550.90.* (ticket 9) as broken" in found.out
    (cluster,) = json.loads(adopted("fleet", "drift", "--json").out)
    assert {"job_facing": 0, "untold": 0, "hosts_not_allowed": 63, "hosts_behind": 63, "wrong": True} == cluster[
        "total"
    ]


def test_drift_of_hosts_that_were_never_read_is_not_called_none(synced):
    result = synced("fleet", "drift", "--fail-on-drift")

    assert 1 == result.code
    assert "never read: gpu[001-052,054-064] (63)" in result.out
    assert "63 that told no version of a pin" in result.out
