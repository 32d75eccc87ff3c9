"""The detector: load it, take its detection tokens apart, and read its answers. Always transformers' own YOLOS."""

import contextlib
import threading
from importlib.resources import files
from pathlib import Path

import torch

from helpers.boxes import center_to_corners

PROBE_SECONDS = 3.0


def load_detector(name="mini-yolos", step=None):
    """A `YolosForObjectDetection` ready to predict, and its image processor.

    Args:
        name: a detector shipped in `helpers/weights`, a folder, or a name on the hub such as "hustvl/yolos-tiny".
        step: the weights of an earlier training step, not the final ones; mini-yolos ships 1000, 5000, 9000, 36000.

    Weights are read from safetensors only. A hub name is looked for in the local cache first. Raises
    FileNotFoundError (no such step), ValueError (a file that cannot be read) or ConnectionError (a hub name, not in
    the cache, and no network), each with one sentence.

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


def detection_states(last_hidden_state, num_detection_tokens):
    """The states of the detection tokens, which stand last: (B, S, H) -> (B, N, H).

    The sequence is [CLS], the patches, the detection tokens. Raises ValueError if it is too short for them.

    >>> detection_states(torch.zeros(1, 77, 96), 12).shape
    torch.Size([1, 12, 96])
    """
    if last_hidden_state.ndim != 3 or last_hidden_state.shape[1] <= num_detection_tokens:
        shape = tuple(last_hidden_state.shape)
        raise ValueError(f"last_hidden_state has shape {shape}; it needs (B, S, H) with S over {num_detection_tokens}.")
    return last_hidden_state[:, -num_detection_tokens:]


def detection_outputs(model, pixel_values):
    """What the set-prediction loss takes, auxiliary layers included.

    Args: a `YolosForObjectDetection`; pixel_values (B, 3, H, W).

    Returns "logits" (B, N, K + 1), "pred_boxes" (B, N, 4) and "auxiliary_outputs": the same for every earlier layer,
    first to last but one, each passed through the final LayerNorm and the same heads. transformers' own
    `auxiliary_loss=True` breaks for YOLOS before its loss is called: it hands the whole tuple of states to the heads.
    """
    vit = model.vit(pixel_values, output_hidden_states=True)
    earlier = [model.vit.layernorm(states) for states in vit.hidden_states[1:-1]]  # [0] is the embeddings
    layers = [_heads(model, states) for states in (*earlier, vit.last_hidden_state)]
    return {**layers[-1], "auxiliary_outputs": layers[:-1]}


def decode(outputs, sizes, threshold=0.0):
    """Guesses as detections: per image a dict of `boxes` (M, 4) corner boxes in pixels, `scores` and `labels` (M,).

    Args: outputs with `logits` and `pred_boxes`; sizes: (width, height) of each image in pixels; threshold: keep
    guesses whose score is above it. The score is the softmax probability of the best class other than no-object.

    >>> outputs = {"logits": torch.tensor([[[0.0, 9.0, 0.0]]]), "pred_boxes": torch.tensor([[[0.5, 0.5, 0.5, 0.5]]])}
    >>> decode(outputs, [(128, 64)])
    [{'boxes': tensor([[32., 16., 96., 48.]]), 'scores': tensor([0.9998]), 'labels': tensor([1])}]
    """
    scores, labels = outputs["logits"].softmax(-1)[..., :-1].max(-1)
    corners = center_to_corners(outputs["pred_boxes"])
    scale = corners.new_tensor([(width, height) * 2 for width, height in sizes])[:, None]
    found = zip((corners * scale).cpu(), scores.cpu(), labels.cpu())
    return [{"boxes": b[s > threshold], "scores": s[s > threshold], "labels": n[s > threshold]} for b, s, n in found]


@torch.no_grad()
def detections(model, pixel_values, sizes, threshold=0.0):
    """What the detector finds in each image of a batch: see `decode`.

    Args: pixel_values (B, 3, H, W); sizes: (width, height) of each image in pixels.
    """
    return decode(model(pixel_values.to(next(model.parameters()).device)), sizes, threshold)


def predict(model, image_processor, image, threshold=0.5):
    """What the detector finds in one PIL image, in its pixels: see `decode`. No suppression: the set is the answer.

    >>> from helpers.scenes import running_example
    >>> found = predict(*load_detector(), running_example()[0])
    >>> sorted(found["labels"].tolist())
    [1, 1, 3, 4, 5]
    """
    pixel_values = image_processor(images=image, return_tensors="pt")["pixel_values"]
    return detections(model, pixel_values, [image.size], threshold)[0]


def _heads(model, last_hidden_state):
    states = detection_states(last_hidden_state, model.config.num_detection_tokens)
    return {"logits": model.class_labels_classifier(states), "pred_boxes": model.bbox_predictor(states).sigmoid()}


def _folder(name):
    """The folder that a name stands for, or None for a name on the hub."""
    for folder in (weights_folder(str(name)), Path(name)):
        if (folder / "config.json").is_file():
            return folder
    if Path(name).is_dir():
        raise ValueError(f"The folder {name} holds no config.json; give one written by save_pretrained.")
    return None


def _load(source, **options):
    from transformers import YolosForObjectDetection, YolosImageProcessorPil

    try:
        with _quiet():
            model = YolosForObjectDetection.from_pretrained(source, use_safetensors=True, **options)
            return model, YolosImageProcessorPil.from_pretrained(source, **options)
    except Exception as error:
        if options.get("local_files_only") and not Path(source).is_dir():
            raise  # simply not in the cache
        raise ValueError(
            f"{source} holds no readable YOLOS weights ({type(error).__name__}); fetch them again."
        ) from None


def _load_from_hub(name):
    try:
        return _load(name, local_files_only=True)
    except Exception:
        if not _hub_answers():
            raise ConnectionError(
                f"{name} is not in the local cache and the hub does not answer; connect, or use the shipped mini-yolos."
            ) from None
    return _load(name)


def _hub_answers():
    """Whether the hub can be reached at all: from_pretrained alone would retry for half a minute."""
    import httpx
    from huggingface_hub.constants import ENDPOINT

    answers = []

    def ask():
        with contextlib.suppress(Exception):
            answers.append(httpx.head(ENDPOINT, timeout=PROBE_SECONDS))

    # A name lookup has no time limit of its own, so it is left behind in a thread that nobody waits for.
    probe = threading.Thread(target=ask, daemon=True)
    probe.start()
    probe.join(PROBE_SECONDS)
    return bool(answers)


def _load_early_weights(model, folder, step):
    from safetensors.torch import load_file

    path = folder / f"step-{step}.safetensors"
    if not path.is_file():
        steps = sorted(int(p.stem.split("-")[1]) for p in folder.glob("step-*.safetensors") if p.stem.count("-") == 1)
        raise FileNotFoundError(f"{folder.name} ships no weights of step {step}; it has {steps}.")
    try:
        model.load_state_dict({key: value.float() for key, value in load_file(path).items()})
    except Exception as error:
        raise ValueError(f"{path.name} cannot be read ({type(error).__name__}); fetch it again.") from None


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
