"""Figures and pieces of a notebook as the site shows them: what they show in words, their size, and a larger view.

A page that knows a figure's size keeps its place before the picture comes, so a link to a heading below lands there.
Below a piece to move stands what a page without scripts shows: its stored picture and its sentence.
"""

import base64
import struct
from html import escape

from nbformat.v4 import new_output

from tools.canonical import WIDGET_VIEW

FOLDER = "_static/figures"
STILL = "Here is something to move, once the scripts of this page run."


def as_figures(notebook, name, site, up=""):
    """Replace, in a notebook, each picture by a figure in HTML, whose file is written into the folder `site`.

    Args: `name`, of the files; `up` leads from the page to the site's first folder, such as "../".
    """
    pictures = Pictures(name, site, up)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [shown for output in cell.outputs for shown in as_figure(output, pictures)]
    return notebook


def as_figure(output, pictures):
    """Outputs in place of one: a picture as HTML; before a piece to move what stands for it without scripts."""
    data = output.get("data", {})
    if WIDGET_VIEW in data:
        _, _, sentence = data.get("text/plain", "").partition(": ")
        still = pictures.keep(data.pop("image/png"), sentence) if "image/png" in data else ""
        words = f"{STILL} {sentence[:1].upper()}{sentence[1:]}"
        return [html_output(f'<div class="stand-in">{still}<p>{escape(words)}</p></div>'), output]
    if "image/png" in data:
        return [html_output(pictures.keep(data["image/png"], output.metadata.get("image/png", {}).get("alt", "")))]
    return [output]


def moves(output):
    """Whether an output is a piece to move, or what stands for it without scripts."""
    data = output.get("data", {})
    return WIDGET_VIEW in data or data.get("text/html", "").startswith('<div class="stand-in">')


def html_output(text):
    """An output that is HTML."""
    return new_output("display_data", {"text/html": text})


class Pictures:
    """The files of a page's pictures, numbered in order."""

    def __init__(self, name, site, up):
        self.name, self.site, self.up, self.count = name, site, up, 0

    def keep(self, png, alt):
        """Write a picture, given as base64, into its file. Returns HTML that shows it, a link to the picture alone."""
        self.count += 1
        path = self.site / FOLDER / f"{self.name}-{self.count}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(png))
        width, height = png_size(path.read_bytes())
        address = f"{self.up}{FOLDER}/{path.name}"
        return (
            f'<a class="enlarge" href="{address}"><img src="{address}" alt="{escape(alt)}" '
            f'width="{width}" height="{height}"></a>'
        )


def png_size(data):
    """The width and height of a PNG, from its first bytes.

    >>> png_size(bytes(16) + (640).to_bytes(4) + (480).to_bytes(4))
    (640, 480)
    """
    return struct.unpack(">II", data[16:24])
