"""The recipe runs as it stands on the page, on a small COCO file with a small YOLOS of random weights."""

import json
import re
from pathlib import Path

import pytest

from helpers.detector import load_detector
from helpers.scenes import HandwrittenScenes
from helpers.training.recipe import Recipe, build_model
from helpers.training.recording import load_recording

PAGE = Path(__file__).resolve().parents[2] / "notebooks" / "from_coco_to_ap.md"
SETTINGS, RECIPE, ONLINE = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with annotations.json, images and my-yolos, as the page expects them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    content = {"images": [], "annotations": [], "categories": [{"id": k, "name": str(k)} for k in range(10)]}
    scenes = HandwrittenScenes("train", 12, seed=8)
    for number, (image, annotation) in enumerate(scenes[place] for place in range(12)):
        name = f"{number}.png"
        image.save(tmp_path / "images" / name)
        content["images"].append({"id": number, "file_name": name, "width": 128, "height": 128})
        for thing in annotation["annotations"]:
            kept = {key: thing[key] for key in ("category_id", "bbox", "area", "iscrowd")}
            content["annotations"].append(kept | {"id": len(content["annotations"]) + 1, "image_id": number})
    (tmp_path / "annotations.json").write_text(json.dumps(content), encoding="utf-8")
    build_model(Recipe(hidden_size=32, layers=1)).save_pretrained("my-yolos")
    load_detector()[1].save_pretrained("my-yolos")
    return tmp_path


def test_the_page_trains_and_measures(workplace, capsys):
    names = {}
    exec(SETTINGS, names)
    names["STEPS"] = 2
    exec(compile(RECIPE, str(PAGE), "exec"), names)
    measures = eval(re.findall(r"\{'AP'.*\}", capsys.readouterr().out)[-1], {"nan": float("nan")})
    assert {"AP", "AP50", "duplicates", "count_right"} <= measures.keys()
    assert len(names["train"]) == 9  # of 12: every fifth is held out
    assert load_recording(workplace / "run" / "recording.npz")["step"].tolist()[0] == 0


def test_the_page_stops_at_a_sick_file(workplace):
    content = json.loads((workplace / "annotations.json").read_text())
    content["annotations"][0]["category_id"] = 10
    (workplace / "annotations.json").write_text(json.dumps(content))
    names = {}
    exec(SETTINGS, names)
    with pytest.raises(AssertionError, match="missing-categories"):
        exec(compile(RECIPE, str(PAGE), "exec"), names)


def test_thirty_lines():
    lines = [line for line in RECIPE.splitlines() if line.strip()]
    assert len(lines) <= 30
    compile(ONLINE, str(PAGE), "exec")
