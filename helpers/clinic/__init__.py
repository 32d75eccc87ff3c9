"""A clinic for a reader's own data and training: what the data hold, and what the first steps say.

`python -m helpers.clinic annotations.json` examines a COCO file, `examine` whatever else holds targets.
"""

from helpers.clinic.data import examine

__all__ = ["examine"]
