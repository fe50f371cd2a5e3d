"""Every activity a worker serves for its clusters."""

from collections.abc import Callable
from typing import Any

from activities.apply import Applying
from activities.avoiding import Avoiding
from activities.climbing import Climbing
from activities.deps import Deps
from activities.dispatcher import Dispatching
from activities.drain import Draining
from activities.emergency import EmergencyPlanning
from activities.gate import Gating
from activities.gpu_reset import GpuResetting
from activities.hand_over import HandingOver
from activities.handovers import GivingAway
from activities.hold import Holding
from activities.operation import Operating
from activities.operation_boarding import OperationBoarding
from activities.pin import PinSwitching
from activities.pin_batch import PinBatching
from activities.pin_closing import PinClosing
from activities.power_cycle import PowerCycling
from activities.reboot import Rebooting
from activities.reimage import Reimaging
from activities.returning import Returning
from activities.rollout import RollingOut
from activities.train import Planning
from activities.verify import Verifying
from activities.visit import Visiting
from activities.word import Words


def all_activities(deps: Deps) -> list[Callable[..., Any]]:
    """The bound methods that `temporalio.worker.Worker(activities=…)` takes."""
    visiting, planning = Visiting(deps), Planning(deps)
    handing, dispatching = HandingOver(deps), Dispatching(deps)
    rolling, pinning = RollingOut(deps), PinSwitching(deps)
    closing, batching = PinClosing(deps), PinBatching(deps)
    emergency, operating = EmergencyPlanning(deps), Operating(deps)
    avoiding = Avoiding(deps)
    return [
        Draining(deps).drain,
        Applying(deps).apply,
        Rebooting(deps).reboot,
        Verifying(deps).verify,
        Gating(deps).gate,
        Returning(deps).return_host,
        GpuResetting(deps).gpu_reset,
        PowerCycling(deps).power_cycle,
        Reimaging(deps).reimage,
        Holding(deps).hold,
        operating.review_operation,
        operating.order_operation,
        OperationBoarding(deps).board_operation,
        Climbing(deps).climb,
        handing.hand_over,
        handing.plan_repair,
        handing.report_repair,
        handing.drain_again,
        handing.decommission,
        GivingAway(deps).give_away,
        Words(deps).note_word,
        visiting.ask_for_hosts,
        visiting.board_hosts,
        visiting.leave_out,
        visiting.end_visit,
        planning.plan_stop,
        planning.skip_domain,
        avoiding.avoid,
        avoiding.withdraw_avoidance,
        rolling.review_rollout,
        rolling.order_rollout,
        pinning.review_pin,
        pinning.order_pin,
        closing.close_pin,
        closing.clear_pin,
        closing.commit_pin,
        closing.open_pin,
        batching.prepare_pin_batch,
        batching.plan_pin_batch,
        batching.await_pin_batch,
        batching.end_pin_batch,
        emergency.plan_emergency,
        emergency.order_emergency,
        dispatching.observe,
        dispatching.settle,
        dispatching.write_stop,
    ]
