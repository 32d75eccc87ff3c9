"""A reader's own model in the playground: a YOLOS or DETR on a picture, its real boxes beside the
reader's targets.
"""

from pathlib import Path

import torch

SCORE = 0.7  # without targets, guesses over it stand in for them
SHOWN = 12  # guesses that are shown at first
MOST = 100  # and at most, as in the playground
SOFTMAX = ("yolos", "detr", "table-transformer")


def try_model(name, picture, targets=None):
    """A model on a picture, in the playground: drag its boxes and the targets, and see matrices,
    match and loss.

    Args:
        name: a folder, a shipped detector or a name on the hub: YOLOS, DETR or Table Transformer.
        picture: the path of a picture, or a PIL image.
        targets: what is there, a list of (class, (left, top, width, height)) in pixels of the
            picture as it is shown; a class is a name or a number of the model's. Without any, its
            guesses over 70 % stand in for them.

    Shows the guesses that matter, the matched and the surest; a slider shows the rest. Prints one
    sentence where the model or the picture cannot be read."""
    import ipywidgets
    from IPython.display import display

    from helpers.detector import look_at

    try:
        model, image_processor = load_any(name)
        image = open_picture(picture)
        outputs = look_at(model, image_processor, [image])
        truth = read_targets(targets, outputs, model.config, image.size)
    except (ConnectionError, FileNotFoundError, TypeError, ValueError) as error:
        return print(error)
    place, count = ipywidgets.Output(), outputs["logits"].shape[1]
    least = min(max(SHOWN, len(truth["boxes"])), count, MOST)
    slider = ipywidgets.IntSlider(
        least, least, min(count, MOST), description="guesses", continuous_update=False
    )

    def show(change=None):
        place.clear_output(wait=True)
        with place:
            print(describe(outputs, truth, model.config, slider.value))
            display(model_playground(outputs, truth, model.config, image, slider.value))

    slider.observe(show, "value")
    show()
    display(ipywidgets.VBox([slider, place]))
    return None


def load_any(name):
    """A YOLOS, DETR or Table Transformer and its image processor; a ValueError or ConnectionError
    in one sentence.

    >>> load_any("mini-yolos")[0].config.num_detection_tokens
    12
    """
    from transformers import AutoConfig, AutoImageProcessor, AutoModelForObjectDetection

    from helpers.loading import hub_answers, load_detector, weights_folder

    shipped = (weights_folder(str(name)) / "config.json").is_file()
    local = shipped or Path(name).is_dir()
    try:
        config = AutoConfig.from_pretrained(
            weights_folder(name) if shipped else name, local_files_only=True
        )
    except Exception:
        config = None
    if config is None and not local and hub_answers():
        try:
            config = AutoConfig.from_pretrained(name)
        except Exception:
            raise ValueError(f"The hub has no model {name} that can be read.") from None
    if config is None or config.model_type == "yolos":
        return load_detector(name)  # which says what is wrong
    if config.model_type not in SOFTMAX:
        raise ValueError(
            f"{name} is a {type(config).__name__}; the playground shows a loss with a no-object "
            "class: YOLOS, DETR."
        )
    options = {"local_files_only": local}
    try:
        model = AutoModelForObjectDetection.from_pretrained(name, use_safetensors=True, **options)
        return model.eval(), AutoImageProcessor.from_pretrained(name, **options)
    except Exception as error:
        said = f"{name} holds no readable weights or image processor ({type(error).__name__})"
        raise ValueError(f"{said}; write both with save_pretrained.") from None


def open_picture(picture):
    """A path or PIL image as an upright RGB image of at most 800 pixels a side."""
    from helpers.pictures import upright_rgb
    from helpers.widgets.photos import LONGEST, read_photo

    if isinstance(picture, (str, Path)):
        return read_photo(Path(picture).read_bytes())
    image = upright_rgb(picture)
    image.thumbnail((LONGEST, LONGEST))
    return image


def read_targets(targets, outputs, config, size):
    """Targets in words and pixels as `class_labels` (T,) and `boxes` (T, 4); for None the surest
    guesses.
    """
    if targets is None:
        scores, labels = outputs["logits"][0].softmax(-1)[:, :-1].max(-1)
        sure = scores > SCORE
        return {"class_labels": labels[sure], "boxes": outputs["pred_boxes"][0, sure]}
    names = {str(name).casefold(): int(label) for label, name in config.id2label.items()}
    labels, boxes = [], []
    for kind, (left, top, width, height) in targets:
        label = names.get(str(kind).casefold(), kind)
        if not isinstance(label, int) or not 0 <= label < config.num_labels:
            raise ValueError(
                f"The model has no class {kind!r}; it has {', '.join(list(names)[:8])}, ..."
            )
        labels.append(label)
        boxes.append(
            [
                (left + width / 2) / size[0],
                (top + height / 2) / size[1],
                width / size[0],
                height / size[1],
            ]
        )
    return {
        "class_labels": torch.tensor(labels, dtype=torch.int64),
        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
    }


def guesses_that_matter(outputs, targets, config, count=SHOWN):
    """The rows of the matched guesses and of the surest others, `count` in all, in the model's
    order.

    >>> outputs = {"logits": torch.tensor([[[0.0, 5.0], [9.0, 0.0], [8.0, 0.0]]]),
    ...     "pred_boxes": torch.rand(1, 3, 4)}
    >>> targets = {"class_labels": torch.tensor([0]), "boxes": outputs["pred_boxes"][0, :1]}
    >>> from types import SimpleNamespace
    >>> weights = SimpleNamespace(class_cost=1, bbox_cost=50, giou_cost=2)
    >>> guesses_that_matter(outputs, targets, weights, count=2)
    tensor([0, 1])
    """
    matched = matcher_of(config)(outputs, [targets])[0][0]
    order = (
        outputs["logits"][0].softmax(-1)[:, -1].argsort(stable=True)
    )  # the least no-object first
    others = order[~torch.isin(order, matched)]
    return torch.cat([matched, others[: max(count - len(matched), 0)]]).sort().values


def matcher_of(config):
    """The matcher with the weights of a model's config."""
    from helpers.matcher import HungarianMatcher

    return HungarianMatcher(config.class_cost, config.bbox_cost, config.giou_cost)


def model_playground(outputs, targets, config, image, count=SHOWN):
    """The guesses that matter in a `MatchingPlayground`, with the weights and the eos_coef of the
    model.
    """
    from helpers.widgets.playground import MatchingPlayground

    rows = guesses_that_matter(outputs, targets, config, count)
    shown = {name: outputs[name][:, rows].detach() for name in ("logits", "pred_boxes")}
    weights = {name: getattr(config, name) for name in ("class_cost", "bbox_cost", "giou_cost")}
    controls = [control for control in MatchingPlayground.CONTROLS if control != "preset"]
    return MatchingPlayground(
        image, shown, [targets], eos_coef=config.eos_coefficient, controls=controls, **weights
    )


def describe(outputs, targets, config, count=SHOWN):
    """Which guesses are shown, the loss of these and of all, and what the numbers of the classes
    mean: sentences.
    """
    from helpers.loss import SetCriterion

    rows = guesses_that_matter(outputs, targets, config, count)
    box_weights = {
        "loss_bbox": config.bbox_loss_coefficient,
        "loss_giou": config.giou_loss_coefficient,
    }
    criterion = SetCriterion(
        matcher_of(config),
        config.num_labels,
        config.eos_coefficient,
        ("labels", "boxes"),
        box_weights,
    )
    shown = {name: outputs[name][:, rows] for name in ("logits", "pred_boxes")}
    of_shown, of_all = (
        float(criterion.total(criterion(some, [targets]))) for some in (shown, outputs)
    )
    numbers = sorted(
        set(targets["class_labels"].tolist()) | set(shown["logits"][0, :, :-1].argmax(-1).tolist())
    )
    names = ", ".join(f"{label} {config.id2label.get(label, '')}".strip() for label in numbers)
    return (
        f"Shown are {len(rows)} of {outputs['logits'].shape[1]} guesses, the matched and the "
        "surest. Loss of these "
        f"{of_shown:.3f}, of all {of_all:.3f}. Classes: {names}."
    )
