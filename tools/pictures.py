"""Take the README's pictures out of the built notebooks: `python -m tools.pictures`."""

import base64
from pathlib import Path

from tools.notebooks import NOTEBOOKS, ROOT, read_built

PICTURES = {  # name: the notebook, and how the caption of the figure begins
    "guesses": ("00_start_here", "Five targets in orange"),
    "costs": ("00_start_here", "Three costs"),
}


def figure(notebook, beginning):
    """The PNG bytes and the caption of the stored figure whose caption begins so."""
    for cell in read_built(NOTEBOOKS / f"{notebook}.ipynb").cells:
        for output in cell.get("outputs", []):
            caption = output.get("metadata", {}).get("image/png", {}).get("alt", "")
            if caption.startswith(beginning):
                return base64.b64decode(output.data["image/png"]), caption
    raise ValueError(f"{notebook} stores no figure whose caption begins with {beginning!r}; run make notebooks.")


def main():
    """Write all pictures."""
    folder = ROOT / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in PICTURES.items():
        content, caption = figure(*source)
        Path(folder / f"{name}.png").write_bytes(content)
        print(f"{name}.png: {len(content) // 1000} kB, {caption}")


if __name__ == "__main__":
    main()
