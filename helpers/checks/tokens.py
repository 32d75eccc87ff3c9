"""The checks of notebook 02: slice the detection states, put the slots into the labels' order."""

import torch

from helpers.checks import MALFORMED, attempt, to_use, whole

OTHER_SCENE = 2  # of the test scenes with five objects


def check_slice_detection_states(slice_detection_states):
    """Notebook 02: (B, S, H) and N -> the states of the detection tokens, (B, N, H); gives back who
    does it below.
    """
    from helpers.detector import detection_states

    verdict = judge_slice_detection_states(slice_detection_states)
    return to_use(verdict, slice_detection_states, detection_states, "detection_states")


def judge_slice_detection_states(slice_detection_states):
    """The verdict: every row of the test tensors holds its own place, so a wrong slice can be
    named.
    """
    for shape, count in (((7, 20, 8), 5), ((1, 77, 96), 12), ((2, 41, 4), 1)):
        batch, length, _ = shape
        places = torch.arange(length, dtype=torch.float32)[None, :, None].expand(shape)
        image = torch.arange(batch, dtype=torch.float32)[:, None, None] * 1000
        answer, fault = attempt(
            slice_detection_states, places + image, count, hint="(B, S, H) has three dimensions."
        )
        if fault:
            return fault
        fault = _slice_fault(answer, places + image, count)
        if fault:
            return f"not yet: from {shape} with N = {count}, {fault}"
    return "correct: the last N places, for any batch, length and number of tokens."


def _slice_fault(answer, states, count):
    batch, length, hidden = states.shape
    if not isinstance(answer, torch.Tensor):
        return "you return no tensor. Hint: slice the one you are given."
    if answer.dtype != states.dtype:
        return f"you return {answer.dtype}. Hint: the heads want the states in the type they have."
    if answer.shape == (batch, count, hidden):
        if torch.equal(answer, states[:, -count:]):
            return None
        rows = answer[0, :, 0].tolist()
        if not all(value.is_integer() and 0 <= value < length for value in rows):
            return "these are not the states. Hint: slice them, and compute nothing."
        rows = [int(value) for value in rows]
        found = (
            f"you take places {rows[0]} to {rows[-1]}, and want {length - count} to {length - 1}."
        )
        if rows == list(range(count)):
            return (
                f"{found} Hint: these are [CLS] and the first patches; detection tokens stand last."
            )
        if rows == list(range(1, count + 1)):
            return f"{found} Hint: these are patches; detection tokens stand last."
        if rows[0] == 0:
            return f"{found} Hint: [CLS] is no detection token."
        if rows == list(range(length - count - 1, length - 1)):
            return (
                f"{found} Hint: one place too early; a slice's end is not included, so leave it "
                "open."
            )
        if rows == list(range(length - 1, length - 1 - count, -1)):
            return f"{found} Hint: right places, wrong order; keep them as they stand."
        return f"{found} Hint: count from the end."
    shape = tuple(answer.shape)
    if answer.ndim < 3:
        return (
            f"you return shape {shape}. Hint: keep the first dimension, the images: states[:, ...]."
        )
    if answer.shape[0] != batch or (batch > count and torch.equal(answer, states[-count:])):
        return (
            f"you return shape {shape}. Hint: the first dimension is the images; slice the second."
        )
    if answer.shape[2] != hidden:
        return (
            f"you return shape {shape}. Hint: you cut the states themselves; slice the second "
            "dimension."
        )
    return (
        f"you return shape {shape}. Hint: it should be {(batch, count, hidden)}; how many rows do "
        "you keep?"
    )


def check_order_of_slots(order_of_slots, outputs, targets):
    """Notebook 02: an order of the N tokens in which guess k answers label k.

    Args: the reader's function (prediction_index, target_index, num_tokens) -> N token numbers; the
    running example's outputs and targets."""
    print(judge_order_of_slots(order_of_slots, outputs, targets))


def judge_order_of_slots(order_of_slots, outputs, targets):
    """The verdict: two made-up matches, then the real one, where a loss by position must equal the
    set loss.
    """
    from helpers.matcher import HungarianMatcher

    count = outputs["logits"].shape[1]
    real = HungarianMatcher()(outputs, targets)[0]
    made_up = (
        (torch.tensor([0, 2, 3]), torch.tensor([1, 2, 0]), 5),
        (torch.tensor([], dtype=torch.int64),) * 2 + (3,),
    )
    for prediction_index, target_index, num_tokens in (*made_up, (*real, count)):
        answer, fault = attempt(order_of_slots, prediction_index, target_index, num_tokens)
        if fault:
            return fault
        try:
            answer = [whole(token) for token in answer]
        except MALFORMED:
            return (
                f"not yet: it returns a {type(answer).__name__}. Hint: return a list of token "
                "numbers."
            )
        fault = _order_fault(answer, prediction_index.tolist(), target_index.tolist(), num_tokens)
        if fault:
            pairs = (
                ", ".join(
                    f"token {p} for label {t}" for p, t in zip(prediction_index, target_index)
                )
                or "no match"
            )
            return f"not yet: {num_tokens} tokens, {pairs}: {fault}"
    here, there = (
        _loss_by_position(outputs, targets, answer),
        _loss_by_position(*_other_scene(), answer),
    )
    return (
        f"correct: in this order, a loss that compares by position gives {here:.2f}, exactly the "
        "set loss.\n"
        f"On another scene of five digits, the same order gives {there:.2f}: it fits one picture, "
        "not the next."
    )


def _order_fault(order, predictions, targets, num_tokens):
    wanted = [prediction for _, prediction in sorted(zip(targets, predictions))]
    if len(order) < num_tokens:
        return (
            f"your order has {len(order)} tokens. Hint: nobody may get lost; the idle ones follow "
            "behind."
        )
    if len(order) > num_tokens or sorted(order) != list(range(num_tokens)):
        return (
            f"{order} is no order of {num_tokens} tokens. Hint: each number from 0 to "
            f"{num_tokens - 1} once."
        )
    if order[: len(wanted)] == wanted:
        return None
    if order[: len(wanted)] == predictions:
        return (
            f"{order} lists the tokens as the matcher does. Hint: sort them by their label first."
        )
    if all(order[prediction] == target for prediction, target in zip(predictions, targets)):
        return (
            f"{order} says which label each token has. Hint: place k should name the token of "
            "label k."
        )
    return (
        f"{order} does not begin with {wanted}. Hint: place k names the token matched with label k."
    )


def _loss_by_position(outputs, targets, order):
    """The set loss, but with guess k of the reordered tokens compared with label k."""
    from helpers.loss import SetCriterion

    reordered = {name: outputs[name][:, order] for name in ("logits", "pred_boxes")}
    places = torch.arange(len(targets[0]["class_labels"]))
    num_classes = outputs["logits"].shape[-1] - 1
    criterion = SetCriterion(lambda *_: [(places, places)], num_classes, eos_coef=1.0)
    return float(criterion.total(criterion(reordered, targets)))


def _other_scene():
    from helpers.detector import load_detector
    from helpers.scenes import HandwrittenScenes

    model, image_processor = load_detector()
    image, annotation = HandwrittenScenes("test", OTHER_SCENE + 1, seed=0, objects=(5, 5))[
        OTHER_SCENE
    ]
    inputs = image_processor(images=image, annotations=annotation, return_tensors="pt")
    with torch.no_grad():
        outputs = model(inputs["pixel_values"])
    targets = [{name: inputs["labels"][0][name] for name in ("class_labels", "boxes")}]
    return {"logits": outputs.logits, "pred_boxes": outputs.pred_boxes}, targets
