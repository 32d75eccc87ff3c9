"""What one pass of the detector takes in the page that SceneLab computes in, beside PyTorch: part of --pieces."""

import base64
import statistics
import time
from pathlib import Path

import torch

from benchmarks.pieces import browser
from helpers.widgets import SceneLab
from helpers.widgets.scenelab_network import page_network, page_weights

PASSES = 200
COLUMNS = ("a pass of the detector", "median, ms")
# Milliseconds of so many passes, the first quarter left out: a browser compiles as it goes.
RUN = """async ([code, weights, simd, count]) => {
  const page = await import(`data:text/javascript;base64,${code}`);
  const network = page.makeNetwork(page.readTensors(page.bytesOfText(weights)), simd);
  if (network.simd !== simd) throw new Error("this browser has no SIMD");
  const pixels = page.pixelValues(new Uint8Array(49152).fill(200));
  const times = Array.from({ length: count }, () => {
    const begun = performance.now();
    network.run(pixels);
    return performance.now() - begun;
  });
  return times.slice(count / 4);
}"""


def measure():
    """Median milliseconds of a pass: in the page with SIMD and without, and by PyTorch on one thread."""
    code = base64.b64encode(SceneLab._esm.encode()).decode()
    weights = base64.b64encode(page_weights()).decode()
    with browser() as chromium:
        page = chromium.new_page()
        page.goto(Path(__file__).as_uri())  # a page of its own, from a folder
        times = {
            name: page.evaluate(RUN, [code, weights, simd, PASSES])
            for name, simd in (("page, SIMD", True), ("page, plain JavaScript", False))
        }
    times["PyTorch, one thread"] = in_pytorch()
    medians = {name: statistics.median(values) for name, values in times.items()}
    for item in medians.items():
        print(pass_line(item), flush=True)
    return medians


@torch.no_grad()
def in_pytorch():
    """Milliseconds of each pass of the same weights."""
    threads, times = torch.get_num_threads(), []
    torch.set_num_threads(1)
    model, pixels = page_network()[0], torch.zeros(1, 3, 128, 128)
    for _ in range(PASSES):
        begun = time.perf_counter()
        model(pixels)
        times.append(1000 * (time.perf_counter() - begun))
    torch.set_num_threads(threads)
    return times[PASSES // 4 :]


def pass_line(item):
    name, milliseconds = item
    return f"| {name} | {milliseconds:.1f} |"
