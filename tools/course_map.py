"""The map of the course as an SVG whose stages lead to their notebooks: `docs/images/course-map.svg`, and on the site.

`python -m tools.course_map` writes it, from the stages that `helpers.figures` draws in notebook 00. A test compares.
"""

from itertools import pairwise

from helpers.figures import COURSE, COURSE_TARGETS, INK, QUIET
from tools.notebooks import NOTEBOOKS, ROOT

PICTURE = ROOT / "docs" / "images" / "course-map.svg"
SENTENCE = "From one image to one number: seven stages, the targets joining at the costs."
WIDTH, HEIGHT, LEFT = 118, 90, 8  # of a stage, and the margin, in the picture's units
JOIN = 4  # the stage at which the targets join
STYLE = f""".course-map text {{ font-family: "DejaVu Sans", Verdana, sans-serif; text-anchor: middle; }}
.course-map .name {{ font-size: 15px; font-weight: bold; fill: {INK}; }}
.course-map .size {{ font-size: 13px; fill: {QUIET}; }}
.course-map .link {{ font-size: 16px; font-weight: bold; fill: #0072B2; text-decoration: underline; }}
.course-map .way {{ stroke: {QUIET}; stroke-width: 2; }}"""
TIP = (
    '<marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
    f'<path d="M0 0L10 5L0 10z" fill="{QUIET}"/></marker>'
)


def course_map(address, tall=False):
    """The SVG; `tall` is for a telephone.

    `address` gives the page of a notebook for the name of its file without an ending.
    """
    places = [(80, LEFT + k * 112) if tall else (LEFT + k * 142, 150) for k in range(len(COURSE))]
    parts = []
    for (x, y), stage in zip(places, COURSE):
        parts += [box(x, y, stage), *links(stage[2], *((40, y + 51) if tall else (x + WIDTH / 2, y + 116)), address)]
    parts += [arrow(*pair, tall) for pair in pairwise(places)]
    x, y = places[JOIN]
    beside = (x + 170, y) if tall else (x, LEFT)
    number = (x + 170 + WIDTH / 2, y - 10) if tall else (x - 24, LEFT + 51)
    parts += [box(*beside, COURSE_TARGETS), *links(COURSE_TARGETS[2], *number, address)]
    parts.append(arrow(beside, places[JOIN], not tall))
    size = (376, places[-1][1] + HEIGHT + LEFT) if tall else (places[-1][0] + WIDTH + LEFT, 280)
    return sheet(parts, *size, "tall" if tall else "wide")


def links(numbers, x, y, address):
    """Links to notebooks, beside one another around x: `numbers` such as "05  06"."""
    for place, number in enumerate(numbers.split()):
        (path,) = NOTEBOOKS.glob(f"{number}_*.ipynb")
        at = x + (place - (len(numbers.split()) - 1) / 2) * 34
        yield f'<a href="{address(path.stem)}"><text class="link" x="{at:g}" y="{y:g}">{number}</text></a>'


def box(x, y, stage):
    """A stage: its name and size in a coloured frame."""
    name, size, _, colour = stage
    middle, lines = x + WIDTH / 2, name.split("\n")
    first = y + HEIGHT / 2 - 2 - 9 * (len(lines) - 1)
    shape = f'x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="12"'
    frame = f'<rect {shape} fill="{colour}22" stroke="{colour}" stroke-width="2"/>'
    words = [
        f'<text class="name" x="{middle:g}" y="{first + 18 * row:g}">{line}</text>' for row, line in enumerate(lines)
    ]
    return "".join([frame, *words, f'<text class="size" x="{middle:g}" y="{y + HEIGHT - 14}">{size}</text>'])


def arrow(start, end, down):
    """An arrow from a stage, given by its corner, to the next one, which stands below or beside it."""
    (x, y), (to_x, to_y) = start, end
    if down:
        way = f"M{x + WIDTH / 2:g} {y + HEIGHT + 3}L{x + WIDTH / 2:g} {to_y - 4}"
    elif to_x > x:
        way = f"M{x + WIDTH + 3} {y + HEIGHT / 2:g}L{to_x - 4} {y + HEIGHT / 2:g}"
    else:
        way = f"M{x - 3} {y + HEIGHT / 2:g}L{to_x + WIDTH + 4} {y + HEIGHT / 2:g}"
    return f'<path class="way" d="{way}" marker-end="url(#tip)"/>'


def sheet(parts, width, height, form):
    """The parts as a picture on a white sheet; `form` is its class."""
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="course-map {form}" viewBox="0 0 {width} {height}" '
        f'role="group" aria-label="{SENTENCE}">'
    )
    ground = f'<rect width="{width}" height="{height}" fill="white" rx="8"/>'
    defined = f"<defs><style>{STYLE}</style>{TIP}</defs>"
    return "\n".join([opening, defined, ground, *parts, "</svg>"]).replace("tip", f"tip-{form}")


def main():
    """Write the picture of the README."""
    PICTURE.write_text(course_map("../../notebooks/{}.ipynb".format) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
