"""Every workflow class a worker serves."""

from workflows.dispatcher import Dispatcher
from workflows.domain_visit import DomainVisit
from workflows.emergency_train import EmergencyTrain
from workflows.host_maintenance import HostMaintenance
from workflows.host_repair import HostRepair
from workflows.maintenance_train import MaintenanceTrain
from workflows.operation import Operation
from workflows.pin_batch import PinBatch
from workflows.pin_switch import PinSwitch
from workflows.rollout import Rollout

ALL: tuple[type, ...] = (
    Dispatcher,
    MaintenanceTrain,
    DomainVisit,
    HostMaintenance,
    HostRepair,
    Rollout,
    PinSwitch,
    PinBatch,
    EmergencyTrain,
    Operation,
)
