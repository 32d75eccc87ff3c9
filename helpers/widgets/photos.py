"""A photo of the reader's own through a detector from the hub, where there is a network."""

import io
import warnings

from helpers.pictures import PALETTES, upright_rgb

MOST_BYTES, MOST_PIXELS = 10_000_000, 40_000_000
MOST_STRETCHED = 12  # times the shorter side: of a longer strip a detector sees next to nothing
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")  # others run programs, or need them
LONGEST = (
    800  # pixels of a photo's longer side, once read: more does not help YOLOS-tiny and takes long
)
SCORE = 0.7
MOST_GUESSES = 12  # in the playground


def read_photo(content):
    """A picture file as an RGB PIL image, upright, at most 800 pixels a side.

    Args: content: the bytes of a file, of any kind that `helpers.pictures.upright_rgb` knows.
    Raises ValueError with one sentence if they are too many, are no picture, or the picture has too
    many pixels or is too narrow a strip."""
    from PIL import Image

    if not isinstance(content, (bytes, bytearray, memoryview)):
        raise ValueError(f"The photo is a {type(content).__name__}; give the bytes of a file.")
    if len(content) > MOST_BYTES:
        raise ValueError(
            f"The file has {len(content) / 1e6:.0f} MB; choose one of at most "
            f"{MOST_BYTES / 1e6:.0f} MB."
        )
    try:
        with warnings.catch_warnings(
            action="ignore"
        ):  # Pillow's, of tags that nobody here looks at
            image = Image.open(io.BytesIO(content), formats=FORMATS)
            _check_size(*image.size)  # known before anything is unpacked
            image = upright_rgb(image.convert("RGBA") if image.mode in PALETTES else image)
    except _WrongSize as error:
        raise ValueError(str(error)) from None
    except Exception:  # Pillow has many ways to say so
        raise ValueError(
            "This file is no picture that can be read; choose a JPEG or a PNG."
        ) from None
    image.thumbnail((LONGEST, LONGEST))
    return image


class _WrongSize(Exception):
    pass


def _check_size(width, height):
    if width * height > MOST_PIXELS:
        raise _WrongSize(f"The picture is {width} x {height}; choose one of at most 40 megapixels.")
    if max(width, height) > MOST_STRETCHED * min(width, height):
        said = (
            f"The picture is {width} x {height}; choose one whose longer side is at most "
            f"{MOST_STRETCHED} times"
        )
        raise _WrongSize(f"{said} the shorter.")


def photo_figure(image, found, names):
    """What a detector found in a photo: `found` from `helpers.detector.predict`; `names` maps a
    label to its name.
    """
    from helpers import figures

    figure, axes = figures.new_figure(8, 8 * image.height / image.width + 0.6)
    figures.draw_image(axes, image, f"{len(found['scores'])} objects, no suppression")
    for box, score, label in zip(found["boxes"], found["scores"], found["labels"].tolist()):
        name = f"{names.get(label, label)} {score:.0%}"
        figures.draw_box(axes, box, figures.PREDICTION, figures.DASHES, name)
    return figure


def try_photo(name="hustvl/yolos-tiny"):
    """An upload button below the cell: choose a photo, and the detector's answer appears.

    Or one sentence why not.

    Args: name: a hub name or a folder for `load_detector`.
    """
    import ipywidgets
    from IPython.display import display

    from helpers.detector import load_detector

    try:
        model, image_processor = load_detector(name)
    except (ConnectionError, ValueError) as error:
        return print(error)
    button = ipywidgets.FileUpload(accept="image/*", multiple=False, description="A photo")
    output = ipywidgets.Output()

    def answer(change):
        output.clear_output(wait=True)
        with output:
            show_answer(_chosen_file(change["new"]), model, image_processor)

    button.observe(answer, "value")
    display(ipywidgets.VBox([button, output]))
    return None


def _chosen_file(chosen):
    """The bytes of the one file of a `FileUpload`.

    It gives a tuple; that of ipywidgets 7, as on Colab, a dict.
    """
    (file,) = chosen.values() if isinstance(chosen, dict) else chosen
    return bytes(file["content"])


def show_answer(content, model, image_processor):
    """Show what the detector finds in a picture file, and the photo in the playground, or one
    sentence why not.
    """
    from IPython.display import display

    from helpers import figures
    from helpers.detector import decode, look_at

    try:
        image = read_photo(content)
        outputs = look_at(model, image_processor, [image])
    except ValueError as error:
        return print(error)
    found = decode(outputs, [image.size], SCORE)[0]
    figures.show(
        photo_figure(image, found, model.config.id2label), "Your photo, with every guess over 70 %."
    )
    if len(found["scores"]):
        print(
            "In your hands: a photo has no targets, so these guesses stand in for them. Drag a "
            "blue box away."
        )
        display(photo_playground(image, outputs))
    return None


def photo_playground(image, outputs):
    """The surest guesses of a photo in a `MatchingPlayground`; those over `SCORE` are its targets,
    too.
    """
    from helpers.widgets.playground import MatchingPlayground

    scores, labels = outputs["logits"][0].softmax(-1)[:, :-1].max(-1)
    rows = scores.topk(min(MOST_GUESSES, len(scores))).indices.sort().values
    sure = rows[scores[rows] > SCORE]
    targets = {"class_labels": labels[sure], "boxes": outputs["pred_boxes"][0, sure]}
    shown = {name: outputs[name][:, rows] for name in ("logits", "pred_boxes")}
    controls = [control for control in MatchingPlayground.CONTROLS if control != "preset"]
    return MatchingPlayground(image, shown, [targets], controls=controls)
