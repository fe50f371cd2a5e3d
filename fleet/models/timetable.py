"""A train's timetable: the order of the visits to come, what each costs the jobs, and how much time is to spare."""

from fleet.models.base import Decision, Fact, Moment


class PlannedVisit(Fact):
    """A visit to come."""

    domain: str
    hosts: int
    begin: Moment
    """When draining begins; jobs are told before."""
    end: Moment
    due: Moment
    jobs: int
    """Known jobs that would be interrupted: they run on beyond the drain deadline."""
    cost_host_hours: float
    """What these lose: restart and work since the last checkpoint, on all of their hosts."""

    @property
    def slack_seconds(self) -> float:
        """From its end to its due date; negative for one that comes too late."""
        return (self.due - self.end).total_seconds()


class Timetable(Decision):
    """The visits to come, in order. `reason` says why the first one is the first."""

    at: Moment
    visits: tuple[PlannedVisit, ...] = ()
    homeless: tuple[str, ...] = ()
    """Domains for which the pool's windows have no room within a year."""
    at_risk: str = ""
    """Which due dates can't be kept, with the numbers; empty when all can."""
    helps: tuple[str, ...] = ()
    """What would help, each enough by itself; computed."""

    @property
    def cost_host_hours(self) -> float:
        """What the known jobs lose in all."""
        return sum(v.cost_host_hours for v in self.visits)

    @property
    def order(self) -> tuple[str, ...]:
        """Domains by their visits, those without one last."""
        return (*(v.domain for v in self.visits), *self.homeless)
