"""A cluster in plain Python: enough of one to see what the operator's decisions come to."""

from tests.support.simulated.cluster import SimulatedCluster
from tests.support.simulated.servers import Broken

__all__ = ["Broken", "SimulatedCluster"]
