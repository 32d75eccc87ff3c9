"""Load a detector from the shipped weights, a folder or the hub; or say in one sentence what is
wrong with it.
"""

import contextlib
import re
import socket
import threading
from importlib.resources import files
from os import PathLike
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from helpers.meters import one_line

PROBE_SECONDS = 3.0
HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
HEADS = ("class_labels_classifier", "bbox_predictor")


def load_detector(name="mini-yolos", step=None):
    """A `YolosForObjectDetection` ready to predict, and its image processor.

    Args:
        name: a detector shipped in `helpers/weights`, a folder, or a name on the hub such as
            "hustvl/yolos-tiny".
        step: the weights of an earlier training step, not the final ones; mini-yolos ships 1000,
            5000, 9000, 36000.

    Weights are read from safetensors only, in the precision in which they were saved. A hub name is
    looked for in the local cache first. Raises TypeError (the name is no string), FileNotFoundError
    (no such step), ValueError (a file
    that cannot be read, or weights that do not fit config.json: nothing is left to chance) or
    ConnectionError (a hub name, not in the cache, and no network), each with one sentence.

    >>> model, image_processor = load_detector()
    >>> model.config.num_detection_tokens, model.config.num_labels
    (12, 10)
    """
    folder = _folder(name)
    if folder is None:
        model, image_processor = _load_from_hub(name)
    else:
        model, image_processor = _load(folder, local_files_only=True)
    if step is not None:
        _load_early_weights(model, Path(folder or name), step)
    return model.eval(), image_processor


def weights_folder(name="mini-yolos"):
    """Where a shipped detector's weights and its recorded training lie."""
    return Path(str(files("helpers") / "weights" / name))


def _folder(name):
    """The folder that a name stands for, or None for a name on the hub."""
    if not isinstance(name, (str, PathLike)) or not str(name):
        raise TypeError(
            f"The name is {name!r}; give a shipped detector's name, a folder, or a name on the hub."
        )
    with contextlib.suppress(OSError):  # no path can be as long as that
        for folder in (weights_folder(str(name)), Path(name)):
            if (folder / "config.json").is_file():
                return folder
        if Path(name).is_file():
            raise ValueError(f"{name} is a file; give the folder that save_pretrained wrote it to.")
        if Path(name).is_dir():
            raise ValueError(
                f"The folder {name} holds no config.json; give one written by save_pretrained."
            )
    if not HUB_NAME.fullmatch(str(name)):
        raise ValueError(
            f"There is no folder {str(name)!r}, and no name on the hub is written like this."
        )
    return None


def _load(source, **options):
    from transformers import YolosForObjectDetection, YolosImageProcessorPil

    options |= {
        "use_safetensors": True,
        "ignore_mismatched_sizes": True,
        "output_loading_info": True,
    }
    cure = "fetch them again"
    if any(Path(source).glob("*.bin")) and not any(Path(source).glob("*.safetensors")):
        cure = (
            "they are a pickle: load it with from_pretrained, if you trust it, and save_pretrained "
            "anew"
        )
    with _reading(source, options, "no readable YOLOS weights", cure):
        model, report = YolosForObjectDetection.from_pretrained(source, **options)
    if complaint := _complaint(report) or _no_numbers(model):
        raise ValueError(
            f"The weights of {source} are no YOLOS as its config.json says: {complaint}."
        )
    cure = "write preprocessor_config.json there with image_processor.save_pretrained"
    with _reading(source, options, "a model, but no readable image processor", cure):
        return model, YolosImageProcessorPil.from_pretrained(
            source, local_files_only=options["local_files_only"]
        )


@contextlib.contextmanager
def _reading(source, options, holds, cure):
    """Turns what fails while a file is read into one sentence, unless it is simply not in the
    cache.
    """
    try:
        with _quiet():
            yield
    except Exception as error:
        if options["local_files_only"] and not Path(source).is_dir():
            raise
        said = one_line(f"{type(error).__name__}: {error}", 160).removesuffix(".")
        raise ValueError(f"{source} holds {holds} ({said}); {cure}.") from None


def _complaint(report):
    """What a loading report of transformers says is left to chance or left over, and a cure; "" if
    nothing is.
    """
    missing, extra = (_parts(report.get(kind, ())) for kind in ("missing_keys", "unexpected_keys"))
    sizes = {
        name: (tuple(saved), tuple(wanted))
        for name, saved, wanted in sorted(report.get("mismatched_keys", ()))
    }
    wrong = [
        f"{name} is {saved}, by config.json {wanted}" for name, (saved, wanted) in sizes.items()
    ]
    said = [
        (missing, "missing"),
        (extra, "left over"),
        (wrong, ""),
        (list(report.get("error_msgs", ())), ""),
    ]
    said = [
        f"{', '.join(parts[:4])}{', ...' * (len(parts) > 4)} {what}".strip()
        for parts, what in said
        if parts
    ]
    return "; ".join([*said, _cure(missing, extra, sizes)]) if said else ""


def _no_numbers(model):
    """Which weights are NaN or infinite, as after a training that went wrong; "" if none is."""
    wrong = [
        name for name, weight in model.state_dict().items() if not weight.float().isfinite().all()
    ]
    return (
        f"{wrong[0]} holds numbers that are not finite; train it anew from an earlier checkpoint"
        if wrong
        else ""
    )


def _cure(missing, extra, sizes):
    if "vit.embeddings.detection_tokens" in sizes:
        had, count = (shape[1] for shape in sizes["vit.embeddings.detection_tokens"])
        renew = f"renew_detection_tokens(model, {count}, keep={min(had, count)})"
        return f"set num_detection_tokens to {had}, load, then call helpers.training.recipe.{renew}"
    if missing and not extra and set(missing) <= {f"{head}.*" for head in HEADS}:
        return "a bare backbone has no heads; save a YolosForObjectDetection"
    if any(name.startswith(HEADS) for name in sizes):
        return "set id2label to the classes that it was trained for (num_labels follows)"
    layers = [
        part.startswith("vit.encoder.layer.") and "layer.0." not in part for part in missing + extra
    ]
    if layers and all(layers):
        return "set num_hidden_layers to the layers that it was trained with"
    if len(missing) == len(extra) and not sizes:
        return "if those left over are the missing ones by another name, rename them"
    return "save model and config together, with save_pretrained of a YolosForObjectDetection"


def _parts(names):
    """Names of weights, those of one head or layer as one: `vit.encoder.layer.2.*`."""
    parts = {}
    for name in sorted(names):
        whole = re.match(
            r".*encoder\.layer\.\d+(?=\.)|.*(class_labels_classifier|bbox_predictor)(?=\.)", name
        )
        parts.setdefault(whole[0] if whole else name, []).append(name)
    return [names[0] if len(names) == 1 else f"{part}.*" for part, names in parts.items()]


def _load_from_hub(name):
    try:
        return _load(name, local_files_only=True)
    except ValueError:
        raise  # it is in the cache, and is no detector
    except Exception:
        if not hub_answers():
            raise ConnectionError(
                f"{name} is not in the local cache and the hub does not answer; connect, or use "
                "the shipped mini-yolos."
            ) from None
    return _load(name, local_files_only=False)


def hub_answers():
    """Whether the hub can be reached: from_pretrained alone would retry for half a minute."""
    from huggingface_hub.constants import ENDPOINT, HF_HUB_OFFLINE

    answers = []

    def ask():
        with contextlib.suppress(Exception):
            asked = urlsplit(getproxies().get("https", ENDPOINT))
            port = asked.port or (80 if asked.scheme == "http" else 443)
            socket.create_connection((asked.hostname, port), PROBE_SECONDS).close()
            answers.append(not HF_HUB_OFFLINE)

    # A name lookup has no time limit of its own, so it is left behind in a thread that nobody waits
    # for.
    probe = threading.Thread(target=ask, daemon=True)
    probe.start()
    probe.join(PROBE_SECONDS)
    return any(answers)


def _load_early_weights(model, folder, step):
    from safetensors.torch import load_file

    path = folder / f"step-{step}.safetensors"
    if not path.is_file():
        steps = sorted(
            int(p.stem.split("-")[1])
            for p in folder.glob("step-*.safetensors")
            if p.stem.count("-") == 1
        )
        raise FileNotFoundError(f"{folder.name} ships no weights of step {step}; it has {steps}.")
    try:
        model.load_state_dict({key: value.float() for key, value in load_file(path).items()})
    except Exception as error:
        raise ValueError(
            f"{path.name} cannot be read ({type(error).__name__}); fetch it again."
        ) from None


@contextlib.contextmanager
def _quiet():
    """No progress bars and no advice from transformers while weights load."""
    from transformers.utils import logging

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()
