"""What the clinic wants to know of a model: its config and its image processor's, no weights."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers.clinic.reading import Unreadable


@dataclass
class ModelFacts:
    """`num_labels` K, `tokens` N, `eos_coef` (None for a focal loss), `patch` in pixels and what it
    is, `size` as in an image processor's config."""

    name: str
    num_labels: int
    tokens: int
    eos_coef: float | None
    patch: int
    cell: str
    size: dict

    def scale(self, sizes):
        """By how much the image processor stretches images: sizes (I, 2) width and height -> (I,
        2).

        >>> facts = ModelFacts("", 91, 100, 0.1, 16, "a patch", {"shortest_edge": 800,
        ...     "longest_edge": 1333})
        >>> facts.scale(np.array([[640.0, 480.0], [1000.0, 300.0]])).round(3)
        array([[1.667, 1.667],
               [1.333, 1.333]])
        """
        size = self.size
        if "height" in size and "width" in size:
            return np.array([size["width"], size["height"]]) / sizes
        if "shortest_edge" in size:
            by = size["shortest_edge"] / sizes.min(1)
            if size.get("longest_edge"):
                by = np.minimum(by, size["longest_edge"] / sizes.max(1))
        elif "max_height" in size and "max_width" in size:
            by = (np.array([size["max_width"], size["max_height"]]) / sizes).min(1)
        else:
            by = np.ones(len(sizes))
        return np.stack([by, by], axis=1)


def read_model(name):
    """The facts of a shipped detector, a folder or a name on the hub, or of a model of
    transformers.

    Raises `Unreadable` with one sentence.

    >>> facts = read_model("mini-yolos")
    >>> facts.num_labels, facts.tokens, facts.eos_coef, facts.size
    (10, 12, 1.0, {'height': 128, 'width': 128})
    """
    if isinstance(name, ModelFacts):
        return name
    if hasattr(name, "config"):
        return _facts(type(name).__name__, name.config, {})
    from helpers.loading import weights_folder

    folder = next(
        (f for f in (weights_folder(str(name)), Path(name)) if (f / "config.json").is_file()), None
    )
    if folder is None and Path(name).is_dir():
        raise Unreadable(
            f"The folder {name} holds no config.json; give one written by save_pretrained."
        )
    config = _config(str(folder or name), local_files_only=True) or (
        folder is None and _from_hub(str(name))
    )
    if not config:
        raise Unreadable(
            f"{folder} holds no config that transformers can read."
            if folder
            else f"{name} is no shipped detector, no folder and not in the local cache, "
            "and the hub does not give it."
        )
    return _facts(str(name), config, _processor(str(folder or name)))


def _facts(name, config, processor):
    tokens = getattr(config, "num_detection_tokens", None) or getattr(config, "num_queries", None)
    if not tokens:
        raise Unreadable(
            f"{name} is a {type(config).__name__}, no detection transformer: it has no tokens or "
            "queries."
        )
    size = processor.get("size") or {"shortest_edge": 800, "longest_edge": 1333}
    if not isinstance(size, dict):  # as in early versions
        size = {"shortest_edge": size, "longest_edge": processor.get("max_size", 1333)}
    if processor.get("do_resize") is False:
        size = {}
    patch = getattr(config, "patch_size", None)
    focal = hasattr(config, "focal_alpha")
    return ModelFacts(
        name,
        config.num_labels,
        tokens,
        None if focal else getattr(config, "eos_coefficient", None),
        patch or 32,
        "a patch" if patch else "a cell of the backbone",
        size,
    )


def _config(name, **options):
    from transformers import AutoConfig
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        return AutoConfig.from_pretrained(name, **options)
    except Exception:
        return None
    finally:
        logging.set_verbosity(verbosity)


def _from_hub(name):
    from helpers.loading import hub_answers

    return hub_answers() and _config(name)


def _processor(name):
    """The image processor's config as a dict; empty where there is none."""
    from transformers.utils import cached_file

    for options in ({"local_files_only": True}, {}):
        try:
            return json.loads(
                Path(cached_file(name, "preprocessor_config.json", **options)).read_text("utf-8")
            )
        except Exception:
            if Path(name).is_dir():
                break
    return {}
