"""Turn a finished training run into the shipped detector: `python -m tools.ship runs/mini-yolos`.

Copies the weights, the early weights and the recording to `helpers/weights/mini-yolos`, measures the result on 1,000
held-out scenes, and writes the model card from what was measured.
"""

import argparse
import shutil
from pathlib import Path

from helpers.detector import load_detector, weights_folder
from helpers.evaluation import evaluate
from helpers.figures import L1, MATCH, PREDICTION, new_figure, small_png
from helpers.scenes import GLYPH_SIDES, HandwrittenScenes
from helpers.training.recording import load_recording

CARD = Path(__file__).with_name("model_card.md")


def ship(run, beside=""):
    """Copy, measure, describe."""
    folder = weights_folder()
    folder.mkdir(parents=True, exist_ok=True)
    for path in [*(run / "model").iterdir(), *run.glob("*.safetensors"), run / "recording.npz"]:
        shutil.copyfile(path, folder / path.name)  # contents only: safetensors writes files that others cannot read
    model, image_processor = load_detector()
    recording = load_recording(folder / "recording.npz")
    recipe = recording["about"]["recipe"]
    facts = {
        **evaluate(model, image_processor, HandwrittenScenes("test", 1000, seed=0)),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "recipe": recipe,
        "sides": GLYPH_SIDES,
        "minutes": recording["about"]["minutes"],
        "beside": beside,
        "switch": round(recipe["final_from"] * recipe["detection_steps"]),
    }
    (folder / "curves.png").write_bytes(small_png(draw_curves(recording)))
    (folder / "README.md").write_text(CARD.read_text(encoding="utf-8").format(**facts), encoding="utf-8")
    print({name: round(facts[name], 4) for name in ("AP", "AP50", "AP75", "duplicates", "count_right")})


def draw_curves(recording):
    """AP and the set's quality on the left, the box terms of the loss on the right."""
    figure, (left, right) = new_figure(10, 3.4, columns=2)
    steps = recording["evaluation_step"]
    left.plot(steps, recording["evaluation_AP"], color=PREDICTION, lw=2, label="AP")
    left.plot(steps, recording["evaluation_count_right"], color=MATCH, lw=2, ls="--", label="right number of objects")
    left.set(xlabel="step", ylim=(0, 1), title="What it can do")
    left.legend()
    for name, label, colour in (("giou", "GIoU loss", PREDICTION), ("bbox", "L1 loss", L1)):
        right.plot(recording["curve_step"], recording[f"curve_loss_{name}"], color=colour, lw=2, label=label)
    right.set(xlabel="step", ylim=(0, None), title="What it was told")
    right.legend()
    return figure


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="the folder of the finished run")
    parser.add_argument("--beside", default="", help='what else the machine did, e.g. " beside other work"')
    ship(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
