"""The checks of notebook 09."""

import numpy as np
import torch

from helpers.checks import MALFORMED, NOT_ATTEMPTED, as_numbers, attempt, is_number, whole

CURVES = ("the recording", "made-up curve 1", "made-up curve 2", "made-up curve 3")
MOST_AP_LOST, LEAST_DUPLICATES = 0.01, 80.0


def check_end_of_plateau(end_of_plateau, recording):
    """Notebook 09: `end_of_plateau(step (M,), curve (M,)) -> step`; drawn on the recording and on
    made-up curves.
    """
    cases = plateau_cases(recording)
    hint = "both arguments are arrays of shape (M,)."
    calls = [
        attempt(end_of_plateau, step, curve, hint=hint, case=f", on {name}")
        for name, (step, curve, _) in zip(CURVES, cases, strict=True)
    ]
    answers = [answer for answer, _ in calls]
    fault = next((fault for _, fault in calls if fault), None)
    if fault == NOT_ATTEMPTED and any(answer is not None for answer in answers):
        fault = (
            f"not yet: on {CURVES[answers.index(None)]} it returns None. Hint: return a step in "
            "every case."
        )
    print(fault or _judge_plateau(answers, cases))
    if all(map(is_number, answers)):
        _draw_plateaus([float(as_numbers(answer)) for answer in answers], cases)


def check_hide_duplicates(hide_duplicates, found, annotations):
    """Notebook 09: `hide_duplicates(found of one scene) -> found`, many duplicates, the same AP."""
    from helpers.evaluation import summarize

    changed = []
    for one in found:
        answer, fault = attempt(hide_duplicates, one, hint="torch.cat joins two tensors of boxes.")
        detections, complaint = (None, fault) if fault else _as_detections(answer)
        if complaint:
            return print(complaint)
        changed.append(detections)
    print(
        _judge_duplicates(
            summarize(found, annotations), summarize(changed, annotations), found, changed
        )
    )
    return None


def plateau_cases(recording):
    """Curves with a plateau, the recorded GIoU term and three made-up ones, each with (earliest,
    latest) answer.
    """
    step, curve = recording["curve_step"].astype(float), recording["curve_loss_giou"].astype(float)
    cases = [(step, curve, _window(step, curve))]
    rng = np.random.default_rng(9)
    for total, level, onset, speed in (
        (12_000, 0.75, 6000, 700),
        (40_000, 0.45, 9000, 1500),
        (20_000, 0.62, 2500, 600),
    ):
        step = np.arange(50.0, total + 1, 50)
        first = level + (1.05 - level) / (1 + (step / 280) ** 4)
        fall = (level - 0.1) * (1 - np.exp(-np.maximum(step - onset, 0) / speed))
        curve = first - fall + rng.normal(0, 0.004, len(step))
        cases.append((step, curve, (0.8 * onset, onset + 0.6 * speed)))
    return cases


def _window(step, curve):
    """When the second fall of a curve begins: from 15 % before the reference answer to 20 % after
    it.
    """
    smooth = np.convolve(np.pad(curve, 2, mode="edge"), np.ones(5) / 5, "valid")
    ahead = smooth[:-8] - smooth[8:]
    flat = ahead < 0.1 * ahead.max()
    start = int(flat.argmax())
    end = step[start + int((~flat[start:]).argmax())]
    return 0.85 * end, 1.2 * end + 200


def _judge_plateau(answers, cases):
    for where, answer in zip(CURVES, answers):
        numbers = as_numbers(answer)
        if numbers is None or numbers.ndim:
            return (
                f"not yet: on {where} it returns a {type(answer).__name__}. Hint: one number, a "
                "training step."
            )
        if not numbers.isfinite():
            return (
                f"not yet: on {where} it returns {float(numbers)}. Hint: the mean of nothing is "
                "NaN; what was empty?"
            )
    answers = [float(as_numbers(answer)) for answer in answers]
    if len(set(answers)) == 1:
        return (
            f"not yet: you return {answers[0]:,.0f} for every curve. Hint: no fixed step serves "
            "all; read the curve."
        )
    for where, answer, (step, curve, (low, high)) in zip(CURVES, answers, cases):
        if low <= answer <= high:
            continue
        if answer < len(step) and low <= step[int(max(answer, 0))] <= high:
            return f"not yet: on {where} that is the place in the array. Hint: return step[place]."
        if abs(answer - step[np.diff(curve).argmin()]) <= 300 or answer < 1000:
            return (
                f"not yet: on {where} you found the first fall. Hint: look for a flat part, then "
                "for its end."
            )
        if answer > high and answer > 0.6 * step[-1]:
            return (
                f"not yet: on {where} you found the flat part after the learning. Hint: take the "
                "first flat part."
            )
        side = "too early" if answer < low else "too late"
        return (
            f"not yet: {side} on {where}, which has a plateau of its own height. "
            "Hint: no fixed level or step serves all; ask how much the curve falls within the next "
            "400 steps."
        )
    return (
        f"correct: in the recording the wait ends near step {float(answers[0]):,.0f}; on three "
        "other curves, too."
    )


def _draw_plateaus(answers, cases):
    from helpers import figures

    figure, panels = figures.new_figure(12.5, 3.2, columns=len(cases))
    for place, (axes, answer, (step, curve, (low, high))) in enumerate(zip(panels, answers, cases)):
        axes.axvspan(low, high, color=figures.MATCH, alpha=0.2, lw=0)
        axes.plot(step, curve, color=figures.GIOU, lw=2)
        axes.axvline(answer, color=figures.INK, lw=2)
        axes.set(title="the recording" if place == 0 else f"made up {place}", ylim=(0, None))
        axes.xaxis.set_major_locator(figures.plt.MaxNLocator(2))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    figures.show(
        figure, "Four curves, your answers as black lines, and in green where the wait ends."
    )


def _as_detections(answer):
    """What the reader found in one scene, in any form, as tensors, and None; or None, and the
    verdict.
    """
    if not isinstance(answer, dict) or not {"boxes", "scores", "labels"} <= set(answer):
        return (
            None,
            "not yet: return a dict. Hint: with boxes (M, 4), scores (M,) and labels (M,), as it "
            "came.",
        )
    boxes, scores, labels = (as_numbers(answer[name]) for name in ("boxes", "scores", "labels"))
    if any(part is None or not part.ndim for part in (boxes, scores, labels)):
        return (
            None,
            "not yet: boxes, scores and labels must be tensors. Hint: torch.cat joins two into "
            "one.",
        )
    if not len(boxes) == len(scores) == len(labels):
        return None, "not yet: boxes, scores and labels differ in length. Hint: double all three."
    boxes = boxes.reshape(-1, 4) if not len(boxes) else boxes
    if boxes.shape[1:] != (4,) or scores.ndim > 1 or labels.ndim > 1:
        return (
            None,
            "not yet: the shapes have changed. Hint: boxes (M, 4), scores (M,) and labels (M,), as "
            "they came.",
        )
    if not (boxes.isfinite().all() and scores.isfinite().all()):
        return (
            None,
            "not yet: a number is NaN or infinite. Hint: a twin has its original's box and a score "
            "of its own.",
        )
    if len(scores) and not 0 <= float(scores.min()) <= float(scores.max()) <= 1:
        return (
            None,
            "not yet: a score is a probability, from 0 to 1. Hint: scale them, for example 0.75 + "
            "score / 4.",
        )
    try:
        labels = torch.tensor([whole(label) for label in labels], dtype=torch.int64)
    except MALFORMED:
        return (
            None,
            "not yet: a label is a class, a whole number. Hint: a twin has its original's label.",
        )
    return {"boxes": boxes, "scores": scores, "labels": labels}, None


def _judge_duplicates(before, after, found, changed):
    said = (
        f"AP {before['AP']:.2f} became {after['AP']:.2f}, "
        f"{before['duplicates']:.1f} duplicates per 100 objects became {after['duplicates']:.1f}"
    )
    if after["duplicates"] < LEAST_DUPLICATES:
        more = sum(len(one["scores"]) for one in changed) > sum(len(one["scores"]) for one in found)
        hint = (
            "only scores over 0.5 count as detections."
            if more
            else "give every box a twin with torch.cat."
        )
        return f"not yet: {said}. Hint: {hint}"
    if before["AP"] - after["AP"] > MOST_AP_LOST:
        return (
            f"not yet: {said}. Hint: AP ranks all boxes of all scenes by score; where should every "
            "twin stand?"
        )
    return (
        f"correct: {said}. AP reads the order of the scores, and all twins stand behind all "
        "originals."
    )
