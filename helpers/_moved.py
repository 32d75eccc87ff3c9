"""Answers an import by a module's former name with one sentence that says where it is now."""

import sys

MOVED = {
    "ablations": "training.ablations",
    "later_costs": "later.costs",
    "later_matches": "later.matches",
    "live": "widgets.live",
    "pairings": "training.pairings",
    "photos": "widgets.photos",
    "plain_scenes": "training.plain_scenes",
    "ranks": "training.processes",
    "recipe": "training.recipe",
    "recording": "training.recording",
    "scene_arrays": "training.arrays",
    "stage": "training.stage",
}


class Signpost:
    """The last finder that Python asks: reached only by a name that nothing else knows."""

    def find_spec(self, name, path=None, target=None):
        package, _, module = name.rpartition(".")
        if package == "helpers" and module in MOVED:
            raise ModuleNotFoundError(
                f"{name} is now helpers.{MOVED[module]}; import it from there.", name=name
            )


if not any(isinstance(finder, Signpost) for finder in sys.meta_path):
    sys.meta_path.append(Signpost())
