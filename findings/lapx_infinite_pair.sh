#!/usr/bin/env bash
# lapx 0.11.1: what happens when every full match holds an infinite cost depends on which of its solvers is called: lapjv
# takes the infinite pair as if nothing were wrong, lapjvc leaves the row out, lapjvh raises, as scipy does.
# Guess before the run: all raise.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m pip install -q --disable-pip-version-check --target "$folder" lapx==0.11.1 scipy==1.17.1 numpy==2.4.6
PYTHONPATH=$folder python3 - <<'PY'
import sys
import lap
import numpy as np
from scipy.optimize import linear_sum_assignment

cost = np.array([[np.inf, np.inf], [1.0, 2.0]])


def said(solve):
    try:
        return [np.asarray(part).tolist() for part in solve(cost)]
    except ValueError:
        return "ValueError"


found = {
    "scipy": said(linear_sum_assignment),
    "lapjvh": said(lambda c: lap.lapjvh(c, return_cost=False)),
    "lapjv": said(lambda c: lap.lapjv(c, return_cost=False)),
    "lapjvc": said(lambda c: lap.lapjvc(c, return_cost=False)),
}
for name, answer in found.items():
    print(f"{name:8}", answer)
expected = {"scipy": "ValueError", "lapjvh": "ValueError", "lapjv": [[0, 1], [0, 1]], "lapjvc": [[1], [0]]}
sys.exit(found != expected)
PY
