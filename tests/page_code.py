"""Run the widgets' page code in Node, so that its numbers can be compared with Python's."""

import json
import shutil
import subprocess

from missing import skip_without

from helpers.widgets.playground_presets import PRESETS

FITTING = [name for name in PRESETS if name != "more objects than predictions"]


def call_page(piece, function, arguments):
    """Call an exported function once for each list of arguments; its results, with null for NaN.

    Args: piece: a widget class; function: the name of an export; arguments: a list of argument lists.
    """
    return run_page(piece, f"return data.map((list) => {function}(...list));", arguments)


def run_page(piece, body, data=None):
    """What the body of a function in the piece's module returns; it finds `data` there, as JSON can hold it."""
    node = shutil.which("node")
    if node is None:
        skip_without("Node")
    code = getattr(piece._esm, "default_value", piece._esm)
    program = f"{code}\nconst result = ((data) => {{ {body} }})({json.dumps(data)});\n"
    program += "console.log(JSON.stringify(result));"
    done = subprocess.run(
        [node, "--input-type=module"], input=program, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def scene_state(piece):
    """The scene of a piece as its page code takes it."""
    return {
        "boxes": piece.boxes,
        "logits": piece.logits,
        "targetBoxes": piece.target_boxes,
        "labels": piece.labels,
    }
