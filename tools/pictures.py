"""The README's pictures: figures that the built notebooks store. `make notebooks` takes them out."""

import base64
from pathlib import Path

import nbformat

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
PICTURES = {  # file: the notebook, and how the caption of the figure begins
    "guesses.png": ("00_start_here", "Five targets in orange"),
    "costs.png": ("00_start_here", "The cost of all sixty pairs"),
}


def stored_figure(notebook, beginning):
    """The PNG bytes of the stored figure whose caption begins so. A sentence if `notebook`, a path, has none."""
    for cell in nbformat.read(notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            if output.get("metadata", {}).get("image/png", {}).get("alt", "").startswith(beginning):
                return base64.b64decode(output.data["image/png"])
    raise ValueError(f"{notebook.name} stores no figure whose caption begins with {beginning!r}.")


def take_pictures(notebooks, images=IMAGES):
    """Write all pictures, out of the folder of the built notebooks."""
    images.mkdir(parents=True, exist_ok=True)
    for name, (notebook, beginning) in PICTURES.items():
        (images / name).write_bytes(stored_figure(notebooks / f"{notebook}.ipynb", beginning))
