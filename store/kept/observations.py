"""The last good look at a cluster, parsed once a version: of a large fleet it is the costliest part of settling."""

from sqlalchemy import Connection, bindparam, select

from fleet.models.observation import Observation
from store import documents
from store.tables.ledger import OBSERVATIONS

_STATE = select(OBSERVATIONS.c.version, OBSERVATIONS.c.error).where(OBSERVATIONS.c.cluster == bindparam("cluster_"))
_DOCUMENT = select(OBSERVATIONS.c.document).where(OBSERVATIONS.c.cluster == bindparam("cluster_"))


class KeptObservations:
    """Observations by cluster and version."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, Observation]] = {}

    def keep(self, version: int, observation: Observation) -> None:
        """Keep what this process has just written, so that it need not read it back."""
        self._kept[observation.cluster] = (version, observation)

    def read(self, connection: Connection, cluster: str) -> Observation | None:
        """The last good look, with the error of the last look if that one failed; None before the first."""
        state = connection.execute(_STATE, {"cluster_": cluster}).one_or_none()
        if state is None:
            return None
        version, observation = self._kept.get(cluster, (None, None))
        if observation is None or version != state.version:
            text = connection.execute(_DOCUMENT, {"cluster_": cluster}).scalar_one()
            observation = documents.load(Observation, text, "observations", cluster)
            self._kept[cluster] = (state.version, observation)
        if observation.error == state.error:
            return observation
        return observation.model_copy(update={"error": state.error})
