"""Record: everything a batch changed becomes durable in one transaction, or nothing does."""

from xref.message import Recorded, Sealed
from xref.state import State


def record(sealed: Sealed, state: State) -> Recorded:
    """Commit; raises `UnavailableError`, after which the state must be loaded anew."""
    state.commit()
    return Recorded(sealed.parcels, sealed.acknowledgements)
