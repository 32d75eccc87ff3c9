"""Names of boxes on tabs, none of which covers another where there is room."""

import numpy as np
from matplotlib.artist import Artist
from matplotlib.colors import to_rgb

SIZE, PAD = 11, 1.8  # of a name, and of its tab around it, in points
DARK = "#1a1200"  # letters on a bright tab


def draw_name(axes, corners, name, colour, at="top", alpha=1.0):
    """A name on a tab at a corner of a box (left, top, right, bottom): at its upper left one, or at
    its lower right one for "bottom".

    Where the figure is drawn, and its size is known, a tab that would cover another goes to
    another place about its box. Names that are not faded choose first, then in the order of calls;
    a faded one is written on white.
    """
    tabs = next((artist for artist in axes.artists if isinstance(artist, _Tabs)), None)
    tabs = tabs or axes.add_artist(_Tabs())
    left, top, right, bottom = corners = [float(value) for value in corners]
    x, y = (left, top) if at == "top" else (right, bottom)
    aligned = {"ha": "left", "va": "bottom"} if at == "top" else {"ha": "right", "va": "top"}
    ink, ground = (ink_on(colour), colour) if alpha == 1 else (colour, "#ffffffb0")
    look = {"fontsize": SIZE, "fontweight": "bold", "color": ink, **aligned}
    tab = {"facecolor": ground, "edgecolor": "none", "pad": PAD}
    text = axes.text(x, y, name, bbox=tab, **look)
    tabs.names.append((alpha, text, corners, at))


def ink_on(colour, dark=DARK):
    """White, or `dark` where that stands out more.

    >>> ink_on("#0072B2"), ink_on("#E69F00")
    ('white', '#1a1200')
    """
    linear = np.power(to_rgb(colour), 2.2)
    return "white" if linear @ (0.2126, 0.7152, 0.0722) < 0.18 else dark


class _Tabs(Artist):
    """All names of one axes. It shows nothing: drawn just before them, it moves them."""

    zorder = 2.9

    def __init__(self):
        super().__init__()
        self.names = []
        self.set_in_layout(False)

    def draw(self, renderer):
        taken, pad = [], renderer.points_to_pixels(PAD)
        picture = self.axes.get_window_extent(renderer).padded(-pad)
        for _, text, corners, at in sorted(self.names, key=lambda entry: -entry[0]):
            said = text.get_window_extent(renderer)
            size = np.array([said.width, said.height]) + 2 * pad
            ends = self.axes.transData.transform(np.reshape(corners, (2, 2)))
            left, top, right, bottom = ends.ravel()
            places = _places((left, bottom, right, top), size, at)
            best = _freest([_inside(place, size, picture) for place in places], size, taken)
            taken.append((best, size))
            text.set(ha="center", va="center")
            text.set_position(self.axes.transData.inverted().transform(best + size / 2))


def _places(box, size, at):
    """Lower left corners of a tab about a box (left, low, right, high), the preferred first."""
    (left, low, right, high), (width, height) = box, size
    above, below = (high, high - height), (low - height, low)  # outside of the box, then inside it
    sides = (left, right - width) if at == "top" else (right - width, left)
    first, last = (above, below) if at == "top" else (below, above)
    around = [(x, y) for y in (*first, *last) for x in sides]
    beside = [(x, y) for x in (right, left - width) for y in (first[1], last[1])]
    afar = [(x, y) for y in (low - 2 * height, high + height) for x in sides]
    return [np.array(place) for place in around + beside + afar]


def _inside(place, size, picture):
    return np.clip(place, picture.min, np.maximum(picture.max - size, picture.min))


def _freest(places, size, taken):
    return min(places, key=lambda place: sum(_shared(place, size, *other) for other in taken))


def _shared(place, size, other, other_size):
    """How many square pixels two tabs share."""
    sides = np.minimum(place + size, other + other_size) - np.maximum(place, other)
    return float(np.prod(sides.clip(min=0)))
