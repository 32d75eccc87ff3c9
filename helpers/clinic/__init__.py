"""A clinic for a reader's own data and training: what the data hold, and what the first steps say.

`python -m helpers.clinic annotations.json` examines a COCO file, `examine` whatever else holds
targets; `MatchWatch` watches a training of transformers."""

from helpers.clinic.data import examine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from helpers.clinic.watch import MatchWatch

__all__ = ["MatchWatch", "examine"]


def __getattr__(name):
    if name != "MatchWatch":
        raise AttributeError(f"module 'helpers.clinic' has no attribute {name!r}")
    from helpers.clinic.watch import MatchWatch  # loads transformers

    return MatchWatch
