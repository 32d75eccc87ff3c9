"""Marking a folder of submissions: `python -m helpers.checks submissions/`.

For each student and exercise, the reader's function and what it names (definitions, imports and
constants, never the rest of the notebook) is run in a process of its own by the check that the
reader has seen.

**What is protected.** An answer that runs too long, takes too much memory, ends its process or
prints a verdict of its own spoils its own mark alone. It can create no file and fill none: files
of any length are refused by the system. It sees none of your environment variables. Code that
imports more than mathematics, or that names what reads files, changes a library or looks behind
the scenes (`rules`), is not run at all, and you are asked to read it. An answer that calls the
library's own (`borrowed`) is told from one that is written.

**What is not protected.** Python is no cage. Who knows it well finds a way past a list of names:
such code can read your files and reach the network, and it can deceive a check that runs in the
same process. Mark what strangers send in a container or a virtual machine without a network, as a
user who owns nothing. Code that was copied, from the library's source or from a neighbour, is not
noticed. Limits of memory hold on Linux alone, where all this was tried; Windows has none of the
limits, and is refused.

In order: `exercises` (what the notebooks ask), `submissions` (who handed in what), `rules`,
`borrowed`, `room` (one notebook's checks, a process for each answer), `marks` (the table).
"""
