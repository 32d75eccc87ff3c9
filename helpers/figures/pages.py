"""Pages to choose from with a slider or a menu: made in Python, linked in the page, alive in a
stored notebook.
"""

import base64
import html

from helpers.figures import small_png

# The choosers work without a kernel, so JupyterLab's mark of a broken link would mislead.
NO_MARK = (
    "<style>.spl-pages.jupyter-widgets-disconnected::before,"
    ".spl-pages .jupyter-widgets-disconnected::before{content:none}</style>"
)


def page_chooser(pages, description, chosen=None, slider=False):
    """A control above the page that it chooses: `pages` maps each option to HTML, `chosen` is shown
    first.
    """
    import ipywidgets

    class Chooser(ipywidgets.VBox):
        def __repr__(self):  # what a reader without widgets sees
            name = description.rstrip(":")
            return f'"{name}": a choice of {len(pages)} pages, alive where scripts run.'

    options = list(pages)
    place = options.index(chosen) if chosen is not None else 0
    kind = ipywidgets.SelectionSlider if slider else ipywidgets.Dropdown
    control = kind(options=options, index=place, description=description)
    stack_of = getattr(
        ipywidgets, "Stack", ipywidgets.Tab
    )  # ipywidgets 7, as on Colab, has no Stack
    stack = stack_of(
        [ipywidgets.HTML(NO_MARK + page) for page in pages.values()], selected_index=place
    )
    ipywidgets.jslink((control, "index"), (stack, "selected_index"))
    chooser = Chooser([control, stack])
    chooser.add_class("spl-pages")
    return chooser


def picture_html(figure, sentence, style="max-width: 100%"):
    """A figure as an HTML image with the sentence as its text alternative."""
    picture = base64.b64encode(small_png(figure)).decode()
    return (
        f'<img style="{style}" src="data:image/png;base64,{picture}" alt="{html.escape(sentence)}">'
    )
