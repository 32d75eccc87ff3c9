"""The three descriptions of the environment agree, Binder understands ours, and the module stays light."""

import ast
import importlib
import importlib.metadata
import importlib.util
import json
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml
from missing import skip_without
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers._moved import MOVED
from tools.constraints import GPU_ONLY, LEFT_OUT
from tools.inputs import imported_files

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "helpers"
CONDA_NAMES = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base"}
HEAVY = ("transformers", "accelerate", "matplotlib", "sklearn", "pycocotools", "IPython", "ipywidgets", "anywidget")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]


def direct(extras=PROJECT["optional-dependencies"]):
    """The requirements that pyproject.toml names, those of its extras included, by name."""
    lines = PROJECT["dependencies"] + [line for extra in extras for line in PROJECT["optional-dependencies"][extra]]
    return {canonicalize_name(Requirement(line).name): Requirement(line) for line in lines}


def pinned():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    parts = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in parts}


def conda_requirements():
    """The packages of environment.yml, those that pip installs included, by name."""
    lines = [line for line in CONDA if isinstance(line, str)]
    lines += [line for part in CONDA if isinstance(part, dict) for line in part["pip"] if not line.startswith("-e")]
    found = (Requirement(line) for line in lines if line != "pip" and not line.startswith("python="))
    return {canonicalize_name(requirement.name): requirement for requirement in found}


@pytest.mark.parametrize("name", direct())
def test_constraints_pin_every_direct_dependency_within_its_range(name):
    assert pinned()[name] in direct()[name].specifier


@pytest.mark.parametrize("name", direct())
def test_every_range_is_bounded(name):
    assert {">=", "<"} <= {part.operator for part in direct()[name].specifier}


def test_environment_yml_asks_for_the_same_ranges():
    expected = {CONDA_NAMES.get(name, name): requirement.specifier for name, requirement in direct(["lab"]).items()}
    found = {name: requirement.specifier for name, requirement in conda_requirements().items()}
    assert found == expected


def test_constraints_pin_what_the_direct_dependencies_bring():
    missing, waiting, seen = [], list(direct()), set()
    while waiting:
        name = waiting.pop()
        if name in seen or name in LEFT_OUT or name.startswith(GPU_ONLY):
            continue
        seen.add(name)
        if name not in pinned():
            missing.append(name)
        waiting.extend(needed_by(name))
    assert missing == []


def needed_by(name):
    """Names of the packages that an installed package asks for on this machine."""
    return [canonicalize_name(need.name) for need in needs(name)]


def needs(name):
    """What an installed package asks for on this machine."""
    try:
        found = map(Requirement, importlib.metadata.requires(name) or [])
    except importlib.metadata.PackageNotFoundError:
        return []
    return [need for need in found if not need.marker or need.marker.evaluate({"extra": ""})]


# The packages of a kernel that runs, in Colab's versions: an install there must not replace them.
KERNEL = {"ipykernel": "6.17.1", "ipython": "7.34.0", "ipywidgets": "7.7.1", "jupyter-client": "7.4.9"}


def test_a_plain_install_leaves_the_running_kernel_alone():
    waiting, seen = [Requirement(line) for line in PROJECT["dependencies"]], set()
    while waiting:
        need = waiting.pop()
        name = canonicalize_name(need.name)
        if name in KERNEL:
            assert KERNEL[name] in need.specifier, f"pip would replace {name} {KERNEL[name]}: {need}"
        elif name not in seen:
            waiting.extend(needs(name))
        seen.add(name)
    assert {"anywidget", "ipywidgets", "torch"} <= seen
    assert not {"jupyterlab", "jupyter-client", "ipykernel"} & {canonicalize_name(name) for name in direct([])}


def test_torch_is_pinned_without_a_build_tag():
    assert pinned()["torch"] == "2.13.0"


def test_binder_can_render_the_image_recipe():
    if not importlib.util.find_spec("repo2docker"):
        skip_without("repo2docker")
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--no-run", "--debug", str(ROOT)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    recipe = result.stdout + result.stderr
    assert "python=3.11" in recipe
    whole_repository = recipe.index("COPY --chown=")
    environment = recipe.index('env update -p ${NB_PYTHON_PREFIX} --file "environment.yml"')
    assert whole_repository < environment < recipe.rindex("postBuild"), "`-e .` needs the repository first"


def test_importing_helpers_is_light():
    code = "import json, sys, helpers; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert set(HEAVY) & set(json.loads(result.stdout)) == set()


def test_a_former_name_says_where_its_module_is_now():
    for former, now in MOVED.items():
        with pytest.raises(ModuleNotFoundError, match=f"now helpers.{now};"):
            importlib.import_module(f"helpers.{former}")
        assert importlib.util.find_spec(f"helpers.{now}")


def test_helpers_have_no_import_cycle():
    graph = {}
    for path in PACKAGE.rglob("*.py"):
        found = imported_files(path.read_text(encoding="utf-8"), PACKAGE, path.parent)
        graph[path] = {other for other in found if other.name != "__init__.py"} - {path}
    assert len(list(TopologicalSorter(graph).static_order())) == len(graph)  # raises on a cycle


def test_helpers_import_only_what_the_project_asks_for():
    names = {"PIL": "pillow", "sklearn": "scikit-learn", "huggingface_hub": "huggingface-hub"}
    names |= {"IPython": "ipython", "lap": "lapx"}
    allowed = direct([]).keys() | {"helpers"} | {"ipywidgets", "ipython", "traitlets"}  # the last three: by anywidget
    allowed |= {"ipykernel"}  # asked for its version, where it is
    for path in PACKAGE.rglob("*.py"):
        for top in imported_packages(path) - set(sys.stdlib_module_names):
            assert canonicalize_name(names.get(top, top)) in allowed, f"{path.name} imports {top}"


def imported_packages(path):
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    whole = {alias.name.split(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return whole | {n.module.split(".")[0] for n in nodes if isinstance(n, ast.ImportFrom) and not n.level}


@pytest.mark.parametrize("check", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_ruff_is_clean(check):
    result = subprocess.run([sys.executable, "-m", "ruff", *check, "."], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stdout
