"""Marking a folder: good, bad, slow, hostile (but harmless) and borrowed submissions, each with its verdict."""

import csv
import importlib.util
import json
import shutil
from pathlib import Path

import pytest
from exercise_runs import UNUSUAL_ANSWERS, WRONG_ANSWERS, answers, exercise_name, with_exercises

from helpers import checks
from helpers.checks import __main__ as command
from helpers.checks.marking.borrowed import ANSWERS
from helpers.checks.marking.exercises import NOTEBOOKS, course
from helpers.checks.marking.marks import VERDICTS, Mark, in_words, mark, write
from helpers.checks.marking.rules import objection
from helpers.checks.marking.submissions import answer, submissions
from tools.notebooks import number_of

SOLUTIONS = NOTEBOOKS / "source" / "solutions"
NAMES = {number_of(path.stem): path.stem for path in with_exercises()}
PATIENCE = 600  # seconds: a guard on a busy machine, where the limit is not what is tested
RIGHT = "def class_cost(logits, class_labels):\n    return -logits.softmax(-1)[:, class_labels]\n"


def marked(folder, number="04", **options):
    """The marks of one notebook: {(student, exercise): mark}."""
    found = mark(folder, [number], **{"seconds": PATIENCE} | options)
    return {(row.student, row.exercise.partition(" ")[2]): row for row in found}


def hand_in(folder, student, code):
    (folder / student).mkdir(parents=True, exist_ok=True)
    (folder / student / "04.py").write_text(code, encoding="utf-8")


# What each of them should get for `class_cost`, and a word of the hint.
SUBMISSIONS = {
    "good": (RIGHT, "correct", "on five targets"),
    "helped": ("import torch\ndef soft(z):\n    return torch.softmax(z, -1)\n" + RIGHT, "correct", ""),
    "names_its_libraries": (
        "import torch.nn.functional as F, torch.linalg, torch.nn\nSIGN = -1\n"
        "def class_cost(z, c):\n    return SIGN * F.softmax(torch.nn.Identity()(z), -1)[:, c]\n",
        "correct",
        "",
    ),
    "bad": ("def class_cost(z, c):\n    return z.softmax(-1)[:, c]\n", "not yet", "Hint"),
    "raises": ("def class_cost(z, c):\n    return z.soft_max(-1)\n", "not yet", "it raises AttributeError"),
    "needs_a_run": (
        "import torch\nsoftmax = torch.nn.Softmax(-1)\ndef class_cost(z, c):\n    return -softmax(z)[:, c]\n",
        "not yet",
        "no cell is run",
    ),
    "stub": ("def class_cost(z, c):\n    return None\n", "not attempted", ""),
    "nothing": ("print('hello')\n", "not handed in", ""),
    "borrowed": ("from helpers import class_cost\n", "uses the answer", "helpers.class_cost"),
    "borrowed_by_another_name": (
        "import helpers.costs as mine\ndef class_cost(*given):\n    return mine.class_cost(*given)\n",
        "uses the answer",
        "helpers.class_cost",
    ),
    "borrowed_from_the_matcher": (
        "import torch\nfrom helpers import HungarianMatcher as M\ndef class_cost(z, c):\n"
        "    one = {'logits': z[None], 'pred_boxes': torch.rand(1, len(z), 4)}\n"
        "    return M().cost_matrices(one, [{'class_labels': c, 'boxes': torch.rand(len(c), 4)}])[0]['class_cost']\n",
        "uses the answer",
        "helpers.HungarianMatcher",
    ),
    "never_called": ("from helpers import class_cost as other\n" + RIGHT, "correct", ""),
    "says_correct": ("def class_cost(z, c):\n    print('correct: all of it')\n    return z\n", "not yet", ""),
    "writes_the_check": (
        "def check_class_cost(f):\n    print('correct')\ndef class_cost(z, c):\n    return z\n",
        "not yet",
        "",
    ),
    "ends_it": ("def class_cost(z, c):\n    raise SystemExit('correct')\n", "not yet", "SystemExit"),
    "stops_it": ("def class_cost(z, c):\n    raise KeyboardInterrupt\n", "not yet", "KeyboardInterrupt"),
    "recursive": ("def class_cost(z, c):\n    return class_cost(z, c)\n", "not yet", "RecursionError"),
    "breaks_memory": (
        "import numpy as np\ndef class_cost(z, c):\n"
        "    return np.lib.stride_tricks.as_strided(np.zeros(1), (2,), (2**46,))[1]\n",
        "crashed",
        "",
    ),
    "bomb": ("def class_cost(z, c):\n    return bytearray(10**12)\n", "too much memory", ""),
    "tensor_bomb": ("import torch\ndef class_cost(z, c):\n    return torch.ones(10**11)\n", "too much memory", ""),
    "growing_bomb": (
        "def class_cost(z, c):\n    all = []\n    while True:\n        all.append([0] * 10**7)\n",
        "too much memory",
        "",
    ),
    "imports_os": ("import os\ndef class_cost(z, c):\n    return os.getcwd()\n", "not run", "imports `os`"),
    "imports_inside": ("def class_cost(z, c):\n    import socket\n", "not run", "imports `socket`"),
    "opens": ("def class_cost(z, c):\n    return open('/etc/hostname').read()\n", "not run", "names `open`"),
    "evaluates": ("def class_cost(z, c):\n    return eval('z')\n", "not run", "names `eval`"),
    "looks_behind": ("def class_cost(z, c):\n    return ().__class__.__base__\n", "not run", "behind the scenes"),
    "changes_torch": (
        "import torch\ndef class_cost(z, c):\n    torch.allclose = max\n    return z\n",
        "not run",
        "changes `torch`",
    ),
    "reads_the_check": (
        "from helpers.checks import costs\ndef class_cost(z, c):\n    return costs\n",
        "not run",
        "helpers.checks",
    ),
    "reaches_the_check": ("import helpers\ndef class_cost(z, c):\n    return helpers.checks\n", "not run", "`checks`"),
    "saves": ("import torch\ndef class_cost(z, c):\n    torch.save(z, 'all')\n", "not run", "names `save`"),
    "no_python": ("def class_cost(z, c:\n", "unreadable", "no Python in line 1"),
    "too_deep": ("class_cost = " + "(" * 5000 + ")" * 5000 + "\n", "unreadable", ""),
    "much_too_deep": ("def class_cost(z, c):\n    return " + "-" * 50_000 + "z\n", "unreadable", ""),
    "deep_in_words": ("def class_cost(z, c):\n    return z" + ".t()" * 3000 + "\n", None, ""),  # as Python likes
}  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("submissions")
    for student, (code, *_) in SUBMISSIONS.items():
        hand_in(folder, student, code)
    return marked(folder, memory=1024)


@pytest.mark.parametrize("student", SUBMISSIONS)
def test_each_kind_of_submission_gets_its_verdict(table, student):
    _, verdict, hint = SUBMISSIONS[student]
    row = table[student, "class_cost"]
    assert row.verdict == verdict or (verdict is None and row.verdict != "correct"), row
    assert row.verdict in VERDICTS
    assert hint in row.hint
    assert table[student, "giou"].verdict in ("not handed in", "unreadable")


def test_what_takes_too_long_is_stopped(tmp_path):
    hand_in(tmp_path, "slow", "def class_cost(z, c):\n    while True:\n        pass\n")
    hand_in(tmp_path, "asleep", "import torch\ndef class_cost(z, c):\n    while True:\n        torch.ones(10).sum()\n")
    assert {row.verdict for key, row in marked(tmp_path, seconds=1).items() if "class_cost" in key} == {"too slow"}


def test_no_file_is_left_behind(tmp_path):
    """What the list of names does not know, as numpy's writers by another name, meets the system's limit."""
    code = "import numpy as np\ndef class_cost(z, c):\n    np.ones(9).dump\n    return z\n"
    hand_in(tmp_path / "in", "dumps", code)
    aim = tmp_path / "written"
    lines = (
        f"    file = np.lib.format.open_memmap({str(aim)!r}, mode='w+', shape=(9,))\n    file[:] = 1\n    return z\n"
    )
    hand_in(tmp_path / "in", "maps", "import numpy as np\ndef class_cost(z, c):\n" + lines)
    table = marked(tmp_path / "in")
    assert table["dumps", "class_cost"].verdict == "not run"
    assert table["maps", "class_cost"].verdict == "not yet"
    assert not aim.exists() or aim.stat().st_size == 0


def as_notebook(cells):
    made = [{"cell_type": "code", "source": [cell], "metadata": {}} for cell in cells]
    return json.dumps({"cells": [{"cell_type": "markdown", "source": "# 04"}, *made]})


def test_a_notebook_is_never_run_as_a_whole(tmp_path):
    traps = ["%matplotlib inline\nimport torch", "!pip install all", "raise SystemExit", "while True: pass", "x = 1 +"]
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / "04_three_costs.ipynb").write_text(as_notebook([*traps, RIGHT, *traps]))
    (tmp_path / "bob.ipynb").write_text("no notebook")
    (tmp_path / "cleo.ipynb").write_text("[" * 100_000)
    (tmp_path / "dan.py").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "eve.py").symlink_to(SOLUTIONS / "04.py")
    (tmp_path / ".hidden.py").write_text(RIGHT)
    verdicts = {row.student: row.verdict for key, row in marked(tmp_path).items() if "class_cost" in key}
    assert verdicts == {"ann": "correct"} | dict.fromkeys(["bob", "cleo", "dan", "eve"], "unreadable")


def test_what_a_function_needs_comes_along_and_no_more():
    cells = [
        "import os, math\nfrom torch import nn",
        "n = 2\nm = n",
        "def g(): return m\nh = g()",
        "def f(): return g()",
    ]
    assert answer("f", cells).code.splitlines()[:2] == ["n = 2", "m = n"]
    assert "os" not in answer("f", cells).code
    assert answer("f", [*cells, "def f(): return 3"]).code.endswith("return 3")
    assert answer("f", [*cells, "h = f()", "def f(): return h"]).runs == {"h"}


def test_an_import_answers_an_exercise_of_its_own_notebook_alone():
    cells = ["from helpers import class_cost"]
    assert answer("class_cost", cells).code
    assert answer("class_cost", cells, of_its_notebook=False).code is None


def test_students_are_folders_or_files(tmp_path):
    for path in ("ann/04.ipynb", "ann/more/05.py", "bob.py", "ann/.ipynb_checkpoints/04.ipynb", "readme.txt"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    found = {student: [path.name for path in files] for student, files in submissions(tmp_path).items()}
    assert found == {"ann": ["04.ipynb", "05.py"], "bob": ["bob.py"]}


def test_a_number_in_its_name_says_of_which_notebook_a_file_is(tmp_path):
    hand_in(tmp_path, "ann", RIGHT)
    (tmp_path / "ann" / "04.py").rename(tmp_path / "ann" / "07_loss.py")
    assert marked(tmp_path)["ann", "class_cost"].verdict == "not handed in"


def test_the_command_writes_a_table_that_no_spreadsheet_computes(tmp_path, capsys):
    hand_in(tmp_path / "in", "=1+1", "def class_cost(z, c):\n    return None\n")
    out = tmp_path / "marks.csv"
    assert command.main([str(tmp_path / "in"), "--out", str(out)]) == 0
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert [row["exercise"] for row in rows] == ["04 class_cost", "04 giou"]
    assert (rows[0]["student"], rows[0]["verdict"], rows[0]["hint"]) == ("'=1+1", "not attempted", "")
    assert list(rows[0]) == ["student", "exercise", "verdict", "hint", "seconds"]
    assert "1 students, 2 rows" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["no such folder"], [".", "--only", "99"]])
def test_the_command_says_in_one_sentence_what_it_cannot_do(arguments, capsys):
    assert command.main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_verdicts_are_read_from_what_checks_say(tmp_path):
    assert in_words("") == ("crashed", "")
    assert in_words("not yet, for one box: no.")[0] == "not yet"
    assert write([Mark("ann", "04 giou", "correct", "@x", 0.1)], tmp_path / "m.csv")[0].hint == "@x"
    assert (tmp_path / "m.csv").read_text().splitlines()[1] == "ann,04 giou,correct,'@x,0.1"


def test_notebooks_ask_for_each_function_once():
    """A function's name says which exercise it answers."""
    names = [name for sheet in course().values() for name in sheet.exercises]
    assert len(names) == len(set(names))
    assert set(ANSWERS) <= set(names)


def test_what_is_listed_as_an_answer_is_there():
    """In `helpers`, or in `transformers`; a name that is nowhere protects nothing."""
    sources = [path.read_text(encoding="utf-8") for path in (NOTEBOOKS.parent / "helpers").rglob("*.py")]
    library = Path(importlib.util.find_spec("transformers").origin).parent
    files = [library / "image_transforms.py", *library.glob("models/yolos/*.py"), *library.glob("loss/*detection.py")]
    sources += [path.read_text(encoding="utf-8") for path in files]
    named = {name for names in ANSWERS.values() for name in names} - {"generalized_box_iou_loss"}  # of torchvision
    assert {n for n in named if not any(f"def {n}(" in text or f"class {n}" in text for text in sources)} == set()


def test_solutions_and_stubs_may_be_run():
    for sheet in course().values():
        for exercise in sheet.exercises.values():
            for source in (exercise.solution, exercise.stub):
                assert objection(answer(exercise.name, [*sheet.needs, source]).code) == ""


def test_the_checks_print_what_marking_reads():
    """Marking puts its own `print` into the files of the checks; a verdict written otherwise would be lost."""
    for path in Path(checks.__file__).parent.glob("*.py"):
        if not path.stem.startswith("__"):
            text = path.read_text(encoding="utf-8")
            assert "def check_" not in text or "print(" in text or "to_use(" in text, path.name
            assert "sys.stdout" not in text, path.name


BORROWED = {"match_batch__helpers", "set_loss__criterion"}  # right, unusual, and the library's own
ALL_MISTAKES = ("04", "05")  # the notebooks whose wrong answers are marked, too


@pytest.mark.slow
@pytest.mark.parametrize("number", NAMES)
def test_answers_are_marked_as_in_the_notebooks(number, tmp_path):
    files = {f"right-{file.stem}": file for file in answers(NAMES[number], UNUSUAL_ANSWERS)}
    if number in ALL_MISTAKES:
        files |= {f"wrong-{file.stem}": file for file in answers(NAMES[number], WRONG_ANSWERS)}
    for student, file in (files | {"solutions": SOLUTIONS / f"{number}.py"}).items():
        (tmp_path / student).mkdir()
        shutil.copy(file, tmp_path / student / f"{number}.py")
    table = marked(tmp_path, number)
    for student, file in files.items():
        row = table[student, exercise_name(file)]
        right = "uses the answer" if file.stem in BORROWED else "correct"
        assert row.verdict == (right if student.startswith("right") else "not yet"), row
    assert {row.verdict for (student, _), row in table.items() if student == "solutions"} == {"correct"}
