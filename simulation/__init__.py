"""What-if: the policies of `fleet` on a discrete-event clock, without Temporal, hosts or a scheduler.

The same scenario gives the same answer, to the last digit.
"""

from simulation.outcome import Outcome as Outcome
from simulation.running import run as run
from simulation.scenario import Policy as Policy
from simulation.scenario import Scenario as Scenario
from simulation.scenario import Upgrade as Upgrade
