"""What pieces have in common: page code as one module, a first state to go back to, a sentence as fallback."""

import base64
import io
from importlib.resources import files

import anywidget
import numpy as np
import traitlets

PICTURE_COLOURS = 24


def page_code(name, *shared):
    """The shared parts, files shared with few (such as "geometry") and a piece's own file as one ES module.

    One string, because a stored widget cannot import relative files.
    """
    folder = files("helpers.widgets")
    return "\n".join((folder / f"{part}.js").read_text(encoding="utf-8") for part in ("parts", *shared, name))


def page_style(name):
    """The shared style and a piece's own."""
    folder = files("helpers.widgets")
    return "\n".join((folder / part).read_text(encoding="utf-8") for part in ("parts.css", f"{name}.css"))


class Piece(anywidget.AnyWidget):
    """A widget that computes in the page. `large` is for a projector, `initial` is where reset leads back to."""

    STATE = ()  # the traits that a reader changes, and reset restores
    large = traitlets.Bool(False).tag(sync=True)
    initial = traitlets.Dict().tag(sync=True)

    def __init__(self, **state):
        super().__init__(**state)
        self.initial = {name: getattr(self, name) for name in self.STATE}

    def reset(self):
        """Go back to the first state."""
        self.set_state(dict(self.initial))

    @property
    def text(self):
        """The state in a sentence."""
        raise NotImplementedError

    def __repr__(self):
        return f"{type(self).__name__}: {self.text}"

    def _repr_mimebundle_(self, **options):
        data = super()._repr_mimebundle_(**options)
        (data[0] if isinstance(data, tuple) else data)["text/plain"] = repr(self)
        return data


def small_picture(image):
    """A PIL image, or an (H, W, 3) array of bytes, as the data URI of a small PNG with few colours."""
    from PIL import Image

    buffer = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(np.asarray(image))
    image.convert("RGB").quantize(PICTURE_COLOURS, dither=0).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
