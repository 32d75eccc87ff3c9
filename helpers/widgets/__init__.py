"""Things to move: pieces that compute in the page, so that a stored page is alive before anything
runs.

Each piece has a Python file (state, checks, a static figure) and a `.js` and `.css` file of the
same name; `parts` joins the page code into one module. A piece is loaded when it is first asked
for."""

from importlib import import_module

PIECES = {
    "AssignmentStepper": "stepper",
    "BoxLab": "boxlab",
    "MatchingPlayground": "playground",
    "NoObjectDial": "dial",
    "ReportCards": "reports",
    "SavedAgain": "saved",
    "SceneLab": "scenelab",
    "SetPlay": "setplay",
    "TrainingReplay": "replay",
}
__all__ = list(PIECES)


def __getattr__(name):
    if name not in PIECES:
        raise AttributeError(f"helpers.widgets has no {name!r}; it has {', '.join(PIECES)}.")
    return getattr(import_module(f"helpers.widgets.{PIECES[name]}"), name)
