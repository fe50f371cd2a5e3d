"""What an interruption costs a job, where the job does not say it itself."""

from pydantic import Field

from fleet.models.base import Fact
from fleet.models.units import Duration, parse_duration


class JobCosts(Fact):
    """Of a pool's jobs: an interrupted one loses, on each host, `restart` and on average half of `checkpoint`."""

    restart: Duration = Field(
        parse_duration("10m"), description="from an interruption until the job computes again, its wait in line aside"
    )
    checkpoint: Duration = Field(
        parse_duration("1h"), description="between two checkpoints; 0s for jobs that lose no work"
    )
