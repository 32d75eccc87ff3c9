"""Write constraints.txt from the packages that are installed now: `python -m tools.constraints`."""

import re
from importlib.metadata import distributions
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "constraints.txt"
# pip and setuptools belong to the environment's own tools; the project itself is installed from its folder.
LEFT_OUT = ("pip", "setuptools", "wheel", "set-prediction-loss")
# A torch with GPU support brings these; torch itself asks for their exact versions.
GPU_ONLY = ("nvidia-", "cuda-", "triton")
HEADER = (
    "# The exact versions behind `make lab`, `make test`, `make site` and `make lecture`. Made by `make constraints`.\n"
)


def pinned_lines():
    """`name==version` for every installed package, sorted; `2.13.0+cpu` becomes `2.13.0`."""
    found = {}
    for package in distributions():
        name = re.sub(r"[-_.]+", "-", package.metadata["Name"]).lower()
        if name not in LEFT_OUT and not name.startswith(GPU_ONLY):
            found[name] = package.version.split("+")[0]
    return [f"{name}=={version}" for name, version in sorted(found.items())]


if __name__ == "__main__":
    FILE.write_text(HEADER + "\n".join(pinned_lines()) + "\n", encoding="utf-8")
    print(f"{FILE.name}: {len(pinned_lines())} packages")
