"""One notebook's checks, in a process of its own, which makes a process for each answer.

`Room` is the side that marks; `python -m helpers.checks.marking.room 04` is the other. They speak
in lines of JSON. The room makes once what its checks need; each answer gets a copy of it (fork).
"""

import importlib
import json
import os
import pkgutil
import re
import select
import signal
import subprocess
import sys
import time
import warnings
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from helpers.checks.marking.borrowed import watching
from helpers.checks.marking.exercises import course

ROOT = Path(__file__).parents[3]
PASSED_ON = ("PATH", "LANG", "MPLCONFIGDIR", "SYSTEMROOT")  # of the environment; nothing secret
LONGEST = 600  # characters of a verdict that are kept
START = 600  # seconds that a room may take to open: a guard, on whatever machine


class Room:
    """The checks of a notebook, open for answers; a context.

    Args: its number; the sheet's folder; seconds and MiB that one answer may take.
    """

    def __init__(self, number, folder, seconds, memory):
        self.command = [
            sys.executable,
            "-s",
            "-Wignore",
            "-m",
            __name__,
            number,
            str(folder),
            str(seconds),
            str(memory),
        ]

    def __enter__(self):
        kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        import matplotlib

        self.folder = TemporaryDirectory()
        environment = kept | {
            "HOME": self.folder.name,
            "PYTHONPATH": str(ROOT),
            "MPLCONFIGDIR": matplotlib.get_configdir(),
            "MPLBACKEND": "Agg",
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
        }
        pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
        self.process = subprocess.Popen(
            self.command, env=environment, cwd=self.folder.name, text=True, **pipes
        )
        return self

    def mark(self, exercise, code):
        """What the check says of an answer: {"said": verdict and hint, "seconds": ...}."""
        try:
            self.process.stdin.write(json.dumps([exercise, code]) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise RuntimeError(f"the checks have stopped: {' '.join(self.command)}")
        return json.loads(line)

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


def main(arguments):
    """Open a room, then answer each line of the standard input with one."""
    number, folder, seconds, memory = arguments
    replies, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: SIM115
    gettempdir()  # looked for once: a process that may fill no file finds none
    sheet = course(folder)[number]
    names, verdicts = furnished(sheet)
    for line in sys.stdin:
        exercise, code = json.loads(line)
        verdicts.clear()
        reply = in_a_process(
            lambda e=exercise, c=code: judge(sheet.exercises[e], c, names, verdicts),
            float(seconds),
            int(memory),
        )
        print(json.dumps(reply), file=replies, flush=True)


def furnished(sheet):
    """The names that the checks of a notebook need, and a list in which verdicts will collect.

    Checks print; here they print into that list, and nobody else does.
    """
    from helpers import checks, figures

    verdicts = []
    for module in pkgutil.iter_modules(checks.__path__):
        if not module.ispkg and not module.name.startswith("__"):
            found = importlib.import_module(f"helpers.checks.{module.name}")
            found.print = verdicts.append
    checks.print = verdicts.append
    figures.show = lambda figure, caption: figures.plt.close(figure)
    names = {"__name__": "__main__"}
    for source in sheet.needs:
        run(source, names)
    for exercise in sheet.exercises.values():
        if re.match(r"\w+ = check_", exercise.check):  # what later code may use: that of helpers
            stub = dict(names)
            run(exercise.stub, stub)
            run(exercise.check, stub)
            used = exercise.check.partition(" ")[0]
            names[used] = stub[used]
    return names, verdicts


def run(code, names):
    """Run code in a namespace, without its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(code, "<cell>", "exec"), names)


def judge(exercise, code, names, verdicts):
    """What the check says of an answer; first, in brackets, what of the library the answer used."""
    given, seen = dict(names), set()
    try:
        run(code, given)
        asked = given[exercise.name]
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        return f"not yet: its definitions raise {said}. Hint: run the notebook from the top."

    @wraps(asked, updated=())
    def watched(*arguments, **options):
        with watching(exercise.name, seen):
            answer = asked(*arguments, **options)
            return list(answer) if hasattr(answer, "__next__") else answer

    run(exercise.check, names | {exercise.name: watched})
    said = " ".join(str(verdict) for verdict in verdicts)
    return f"[{', '.join(sorted(seen))}] {said}" if seen else said


def in_a_process(work, seconds, memory):
    """What `work` returns, from a process of its own that is stopped at its limits."""
    reader, writer = os.pipe()
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _work_and_leave(work, writer, seconds, memory)
    os.close(writer)
    said, in_time = _read(reader, seconds)
    os.close(reader)
    for kill in (os.killpg, os.kill):
        try:
            kill(child, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
    os.waitpid(child, 0)
    passed = round(time.perf_counter() - began, 1)
    return {"said": said if said else "crashed" if in_time else "too slow", "seconds": passed}


def _read(reader, seconds):
    """All that comes out of a pipe until it is closed; and whether it was, in time."""
    parts, end = [], time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if not select.select([reader], [], [], left)[0]:
            break
        if not (part := os.read(reader, 65_536)):
            return b"".join(parts).decode(), True
        parts.append(part)
    return "", False


def _work_and_leave(work, writer, seconds, memory):
    said = "crashed"
    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        _limit(seconds, memory)
        said = work()
    except MemoryError:
        said = "too much memory"
    except BaseException as error:  # also what ends a process
        said = f"not yet: it stops the check with {type(error).__name__}: {error}"
    finally:
        try:
            os.write(writer, said[:LONGEST].encode())
        finally:
            os._exit(0)


def _limit(seconds, memory):
    """Let the system stop this process: processor time, and on Linux memory; no file is filled."""
    import resource

    cpu = int(seconds) + 1
    limits = {"RLIMIT_CPU": cpu, "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0}
    if (status := Path("/proc/self/statm")).exists():
        used = int(status.read_text().split()[0]) * resource.getpagesize()
        limits["RLIMIT_AS"] = used + memory * 2**20
    for name, most in limits.items():
        hard = resource.getrlimit(getattr(resource, name))[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(getattr(resource, name), (most, most))


if __name__ == "__main__":
    main(sys.argv[1:])
