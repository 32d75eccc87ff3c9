"""How much memory a notebook's kernel takes, for the tests and for `make bench`. Linux only."""

import re
import threading
from pathlib import Path

import psutil


class MemoryWatch:
    """Sample the memory of a process and its children; `peak` is the largest sum seen, in bytes.

    Pages that processes share are split among them (the proportional set size), so that nothing is counted twice. Pages
    of files, as of torch's libraries, count in full, but once: what else has them open, such as a second kernel, must
    not make this one look smaller.
    """

    def __init__(self, pid, interval=0.2):
        self.process, self.interval, self.peak = psutil.Process(pid), interval, 0
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()

    def _watch(self):
        while True:
            self.peak = max(self.peak, self._now())
            if self.stopped.wait(self.interval):
                return

    def _now(self):
        own, files = 0, [0]
        try:
            for process in [self.process, *self.process.children(recursive=True)]:
                shares, whole = (_kilobytes(process.pid, name) for name in ("smaps_rollup", "status"))
                own += shares["Pss_Anon"] + shares["Pss_Shmem"]
                files.append(whole["RssFile"])
        except (psutil.Error, OSError, KeyError):  # a process that ended between listing and reading
            pass
        return 1024 * (own + max(files))


def _kilobytes(pid, name):
    """The numbers of a file in /proc/PID, by name."""
    text = Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8")
    return {field: int(number) for field, number in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)}
