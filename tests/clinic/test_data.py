"""Every fault is planted in a small file and must be found; healthy files must come out without an error."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.clinic import examine
from helpers.clinic.__main__ import main
from helpers.clinic.catalogue import CATALOGUE, ERROR
from helpers.clinic.reading import Unreadable
from helpers.scenes import HandwrittenScenes
from tests.clinic.sick import boxes_as, healthy

ROOT = Path(__file__).resolve().parents[2]
ORIGINS = ("ours", "coco", "label studio", "roboflow", "cvat")


def first(content, **changes):
    content["annotations"][4] |= changes


def again(content, shift=0):
    thing = content["annotations"][7]
    left, *rest = thing["bbox"]
    content["annotations"].append(thing | {"id": 9999, "bbox": [left + shift, *rest]})


def no_objects(content):
    content["annotations"] = []


def rename(content, name):
    content["categories"][1]["name"] = name


def shift_ids(content):
    for one in content["categories"]:
        one["id"] += 1
    for thing in content["annotations"]:
        thing["category_id"] += 1


# What a fault is called in the catalogue, and how it gets into a healthy file.
FAULTS = {
    "double-image-ids": lambda c: c["images"].append(dict(c["images"][1])),
    "annotations-of-no-image": lambda c: first(c, image_id=777),
    "image-size-not-said": lambda c: c["images"][1].update(width=0),
    "annotation-id-0": lambda c: first(c, id=0),
    "double-annotation-ids": lambda c: first(c, id=c["annotations"][5]["id"]),
    "no-area": lambda c: c["annotations"][4].pop("area"),
    "missing-categories": lambda c: c["categories"].pop(1),
    "double-category-ids": lambda c: c["categories"][1].update(id=c["categories"][0]["id"]),
    "double-category-names": lambda c: rename(c, "Class 0 "),
    "category-name-twice": lambda c: c["categories"].append({"id": 3, "name": "class 2"}),
    "negative-category-ids": lambda c: first(c, category_id=-1),
    "category-ids-from-1": lambda c: shift_ids(c),
    "category-ids-with-gaps": lambda c: first(c, category_id=17),
    "classes-without-objects": lambda c: c["categories"].append({"id": 3, "name": "class 3"}),
    "boxes-as-corners": lambda c: boxes_as(c, lambda x, y, w, h, *_: (x, y, x + w, y + h)),
    "boxes-as-centers": lambda c: boxes_as(c, lambda x, y, w, h, *_: (x + w / 2, y + h / 2, w, h)),
    "boxes-in-percent": lambda c: boxes_as(
        c, lambda x, y, w, h, W, H: (100 * x / W, 100 * y / H, 100 * w / W, 100 * h / H)
    ),
    "boxes-in-per-mille": lambda c: boxes_as(
        c, lambda x, y, w, h, W, H: (1000 * x / W, 1000 * y / H, 1000 * w / W, 1000 * h / H)
    ),
    "boxes-as-fractions": lambda c: boxes_as(c, lambda x, y, w, h, W, H: (x / W, y / H, w / W, h / H)),
    "negative-sides": lambda c: first(c, bbox=[300, 200, -40, 30]),
    "empty-sides": lambda c: first(c, bbox=[300, 200, 40, 0]),
    "boxes-outside": lambda c: first(c, bbox=[700, 700, 40, 30]),
    "boxes-beyond-the-edge": lambda c: first(c, bbox=[10, 470, 40, 200]),
    "thin-boxes": lambda c: first(c, bbox=[10, 20, 40, 0.4]),
    "duplicates": again,
    "near-identical-boxes": lambda c: again(c, shift=1),
    "no-objects": no_objects,
    "crowds": lambda c: first(c, iscrowd=1),
    "images-without-objects": lambda c: None,
}


def names(report):
    return [finding.name for finding in report.findings]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name, seed):
    content = healthy(seed, origin="ours")
    FAULTS[name](content)
    report = examine(content)
    found = next((finding for finding in report.findings if finding.name == name), None)
    assert found, names(report)
    assert found.level == CATALOGUE[name][0]
    assert report.status == (any(finding.level == ERROR for finding in report.findings))
    if name not in ("no-objects", "images-without-objects", "double-category-ids", "classes-without-objects"):
        assert all(isinstance(number, int) for example in found.examples for number in example if number is not None)


@pytest.mark.parametrize("name", sorted(set(FAULTS) - {"images-without-objects"}))
def test_a_fault_that_is_not_there_is_not_found(name):
    assert name not in names(examine(healthy(origin="ours")))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [(640, 480), (128, 128), (1920, 1080), (4000, 3000)])
@pytest.mark.parametrize("origin", ORIGINS)
def test_healthy_files_come_out_without_an_error(origin, size, seed):
    report = examine(healthy(seed, size=size, origin=origin))
    assert report.status == 0, report


@pytest.mark.parametrize("images", [1, 2, 4])
@pytest.mark.parametrize("seed", range(10))
def test_a_handful_of_healthy_images_gives_no_error(images, seed):
    assert examine(healthy(seed, images=images + 1, objects=(1, 2))).status == 0
    centered = healthy(seed, images=images + 1)
    boxes_as(centered, lambda x, y, w, h, W, H: (W / 2 - w / 2, H / 2 - h / 2, w, h))
    different = {thing["image_id"]: thing for thing in centered["annotations"]}
    centered["annotations"] = list(different.values())
    assert examine(centered).status == 0


@pytest.mark.parametrize("count", [3, 12, 60])
@pytest.mark.parametrize("box", [(0, 0, 1, 1), (0.1, 0.1, 0.85, 0.8), (0, 0, 0.15, 0.2), (0.02, 0.6, 0.4, 0.38)])
def test_objects_that_are_always_in_the_same_place_are_no_other_format(box, count):
    rng, content = np.random.default_rng(0), healthy(images=count, objects=(1, 1), origin="ours")
    content["annotations"] = [
        {"id": n + 1, "image_id": one["id"], "category_id": n % 3, "area": 1, "bbox": place.tolist()}
        for n, one in enumerate(content["images"])
        for place in [np.array(box) * ([one["width"], one["height"]] * 2) * rng.uniform(0.97, 1, 4)]
        for place in [place.round(1)]
    ]
    assert examine(content).status == 0


def test_our_scenes_are_healthy():
    scenes = HandwrittenScenes("train", 60, seed=3)
    report = examine(scenes, model="mini-yolos")
    assert report.status == 0
    assert names(report) == ["images-without-objects", "no-object-weight"]


def test_one_sloppy_box_is_not_taken_for_a_format():
    content = healthy(images=60, origin="ours")
    first(content, bbox=[600, 440, 100, 100])
    content["annotations"][9]["bbox"] = [620, 20, 80, 90]
    assert {"boxes-beyond-the-edge", "boxes-outside"} & set(names(examine(content)))
    assert not {"boxes-as-corners", "boxes-as-centers"} & set(names(examine(content)))


@pytest.mark.parametrize(("scale", "size"), [(100, (640, 480)), (1000, (4000, 3000))])
def test_a_few_boxes_that_may_be_of_another_scale_are_a_note(scale, size):
    content = healthy(images=3, objects=(2, 2), size=size, origin="ours")
    boxes_as(content, lambda x, y, w, h, *_: (0.1 * scale, 0.1 * scale, 0.8 * scale, 0.75 * scale))
    for n, thing in enumerate(content["annotations"]):
        thing["bbox"][0] += n  # no duplicates
    report = examine(content)
    assert {100: "maybe-boxes-in-percent", 1000: "maybe-boxes-in-per-mille"}[scale] in names(report)


def test_numbers_up_to_a_hundred_in_small_images_get_both_readings():
    said = {}
    for side in (130, 640):
        content = boxes_as(
            healthy(images=60, size=(side, side), origin="ours"),
            lambda x, y, w, h, width, height: (100 * x / width, 100 * y / height, 100 * w / width, 100 * h / height),
        )
        content["annotations"][0]["bbox"] = [0, 0, 100, 100]
        said[side] = next(found.cure for found in examine(content).findings if found.name == "boxes-in-percent")
    assert "these may be pixels, and right" in said[130]
    assert "pixels" not in said[640]


def test_rare_classes():
    content = healthy(images=120, origin="ours")
    content["categories"].append({"id": 3, "name": "rare"})
    first(content, category_id=3)
    assert "rare-classes" in names(examine(content))


def test_fractions_are_found_among_pixels():
    content = healthy(images=60, origin="ours")
    things = content["annotations"]
    for thing in things[::9]:
        thing["bbox"] = [0.3, 0.2, 0.4, 0.5]
    (found,) = (f for f in examine(content).findings if f.name == "boxes-as-fractions")
    assert found.count == len(things[::9])


class TestBesideAModel:
    def test_ids_from_1_where_the_model_counts_from_0(self):
        content = healthy(classes=10, images=60, origin="cvat")
        report = examine(content, model="mini-yolos")
        (found,) = (f for f in report.findings if f.name == "category-ids-from-1-to-num-labels")
        assert found.count == sum(thing["category_id"] == 10 for thing in content["annotations"])
        assert "no-object" in found.consequence
        assert examine(content).status == 0  # no model, no error

    def test_ids_beyond(self):
        content = healthy(classes=3, origin="ours")
        first(content, category_id=12)
        assert "category-ids-beyond-num-labels" in names(examine(content, model="mini-yolos"))

    def test_listed_only(self):
        content = healthy(classes=3, origin="ours")
        content["categories"].append({"id": 10, "name": "later"})
        assert examine(content, model="mini-yolos").status == 0
        assert "listed-beyond-num-labels" in names(examine(content, model="mini-yolos"))

    def test_more_objects_than_tokens(self):
        content = healthy(images=4, objects=(15, 15), origin="ours")
        (found,) = (f for f in examine(content, model="mini-yolos").findings if f.name == "more-objects-than-tokens")
        assert found.count == 3
        assert "9 targets are dropped" in found.consequence

    def test_hardly_enough_tokens(self):
        content = healthy(images=4, objects=(10, 12), origin="ours")
        assert "hardly-enough-tokens" in names(examine(content, model="mini-yolos"))

    def test_no_objects_weight_by_hand(self):
        content = healthy(images=2, objects=(3, 3), origin="ours")  # image 0 has none, image 1 has three
        (found,) = (f for f in examine(content, model="mini-yolos").findings if f.name == "no-object-weight")
        assert "88 % of the class weight" in found.consequence  # 21 of 24 at eos_coef 1
        assert "eos_coef 0.14 balances" in found.cure  # 3 / 21

    def test_small_after_the_resize(self):
        content = healthy(images=2, objects=(1, 1), origin="ours")
        content["annotations"][0]["bbox"] = [0, 0, 70, 200]  # of 640: 14 of 128 pixels
        assert "under-a-patch" in names(examine(content, model="mini-yolos"))
        content["annotations"][0]["bbox"] = [0, 0, 90, 200]
        assert "under-a-patch" not in names(examine(content, model="mini-yolos"))

    def test_what_the_processor_drops_is_what_ours_drops(self):
        from helpers.detector import load_detector

        scenes, processor = HandwrittenScenes("train", 12, seed=1), load_detector()[1]
        items = []
        for place, (image, annotation) in enumerate(scenes[i] for i in range(12)):
            things = [dict(thing) for thing in annotation["annotations"]]
            for thing in things[:1]:
                thing |= ({"iscrowd": 1}, {"bbox": [130, 10, 20, 20]}, {"bbox": [10, 10, 20, 0]}, {})[place % 4]
            items.append((image, annotation | {"annotations": things}))
        left = processor([one for one, _ in items], [two for _, two in items], return_tensors="pt")["labels"]
        lost = sum(len(two["annotations"]) for _, two in items) - sum(len(one["boxes"]) for one in left)
        (found,) = (f for f in examine(items, model="mini-yolos").findings if f.name == "dropped-by-the-processor")
        assert found.count == lost > 0

    @pytest.mark.parametrize("name", ["not-there/at-all", "helpers"])
    def test_a_model_that_cannot_be_read(self, name, monkeypatch):
        monkeypatch.setattr("helpers.loading.hub_answers", lambda: False)
        with pytest.raises(Unreadable, match=r"hub|config\.json"):
            examine(healthy(), model=name)


class TestTargets:
    def targets(self, change=lambda boxes: boxes, seed=0, count=30):
        scenes = HandwrittenScenes("train", count, seed=seed)
        from helpers.targets import coco_target

        targets = [coco_target(scenes[i][1], 128, 128) for i in range(count)]
        return [{**target, "boxes": change(target["boxes"])} for target in targets]

    def test_healthy_ones(self):
        assert examine(self.targets(), num_labels=10).status == 0
        assert examine(self.targets()[:1]).status == 0

    @pytest.mark.parametrize(
        ("name", "change"),
        [
            ("boxes-in-pixels", lambda boxes: boxes * 128),
            ("boxes-in-percent", lambda boxes: boxes * 100),
            ("boxes-in-per-mille", lambda boxes: boxes * 1000),
            ("boxes-as-corners", lambda b: torch.cat([b[:, :2] - b[:, 2:] / 2, b[:, :2] + b[:, 2:] / 2], 1)),
            ("boxes-as-left-top", lambda b: torch.cat([b[:, :2] - b[:, 2:] / 2, b[:, 2:]], 1)),
            ("boxes-not-finite", lambda b: b * float("nan")),
        ],
    )
    def test_other_formats(self, name, change):
        assert names(examine(self.targets(change)))[0] == name

    @pytest.mark.parametrize(("size", "scale"), [(100, "percent"), (96, "percent"), (1000, "per-mille")])
    def test_pixels_of_images_as_large_as_a_scale_get_both_readings(self, size, scale):
        found = examine(self.targets(lambda boxes: boxes * size)).findings[0]
        assert found.name == f"boxes-in-{scale}"
        assert f"Divide by {100 if size <= 100 else 1000}, if the images are larger than that" in found.cure
        assert "if not, these are pixels: divide x and width by the image's width" in found.cure

    def test_labels(self):
        from_one = [{**target, "class_labels": target["class_labels"] + 1} for target in self.targets()]
        assert "category-ids-from-1-to-num-labels" in names(examine(from_one, num_labels=10))
        sick = [dict.fromkeys(("class_labels", "boxes"), torch.tensor([])), *self.targets()]
        assert "labels-not-int64" in names(examine(sick))

    def test_a_data_set_of_processed_items(self):
        from helpers.detector import load_detector

        processor = load_detector()[1]
        batch = processor(*zip(*(HandwrittenScenes("test", 4)[i] for i in range(4))), return_tensors="pt")
        items = [{"pixel_values": one, "labels": two} for one, two in zip(batch["pixel_values"], batch["labels"])]
        assert examine(items, num_labels=10).status == 0

    @pytest.mark.parametrize("source", [[], [3], [{"boxes": 1}], 7, [{"class_labels": [1], "boxes": [1.0, 2.0]}]])
    def test_what_is_no_data_set(self, source):
        with pytest.raises(Unreadable, match=r"\.$"):
            examine(source)


def with_images(tmp_path, **changes):
    """A healthy file and its images, one of them made by `changes[number]`, a function of its path."""
    content = healthy(images=5, origin="ours", size=(64, 48), objects=(2, 3))
    for number, image in enumerate(content["images"]):
        path = tmp_path / image["file_name"]
        picture = Image.new("RGB", (image["width"], image["height"]), (200, 90, 40))
        picture.save(path)
        changes.get(f"n{number}", lambda path, picture: None)(path, picture)
    return examine(content, images=tmp_path)


def turn(path, picture, orientation=6):
    exif = picture.getexif()
    exif[274] = orientation
    picture.save(path, exif=exif)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("images-missing", lambda path, _: path.unlink()),
        ("images-unreadable", lambda path, _: path.write_bytes(b"no picture")),
        ("images-unreadable", lambda path, _: path.write_bytes(path.read_bytes()[:-30])),
        ("images-of-other-size", lambda path, picture: picture.resize((32, 24)).save(path)),
        ("images-not-rgb", lambda path, picture: picture.convert("L").save(path)),
        ("images-not-rgb", lambda path, picture: picture.convert("RGBA").save(path)),
        ("images-of-16-bit", lambda path, p: Image.new("I;16", p.size, 40000).save(path)),
        ("exif-turned-away", turn),
        ("beyond-the-image-after-exif", turn),
        ("exif-turned", lambda path, picture: turn(path, picture, 3)),
        ("exif-turned", lambda path, picture: turn(path, picture.rotate(90, expand=True))),
    ],
)
def test_sick_pictures(tmp_path, name, change):
    report = with_images(tmp_path, n1=change, n2=change)
    (found,) = (finding for finding in report.findings if finding.name == name)
    assert found.examples[0][0] == 1


def test_healthy_pictures(tmp_path):
    assert with_images(tmp_path).status == 0


def test_sizes_are_taken_from_the_pictures_where_the_file_has_none(tmp_path):
    with_images(tmp_path)
    content = healthy(images=5, origin="ours", size=(64, 48), objects=(2, 3))
    for image in content["images"]:
        del image["width"], image["height"]
    assert examine(content, images=tmp_path).status == 0
    with pytest.raises(Unreadable, match="no width"):
        examine(content)


def run(*arguments):
    command = [sys.executable, "-m", "helpers.clinic", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)


def saved(tmp_path, content):
    path = tmp_path / "annotations.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_the_command(tmp_path):
    path = saved(tmp_path, healthy(origin="ours"))
    page = tmp_path / "report.html"
    said = run(path, "--report", page)
    assert said.returncode == 0, said.stderr
    assert "images-without-objects" in said.stdout
    assert "images-without-objects" in page.read_text(encoding="utf-8")
    sick = healthy(origin="ours")
    again(sick)
    said = run(saved(tmp_path, sick), "--json")
    assert said.returncode == 1
    findings = json.loads(said.stdout)
    assert list(findings) == ["findings"]
    assert list(findings["findings"][0]) == ["name", "level", "count", "examples", "consequence", "cure"]
    thing = sick["annotations"][-1]
    assert findings["findings"][0]["examples"] == [{"image_id": thing["image_id"], "annotation_id": 9999}]
    assert said.stderr == ""


def test_the_command_does_not_load_torch(tmp_path):
    path = saved(tmp_path, healthy())
    code = "import sys; from helpers.clinic.__main__ import main; main(sys.argv[1:]); print(sorted(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, cwd=ROOT).stdout
    assert not {"'torch'", "'transformers'", "'PIL'"} & set(said.splitlines()[-1].strip("[]").split(", "))


def without(section, key=None):
    content = healthy()
    if key:
        del content[section][3][key]
    else:
        del content[section]
    return content


def with_value(section, key, value):
    content = healthy()
    content[section][3][key] = value
    return content


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is empty"),
        ("{", "cut short"),
        ('{"images": [}', "is no JSON"),
        ("[]", "holds array"),
        ("[" * 100_000, "JSON|nested|array"),
        ('{"images": 3, "annotations": [], "categories": []}', 'a list as "images"'),
        ({"images": [], "annotations": [], "categories": []}, "lists no images"),
        (without("images"), 'has no "images"'),
        (without("annotations"), 'has no "annotations"'),
        (without("categories"), 'has no "categories"'),
        (without("annotations", "bbox"), r'annotations\[3\] has no "bbox"'),
        (without("annotations", "image_id"), r'annotations\[3\] has no "image_id"'),
        (without("images", "id"), r'images\[3\] has no "id"'),
        (with_value("annotations", "bbox", [1, 2, 3]), r"\[3\]\.bbox"),
        (with_value("annotations", "bbox", [1, "2", 3, 4]), r"\[3\]\.bbox\[1\] should be a number and is str"),
        (with_value("annotations", "category_id", "3"), r"\[3\]\.category_id should be int and is str"),
        (with_value("annotations", "image_id", "3"), r"\[3\]\.image_id should be int"),
        (with_value("images", "width", "640"), r"images\[3\]\.width should be"),
        (with_value("annotations", "bbox", [1, float("nan"), 3, 4]), "holds NaN"),
        (with_value("annotations", "bbox", [1, float("inf"), 3, 4]), "holds Infinity"),
        (with_value("annotations", "bbox", None), r"\[3\]\.bbox should be array"),
        (with_value("annotations", "id", 2**70), "64 bits|out of range"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(tmp_path, capsys, content, sentence):
    assert main([str(saved(tmp_path, content))]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert re.search(sentence, said.err)
    assert said.err.count("\n") == 1
    assert said.err.endswith(".\n")


def test_a_file_that_is_too_large_missing_or_a_folder(tmp_path, capsys):
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(2**31)
    for path, sentence in ((large, "2.1 GB"), (tmp_path / "none.json", "not there"), (tmp_path, "is a folder")):
        assert main([str(path)]) == 2
        assert sentence in capsys.readouterr().err
    path = str(saved(tmp_path, healthy()))
    for folder, sentence in ((tmp_path / "none", "is no folder"), (tmp_path, "holds none of the 24 images")):
        assert main([path, "--images", str(folder)]) == 2
        assert sentence in capsys.readouterr().err
    assert main([path, "--report", str(tmp_path / "none" / "report.html")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_byte_order_mark_is_no_fault(tmp_path):
    path = tmp_path / "annotations.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(healthy(origin="ours")).encode())
    assert examine(path).status == 0


def test_every_finding_of_the_catalogue_is_planted_by_a_test():
    text = Path(__file__).read_text(encoding="utf-8")
    unplanted = [name for name in CATALOGUE if f'"{name}"' not in text]
    assert unplanted == []
