"""What a person has said of a host in repair, until it is heeded."""

from dataclasses import dataclass

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from fleet.models.messages import Command


@dataclass
class PersonsWord:
    """`asked` is for a try, `leaves` for the end of the host's service, which goes first; `given` says that the host is
    to be given to an outsider: nothing more is tried.
    """

    asked: Command | None = None
    leaves: Command | None = None
    given: Command | None = None

    def heard(self, *, safe: bool = True) -> Command | None:
        """The word that ends a try here. `safe`: what is done so far may stay as it is, so that a new try may begin;
        a host that leaves for good needs no such point.
        """
        return self.leaves or ((self.asked or self.given) if safe else None)
