"""The table of marks: one row for each student and exercise."""

import csv
import re
from pathlib import Path
from typing import NamedTuple

from helpers.checks.marking.exercises import NOTEBOOKS, calls_check, course
from helpers.checks.marking.room import Room
from helpers.checks.marking.rules import objection
from helpers.checks.marking.submissions import answer, cells_of, submissions

SECONDS, MEMORY = 60, 2048  # that one answer may take; MiB
OUT_OF_MEMORY = r"raises MemoryError|DefaultCPUAllocator|Unable to allocate"
VERDICTS = {
    "correct": "the check says so",
    "not yet": "the check says so, and gives a hint",
    "uses the answer": "correct, but the library's own function did what was to be written",
    "not attempted": "the stub as it was",
    "too slow": "stopped at the limit of time",
    "too much memory": "stopped at the limit of memory",
    "crashed": "its process died",
    "not run": "a person should read it first: it does more than mathematics",
    "unreadable": "no notebook, or no Python",
    "not handed in": "no such function in any of the student's files",
}


class Mark(NamedTuple):
    """A row of the table."""

    student: str
    exercise: str
    verdict: str
    hint: str = ""
    seconds: float = 0.0


class Handed(NamedTuple):
    """What one student handed in: the cells of each file by its name, and files that failed."""

    cells: dict
    failed: dict


def mark(folder, numbers=(), seconds=SECONDS, memory=MEMORY, notebooks=NOTEBOOKS):
    """Yield the marks of all students in a folder, notebook by notebook.

    Args: `numbers`: of notebooks, such as "04"; by default those of which something was handed in.

    >>> list(mark("no such folder"))
    []
    """
    handed = {student: _read(files) for student, files in submissions(folder).items()}
    for number, sheet in course(notebooks).items():
        answers = {
            (student, name): _answer(number, name, files)
            for student, files in handed.items()
            for name in sheet.exercises
        }
        found = any(given.code is not None for given in answers.values())
        if (number in numbers) if numbers else found:
            yield from _marked(number, answers, (str(notebooks), seconds, memory), handed)


def _marked(number, answers, limits, handed):
    with Room(number, *limits) as room:
        for (student, name), given in answers.items():
            yield Mark(student, f"{number} {name}", *_verdict(room, name, given, handed[student]))


def _verdict(room, name, given, handed):
    """Verdict, hint and seconds for one answer."""
    if given.code is None:
        if given.fault:
            return "unreadable", given.fault
        if handed.failed:
            return "unreadable", "; ".join(
                f"{file}: {said}" for file, said in handed.failed.items()
            )
        return ("not handed in",)
    try:
        said = objection(given.code)
    except (RecursionError, MemoryError):
        said = "it is nested too deeply"
    if said:
        return "not run", f"{said}. Read it before you run it."
    reply = room.mark(name, given.code)
    return *in_words(reply["said"], given.runs), reply["seconds"]


def in_words(said, runs=()):
    """Verdict and hint from what a check said.

    >>> in_words("[helpers.giou_cost] correct: they agree.")
    ('uses the answer', 'helpers.giou_cost. correct: they agree.')
    >>> in_words("not yet: it is 3. Hint: add them.")
    ('not yet', 'it is 3. Hint: add them.')
    """
    said = re.sub(r"Further down, .*? used( in its place)?\.", "", said)
    used, said = re.match(r"(?:\[(.*?)\] )?(.*)", " ".join(said.split())).groups()
    if said.startswith("not yet") and re.search(OUT_OF_MEMORY, said):
        return "too much memory", ""
    verdict = next((name for name in VERDICTS if said.startswith(name)), "crashed")
    if verdict == "correct" and used:
        return "uses the answer", f"{used}. {said}"
    missing = re.search(r"NameError: name '(\w+)' is not defined", said)
    if missing and missing[1] in runs:
        said += " Marking takes definitions, imports and constants: no cell is run."
    hint = re.sub(rf"^{verdict}( yet)?[:,]? ?", "", said)
    return verdict, f"{hint} ({used})" if used else hint


def _read(files):
    handed = Handed({}, {})
    for path in files:
        try:
            handed.cells[str(path)] = cells_of(path)
        except (OSError, ValueError) as error:
            handed.failed[path.name] = str(error)
    return handed


def _answer(number, name, handed):
    """The answer to an exercise in a student's files."""
    found = [answer(name, [])]
    for file, cells in handed.cells.items():
        numbers = re.findall(r"(?<!\d)\d\d(?!\d)", Path(file).name)
        if number[:2] in numbers or not numbers:  # 07b's answers may stand in a file of 07
            own = number[:2] in numbers or any(calls_check(cell, name) for cell in cells)
            found.append(answer(name, cells, own))
    return max(found, key=lambda given: (given.code is not None, bool(given.fault)))


def write(marks, path):
    """Write marks as CSV, as they come; give them back as a list."""
    kept = []
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(Mark._fields)
        for row in marks:
            table.writerow([_plain(value) for value in row])
            file.flush()
            kept.append(row)
    return kept


def _plain(value):
    """No formula: a spreadsheet would compute what begins with one of these signs."""
    return (
        f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value
    )
