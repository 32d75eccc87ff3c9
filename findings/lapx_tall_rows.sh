#!/usr/bin/env bash
# lapx 0.11.1: `lapjvx` says that it returns row and column indices "as in scipy". For a matrix with more rows than columns
# scipy's rows rise; lapjvx's follow the columns. Code that relies on sorted rows, as DETR's matchers do, takes wrong pairs.
# Guess before the run: sorted, like scipy's.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m pip install -q --disable-pip-version-check --target "$folder" lapx==0.11.1 scipy==1.17.1 numpy==2.4.6
PYTHONPATH=$folder python3 - <<'PY'
import sys
import lap
import numpy as np
from scipy.optimize import linear_sum_assignment

cost = np.array([[9.0, 1.0], [1.0, 9.0], [5.0, 5.0], [0.0, 3.0]])
rows, columns = lap.lapjvx(cost, extend_cost=True, return_cost=False)
usual = linear_sum_assignment(cost)
print("scipy 1.17.1 ", usual[0].tolist(), usual[1].tolist())
print("lapx 0.11.1  ", rows.tolist(), columns.tolist())
sys.exit(not (usual[0].tolist() == [0, 3] and rows.tolist() == [3, 0] and columns.tolist() == [0, 1]))
PY
