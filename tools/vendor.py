"""Fetch, once, the scripts that slides and site need in a browser, so that their pages work without a network.

They come from npm, in fixed versions, into `build/web`, which git ignores; anywidget's own script is in its wheel.
"""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tools.notebooks import ROOT

WEB = ROOT / "build" / "web"
PACKAGES = {  # name and version: the files to keep
    "reveal.js@5.2.1": ("dist/reveal.js", "dist/reveal.css", "plugin/notes/notes.js", "LICENSE"),
    "mathjax@3.2.2": ("es5/tex-svg-full.js", "LICENSE"),
    "requirejs@2.3.8": ("require.js",),
    "@jupyter-widgets/html-manager@1.0.15": ("dist/embed-amd.js", "dist/embed.js.LICENSE.txt"),
}
ANYWIDGET = Path(sys.prefix, "share", "jupyter", "nbextensions", "anywidget", "index.js")
NO_NPM = "npm is needed once, to fetch reveal.js, MathJax and the widgets' scripts; it comes with Node.js."


def scripts(folder=WEB):
    """The folder with the scripts; fetched when anything is missing. Without npm, exits with a sentence."""
    if not all((folder / name).exists() for name in file_names()):
        if shutil.which("npm") is None:
            sys.exit(NO_NPM)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(ANYWIDGET, folder / "anywidget.js")
        for package, files in PACKAGES.items():
            fetch(package, files, folder)
    return folder


def file_names():
    """The names of all files that pages may ask for."""
    names = [stored_name(package, file) for package, files in PACKAGES.items() for file in files]
    return [*names, "anywidget.js"]


def stored_name(package, file):
    """A file's name in the folder; a licence says whose it is: `LICENSE` of reveal.js is `LICENSE-reveal.js`."""
    name = Path(file).name
    return f"LICENSE-{package.rsplit('@', 1)[0].split('/')[-1]}" if "LICENSE" in name else name


def fetch(package, files, folder):
    """Put `files` of an npm package into `folder`. npm checks the package against the registry's checksum.

    Each comes in whole at once: another process may look for it.
    """
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        subprocess.run(["npm", "pack", "--silent", package], cwd=temporary, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(temporary).glob("*.tgz")
        with tarfile.open(archive) as content:
            for file in files:
                whole = Path(temporary, stored_name(package, file))
                whole.write_bytes(content.extractfile(f"package/{file}").read())
                whole.replace(folder / whole.name)
