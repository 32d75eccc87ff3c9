"""How long the clinic's command takes for a large COCO file, and how much memory: all of it, from start to exit.

python -m benchmarks.clinic                # a million annotations
python -m benchmarks.clinic 10000 --annotations-per-image 3
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

PART = 20_000


def write_file(path, count, per_image):
    """A COCO file of `count` annotations as COCO itself writes them, without the outlines."""
    rng, images = np.random.default_rng(0), max(count // per_image, 1)
    image = '{{"license": 1, "file_name": "{0:012d}.jpg", "height": 480, "width": 640, "id": {0}}}'
    thing = (
        '{{"segmentation": [], "area": {:.2f}, "iscrowd": 0, "image_id": {}, "bbox": [{:.2f}, {:.2f}, {:.2f}, {:.2f}], '
        '"category_id": {}, "id": {}}}'
    )
    with path.open("w") as file:
        file.write(
            '{"info": {}, "images": [' + ", ".join(image.format(i) for i in range(images)) + '], "categories": ['
        )
        file.write(", ".join(f'{{"id": {k}, "name": "class {k}"}}' for k in range(80)) + '], "annotations": [')
        for start in range(0, count, PART):
            number = np.arange(start, min(start + PART, count))
            sides = rng.uniform(4, 200, (len(number), 2))
            low = rng.uniform(0, 1, sides.shape) * ((640, 480) - sides)
            columns = (sides.prod(1), number % images, *low.T, *sides.T, rng.integers(80, size=len(number)), number + 1)
            file.write((", " if start else "") + ", ".join(thing.format(*row) for row in zip(*columns)))
        file.write("]}")


def measure(path):
    """Seconds, and peak megabytes on Linux, of `python -m helpers.clinic path`; its exit status."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "helpers.clinic", str(path), "--json"], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return time.perf_counter() - began, used.ru_maxrss / 1024, process.returncode


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clinic", description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, nargs="?", default=1_000_000, help="annotations (default a million)")
    parser.add_argument("--annotations-per-image", type=int, default=8)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "annotations.json"
        write_file(path, options.count, options.annotations_per_image)
        seconds, megabytes, status = measure(path)
        size = path.stat().st_size / 1e6
    print(f"{options.count:,} annotations, {size:.0f} MB: {seconds:.1f} s, {megabytes:.0f} MB, exit status {status}")


if __name__ == "__main__":
    main()
