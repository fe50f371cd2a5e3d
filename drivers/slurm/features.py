"""Node features that tell installed versions, written so that no other feature is lost.

Slurm has no compare-and-set: who writes the list writes all of it. So it is read twice before it is written, with
nothing else between the second reading and the write, and read back after; what another wrote meanwhile is merged in
the next round. Only a change within the milliseconds of that one command could be lost.

Seen on 22.05.8: `=`, `.`, `-` and `_` are plain characters of a feature, in `--constraint` too; setting the available
features alone makes all of them active; features set so are gone after a restart of slurmctld, which reads slurm.conf.
"""

import re
from collections.abc import Awaitable, Callable

from drivers.slurm.command import SlurmCommand
from fleet.errors import BadAnswer, InvalidInput
from fleet.models.scheduler import Node
from fleet.policy.features import is_ours, merged
from fleet.ports.fence import Fence

ROUNDS = 4
_OURS = re.compile(r"^[A-Za-z0-9._=-]{1,300}$")


async def publish_features(
    slurm: SlurmCommand, look: Callable[[], Awaitable[Node]], host: str, ours: tuple[str, ...], fence: Fence
) -> None:
    """Make our features of a node be exactly these. `look` reads the node as of now."""
    for feature in ours:
        if not is_ours(feature) or not _OURS.fullmatch(feature):
            raise InvalidInput("feature", "", f"expected one of our features, found {feature[:80]!r}")
    for _ in range(ROUNDS):
        before = await look()
        wanted = _merged(before, ours)
        if wanted == _shown(before):
            return
        await fence()
        if _shown(await look()) != _shown(before):
            continue
        available, active = (",".join(features) for features in wanted)
        features = (f"AvailableFeatures={available}", f"ActiveFeatures={active}")
        await slurm.answer("scontrol", "update", f"nodename={host}", *features)
        after = await look()
        if _merged(after, ours) == _shown(after):
            return
    raise BadAnswer(f"{host}: its features are changed by another again and again, or are not taken")


def _merged(node: Node, ours: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return merged(node.features, ours), merged(node.active_features, ours)


def _shown(node: Node) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return node.features, node.active_features
