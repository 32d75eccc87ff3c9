"""What runs elsewhere, on GitHub and before a commit: it parses, and calls what is really there."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
HOOKS = ROOT / ".pre-commit-config.yaml"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def commands(path):
    """The shell commands of a workflow, line by line."""
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
    return [line for job in jobs for step in job["steps"] for line in step.get("run", "").splitlines()]


@each_workflow
def test_workflow_parses_and_is_limited(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow[True], "YAML reads the key `on` as true"
    assert workflow["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] <= 90 for job in workflow["jobs"].values())


@each_workflow
def test_workflow_calls_targets_and_tests_that_exist(path):
    targets = [line.split()[1] for line in commands(path) if line.startswith("make ")]
    assert {"test", "test-slow"} <= set(targets)
    assert set(targets) <= set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    for file, test in re.findall(r"(tests/\w+\.py)::(\w+)", path.read_text(encoding="utf-8")):
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [*WORKFLOWS, HOOKS], ids=lambda path: path.name)
def test_no_registry_is_named(path):
    assert not re.search(r"https?:|index-url|PIP_", path.read_text(encoding="utf-8"))


def test_the_workflows_install_the_same_browser():
    steps = [line for path in WORKFLOWS for line in commands(path) if "apt-get" in line]
    assert len(steps) == len(WORKFLOWS) * len(set(steps))


def test_both_parts_of_the_tests_are_all_tests():
    parts = re.findall(r"-m pytest \$\(SIDE_BY_SIDE\) -m (.+) \$\(ARGS\)", MAKEFILE)
    assert parts == ['"not slow"', "slow"]
    assert all(
        f"make {name} || " in (ROOT / ".ci" / "run").read_text(encoding="utf-8") for name in ("test", "test-slow")
    )


def test_hooks_run_what_make_lint_runs():
    (local,) = yaml.safe_load(HOOKS.read_text(encoding="utf-8"))["repos"]
    assert local["repo"] == "local"
    hooks = [hook["entry"].split()[:4] for hook in local["hooks"]]
    recipe = re.search(r"^lint:.*\n((?:\t.+\n)+)", MAKEFILE, re.MULTILINE)[1].replace("$(RUN)", ".venv/bin/python")
    assert hooks == [line.split()[:4] for line in recipe.splitlines() if "-m ruff" in line]  # biome may be missing
    assert {hook["language"] for hook in local["hooks"]} == {"system"}
