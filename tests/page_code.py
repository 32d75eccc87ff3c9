"""Run functions of the widgets' page code in Node, so that their numbers can be compared with Python's."""

import json
import shutil
import subprocess

from missing import skip_without


def call_page(piece, function, arguments):
    """Call an exported function once for each list of arguments; its results, with null for NaN.

    Args: piece: a widget class; function: the name of an export; arguments: a list of argument lists.
    """
    node = shutil.which("node")
    if node is None:
        skip_without("Node")
    code = getattr(piece._esm, "default_value", piece._esm)
    program = f"{code}\nconst results = {json.dumps(arguments)}.map((list) => {function}(...list));\n"
    program += "console.log(JSON.stringify(results));"
    done = subprocess.run(
        [node, "--input-type=module"], input=program, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)
