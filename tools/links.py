"""Tell everything that this repository now has an address: `python -m tools.links owner/name`.

The README gets links that open each notebook on Binder and in Colab, below its name in the course table. The source of
each notebook gets a folded cell that installs `helpers` where it is missing, as on Colab, and does nothing elsewhere.
CITATION.cff gets the address. A second call changes nothing, a call with another name replaces the old one.
"""

import re
import sys

from tools.notebooks import ROOT, sources

ADDRESS = "https://github.com/{repository}"
BINDER = "https://mybinder.org/v2/gh/{repository}/HEAD?urlpath=lab/tree/notebooks/{name}.ipynb"
COLAB = "https://colab.research.google.com/github/{repository}/blob/HEAD/notebooks/{name}.ipynb"
REPOSITORY = re.compile(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+")
# The first cell of a row: a link to a notebook, and behind it the links of an earlier call, if any.
ROW = re.compile(
    r"^(\| \[[^\]]+\]\(notebooks/(\d\d[a-z]?_\w+)\.ipynb\))(?:<br>\[Binder\]\(\S+\) · \[Colab\]\(\S+\))? \|", re.M
)
FIELD = re.compile(r"^repository-code: .*\n", re.MULTILINE)
INSTALL = """\
# %% tags=["colab"] jupyter={{"source_hidden": true}}
# On Colab, `helpers` is not there yet. Anywhere else this cell does nothing.
from importlib.util import find_spec

if find_spec("helpers") is None:
    import subprocess
    import sys

    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "git+{address}"], check=True)

"""
INSTALLED = re.compile(r'# %% tags=\["colab"\].*?(?=# %%)', re.DOTALL)
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


def install_first(source, repository):
    """A notebook's source with the cell that installs `helpers` on Colab as its second one, behind the title."""
    title, mark, rest = INSTALLED.sub("", source).partition("\n\n# %%")
    return f"{title}\n\n{INSTALL.format(address=ADDRESS.format(repository=repository))}{mark.lstrip()}{rest}"


def main(arguments, root=ROOT):
    """Rewrite the files under `root`. Without a repository's name: one sentence."""
    if len(arguments) != 1 or not REPOSITORY.fullmatch(arguments[0]):
        sys.exit(USAGE)
    rewrites = {"README.md": link_notebooks, "CITATION.cff": cite_repository}
    rewrites |= {path.relative_to(root): install_first for path in sources(root / "notebooks")}
    for name, rewrite in rewrites.items():
        path = root / name
        before = path.read_text(encoding="utf-8")
        after = rewrite(before, arguments[0])
        path.write_text(after, encoding="utf-8", newline="\n")
        print(f"{name}: {'up to date' if after == before else 'links to ' + arguments[0]}")


if __name__ == "__main__":
    main(sys.argv[1:])
