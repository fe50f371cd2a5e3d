"""Which switches a host hangs on: by the fleet file's topology, and by node features such as `switch=leaf1`."""

from collections.abc import Mapping

from fleet.errors import InvalidInput
from fleet.hostlist import expand
from fleet.models.host import Host
from fleet.models.topology import Topology

_LABEL = "switch="


def switches_of(hosts: Mapping[str, Host], topology: Topology) -> dict[str, frozenset[str]]:
    """Switches by host, of hosts on any. Raises InvalidInput for a malformed hostlist in the topology."""
    found = {
        name: {f.removeprefix(_LABEL) for f in host.features if f.startswith(_LABEL)} for name, host in hosts.items()
    }
    for switch, reach in topology.switches.items():
        try:
            named = set(expand(reach.hosts or ""))
        except ValueError as problem:
            place = f"topology.switches.{switch}.hosts"
            raise InvalidInput("fleet file in force", place, f"expected a hostlist; {problem}") from None
        for name, host in hosts.items():
            if name in named or host.rack in reach.racks:
                found[name].add(switch)
    return {name: frozenset(its) for name, its in found.items() if its}
