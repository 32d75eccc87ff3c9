"""Put links that open each notebook on Binder and in Colab into the README: `python -m tools.links owner/name`.

The links stand below each notebook's name in the course table. A second call changes nothing, a call with another
name replaces the links, and CITATION.cff gets the address of the repository.
"""

import re
import sys

from tools.notebooks import ROOT

ADDRESS = "https://github.com/{repository}"
BINDER = "https://mybinder.org/v2/gh/{repository}/HEAD?urlpath=lab/tree/notebooks/{name}.ipynb"
COLAB = "https://colab.research.google.com/github/{repository}/blob/HEAD/notebooks/{name}.ipynb"
REPOSITORY = re.compile(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+")
# The first cell of a row: a link to a notebook, and behind it the links of an earlier call, if any.
ROW = re.compile(
    r"^(\| \[[^\]]+\]\(notebooks/(\d\d_\w+)\.ipynb\))(?:<br>\[Binder\]\(\S+\) · \[Colab\]\(\S+\))? \|", re.M
)
FIELD = re.compile(r"^repository-code: .*\n", re.MULTILINE)
USAGE = "Name the repository on GitHub: make links REPO=owner/name"


def link_notebooks(readme, repository):
    """The README's text with two links below each notebook's name in the course table."""

    def linked(row):
        binder, colab = (address.format(repository=repository, name=row[2]) for address in (BINDER, COLAB))
        return f"{row[1]}<br>[Binder]({binder}) · [Colab]({colab}) |"

    return ROW.sub(linked, readme)


def cite_repository(citation, repository):
    """The text of CITATION.cff with the repository's address, in its field or in a new one behind the version."""
    line = f'repository-code: "{ADDRESS.format(repository=repository)}"\n'
    if FIELD.search(citation):
        return FIELD.sub(line, citation, count=1)
    return re.sub(r"^version: .*\n", lambda version: version[0] + line, citation, count=1, flags=re.MULTILINE)


def main(arguments, root=ROOT):
    """Rewrite both files under `root`. Without a repository's name: one sentence."""
    if len(arguments) != 1 or not REPOSITORY.fullmatch(arguments[0]):
        sys.exit(USAGE)
    for name, rewrite in {"README.md": link_notebooks, "CITATION.cff": cite_repository}.items():
        path = root / name
        before = path.read_text(encoding="utf-8")
        after = rewrite(before, arguments[0])
        path.write_text(after, encoding="utf-8", newline="\n")
        print(f"{name}: {'up to date' if after == before else 'links to ' + arguments[0]}")


if __name__ == "__main__":
    main(sys.argv[1:])
