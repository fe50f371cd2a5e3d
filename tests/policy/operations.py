"""Operations for the policy tests."""

from datetime import timedelta

from fleet.models.fleetfile import Cluster
from fleet.models.ledger import RequestClass
from fleet.models.operation import Operation, OperationSpec
from fleet.models.operation_part import OperationPart
from fleet.models.scope import ScopePart
from starter.catalogue_files import own_catalogue
from tests.policy.make import NOW, ago, request
from tests.store.facts import fleet_file

KINDS = {o.name: o for o in own_catalogue().operations}


def part(
    kind="replace-nic", hosts=("gpu001",), op="op/1", *, takes=True, parks=True, clusters=("c1",)
) -> OperationPart:
    return OperationPart(
        operation=op,
        kind=kind,
        not_with=KINDS[kind].not_with,
        scope=tuple(hosts),
        takes=takes,
        parks=parks,
        clusters=clusters,
    )


def asked(kind="replace-nic", hosts=("gpu001",), op="op/1", taken=None, **changes):
    """Its request; `taken`: the hosts it names, where that is not the whole scope."""
    how = {k: changes.pop(k) for k in ("takes", "parks", "clusters") if k in changes}
    its = part(kind, hosts, op, **how)
    return request(op, taken or hosts, RequestClass.AD_HOC, part=its, **changes)


def spec(*scope, kind="replace-nic", **changes) -> OperationSpec:
    given = {
        "kind": kind,
        "scope": tuple(scope) or (ScopePart(cluster="c1", kind="rack", name="r0"),),
        "not_with": KINDS[kind].not_with,
        "duration": timedelta(hours=1),
        "actor": "ann",
        "reason": "a new NIC",
        "key": "k",
    }
    return OperationSpec(**{**given, **changes})


def operation(state="asking", **changes) -> Operation:
    its = {k: changes.pop(k) for k in list(changes) if k in OperationSpec.model_fields and k != "reason"}
    given = {"id": "op/1", "number": 1, "spec": spec(**its), "state": state}
    return Operation(**{**given, "submitted_at": ago(hours=1), "changed_at": NOW, **changes})


def cluster(**changes) -> Cluster:
    return Cluster.model_validate({**fleet_file().clusters[0].model_dump(), **changes})
