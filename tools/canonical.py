"""One form for every built notebook: the same inputs and outputs always give the same bytes.

Jupyter leaves things behind that change from run to run: random cell ids, random widget ids, version numbers.
They would turn every rebuild into a diff that nobody can review, so this module replaces or drops them.
"""

import hashlib
import json
import re
from collections import Counter

import nbformat

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE_INFO = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}
OWN_METADATA = "set_prediction_loss"  # where a built notebook remembers its inputs
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
VOLATILE_CELL_METADATA = {"ExecuteTime", "collapsed", "execution", "scrolled", "slideshow", "trusted"}


def canonical(notebook):
    """Return a copy of `notebook` with fixed metadata, cell ids and widget ids. Once is enough."""
    metadata = {"kernelspec": KERNELSPEC, "language_info": LANGUAGE_INFO}
    for key in ("widgets", OWN_METADATA):
        if notebook.metadata.get(key):
            metadata[key] = notebook.metadata[key]
    ids = cell_ids(notebook.cells)
    cells = [_canonical_cell(cell, name) for cell, name in zip(notebook.cells, ids, strict=True)]
    plain = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
    return nbformat.from_dict(_renumber_widgets(json.loads(json.dumps(plain))))


def to_text(notebook):
    """The text of the .ipynb file, as JupyterLab would write it."""
    return nbformat.writes(notebook, version=4) + "\n"


def cell_ids(cells):
    """One id per cell, from its content: inserting a cell leaves the ids of the others alone."""
    seen = Counter()
    ids = []
    for cell in cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        seen[digest] += 1
        ids.append(digest if seen[digest] == 1 else f"{digest}-{seen[digest]}")
    return ids


def _canonical_cell(cell, name):
    metadata = {key: value for key, value in cell.metadata.items() if key not in VOLATILE_CELL_METADATA}
    metadata["slideshow"] = {"slide_type": slide_type(cell)}
    result = {"cell_type": cell.cell_type, "id": name, "metadata": metadata, "source": cell.source}
    if cell.cell_type == "code":
        result["execution_count"] = cell.get("execution_count")
        result["outputs"] = joined([_canonical_output(output) for output in cell.get("outputs", [])])
    return result


def joined(outputs):
    """Outputs with neighbouring streams of one name as one: a kernel sends what is printed in pieces, by the clock."""
    whole = []
    for output in outputs:
        before = whole[-1] if whole else {}
        if output["output_type"] == "stream" and before.get("name") == output["name"]:
            whole[-1] = {**before, "text": before["text"] + output["text"]}
        else:
            whole.append(output)
    return whole


def slide_type(cell):
    """The cell's part in a talk, for any program that shows notebooks as slides: each heading begins a slide.

    `make slides` and `make lecture` cut finer, by what fits.
    """
    if "colab" in cell.metadata.get("tags", []):
        return "skip"
    if cell.cell_type == "markdown":
        return "slide" if re.match(r"#{1,2} ", cell.source) else "subslide"
    return "-"


def _canonical_output(output):
    """The output, with the memory address taken out of a widget's text form."""
    data = output.get("data", {})
    if WIDGET_VIEW not in data or "text/plain" not in data:
        return output
    text = re.sub(r" at 0x[0-9a-f]+>", ">", data["text/plain"])
    return {**output, "data": {**data, "text/plain": text}}


def _renumber_widgets(notebook):
    """Replace the random ids of widget models by 1, 2, 3, ... in the order in which a reader meets them."""
    stored = notebook["metadata"].get("widgets", {}).get(WIDGET_STATE)
    if not stored:
        return notebook
    for model in stored["state"].values():
        if "msg_id" in model["state"]:  # an Output widget notes the last message it saw
            model["state"]["msg_id"] = ""
        model["state"] = _as_the_page_writes(model["state"])
    order = _models_in_order(notebook, stored["state"])
    names = {old: f"{number:032x}" for number, old in enumerate(order, start=1)}
    text = re.sub(
        r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])",
        lambda match: names.get(match[0], match[0]),
        json.dumps(notebook),
    )
    return json.loads(text)


def _as_the_page_writes(value):
    """1.0 as 1: JavaScript knows no other way, and a notebook saved from the page shall not differ from a built one."""
    if isinstance(value, dict):
        return {key: _as_the_page_writes(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_as_the_page_writes(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _models_in_order(notebook, state):
    """Ids of the widget models: shown ones first, each followed by the models it refers to, then the rest."""
    order = []

    def visit(model_id):
        if model_id in state and model_id not in order:
            order.append(model_id)
            text = json.dumps(state[model_id], sort_keys=True)
            for reference in re.findall(r"IPY_MODEL_([0-9a-f]+)", text):
                visit(reference)

    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            visit(output.get("data", {}).get(WIDGET_VIEW, {}).get("model_id"))
    for model_id in state:
        visit(model_id)
    return order
