"""What pieces have in common: page code as one module, controls, a first state, a check by helpers,
a sentence.
"""

import base64
import io
import math
from importlib.resources import files

import anywidget
import numpy as np
import traitlets

PICTURE_COLOURS = 32
STILL = (70, 64)  # dots per inch and colours of a piece's stored picture: 6 to 33 kB
SHORTEST_SIDE = 0.01  # of a box that a hand can still take hold of, in a normalised image
SHARED = ("parts", "hands", "shell", "agreement")  # page code of all pieces


def page_code(name, *shared):
    """What all share, files shared with few (such as "geometry") and a piece's own file as one ES
    module.

    One string, because a stored widget cannot import relative files; without comments and
    indentation, because each stored widget holds it.
    """
    folder = files("helpers.widgets")
    code = "\n".join(
        (folder / f"{part}.js").read_text(encoding="utf-8") for part in (*SHARED, *shared, name)
    )
    lines = (line.strip() for line in code.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def page_style(name, *shared):
    """The styles of the same files, of those that have one, without indentation."""
    folder = files("helpers.widgets")
    styles = [folder / f"{part}.css" for part in (*SHARED, *shared, name)]
    texts = [style.read_text(encoding="utf-8") for style in styles if style.is_file()]
    return "\n".join(line.strip() for text in texts for line in text.splitlines())


def page(name, *shared):
    """What a stored widget holds of its page, `_esm` and `_css`: the code and the style."""
    return page_code(name, *shared), page_style(name, *shared)


class Piece(anywidget.AnyWidget):
    """A widget that computes in the page.

    Args: controls: which controls to offer, some of the piece's `CONTROLS`, default all; Reset is
    always there.

    ValueError for a control that the piece does not have.
    """

    STATE = ()  # the traits that a reader changes, and reset restores
    CONTROLS = ()  # what `controls` may name
    CHECKED = ()  # the traits that `recompute` depends on
    _answered = None  # the state that the page was told of last
    controls = traitlets.List(traitlets.Unicode()).tag(sync=True)
    large = traitlets.Bool(False).tag(sync=True)  # for a projector
    initial = traitlets.Dict().tag(sync=True)  # where reset leads back to

    def __init__(self, controls=None, **state):
        super().__init__(controls=known_controls(controls, self.CONTROLS), **state)
        self.initial = {name: getattr(self, name) for name in self.STATE}
        if self.CHECKED:
            self.observe(self._answer, self.CHECKED)
            self.on_msg(lambda widget, content, buffers: self.hear(content))

    @traitlets.validate("controls")
    def _know_controls(self, proposal):
        return refuse(known_controls, proposal["value"], self.CONTROLS)

    def hear(self, content):
        """The page asks: for what `helpers` computes, unless a piece knows other questions."""
        self._answer()

    def recompute(self):
        """What `helpers` computes for the present state: a flat list of numbers, in the page's
        order.
        """
        raise NotImplementedError

    @property
    def checked(self):
        """What `helpers` computes for the present state, for the page to compare: {"state",
        "values"}.
        """
        values = [float(value) if math.isfinite(value) else None for value in self.recompute()]
        return {"state": {name: getattr(self, name) for name in self.CHECKED}, "values": values}

    def _answer(self, change=None):
        """Tell the page, which asks when it opens.

        What is stored has no answer: nobody would have compared it.
        """
        state = {name: getattr(self, name) for name in self.CHECKED}
        if (
            change is None or state != self._answered
        ):  # two traits that change together are one state
            self._answered = state
            self.send(self.checked)

    def reset(self):
        """Go back to the first state."""
        self.put(self.initial)

    def put(self, state):
        """Change several traits at once: they are checked together and reach the page together."""
        with self.hold_sync(), self.hold_trait_notifications():
            for name, value in state.items():
                setattr(self, name, value)

    @property
    def text(self):
        """The state in a sentence."""
        raise NotImplementedError

    def __repr__(self):
        return f"{type(self).__name__}: {self.text}"

    def figure(self):
        """The state as a static figure."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **options):
        """The piece, and for readers where it cannot move: its sentence, and a small picture."""
        from helpers.figures import small_png

        bundle = super()._repr_mimebundle_(**options)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        picture = base64.b64encode(small_png(self.figure(), *STILL)).decode()
        data = {**data, "text/plain": repr(self), "image/png": picture}
        return data, {**metadata, "image/png": {"alt": self.text}}


def known_controls(controls, known):
    """Names of controls as a list, all of them for None. ValueError for a name that is not known.

    >>> known_controls(None, ("play", "view"))
    ['play', 'view']
    """
    names = known if controls is None else controls
    if isinstance(names, str) or not all(name in known for name in names):
        raise ValueError(f"controls is {controls!r}; give a list with some of {', '.join(known)}.")
    return list(names)


def refuse(clean, *arguments):
    """`clean(*arguments)` with errors that traitlets know: only after one of these do they take
    back a change.
    """
    try:
        return clean(*arguments)
    except (TypeError, ValueError) as error:
        raise traitlets.TraitError(str(error)) from None


def small_picture(image):
    """A PIL image or an (H, W, 3) array of bytes as the data URI of a small PNG."""
    from PIL import Image

    buffer = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(np.asarray(image))
    image.convert("RGB").quantize(
        PICTURE_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
    ).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def clean_box(box):
    """A centre box as four floats, its centre moved into the image and its sides into 0.01 to 1.

    ValueError unless there are four finite numbers.

    >>> clean_box([0.5, 1.5, -0.2, 0.3])
    [0.5, 1.0, 0.01, 0.3]
    """
    values = [float(value) for value in box]
    if len(values) != 4 or not all(map(math.isfinite, values)):
        raise ValueError(
            f"a box is four finite numbers (center x, center y, width, height), not {values}."
        )
    least = (0.0, 0.0, SHORTEST_SIDE, SHORTEST_SIDE)
    return [min(max(value, low), 1.0) for value, low in zip(values, least)]
