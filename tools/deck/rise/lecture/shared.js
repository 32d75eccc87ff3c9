// ipywidgets names a module that JupyterLab shares with its extensions and jupyterlab-rise does not, and fails without.
// It can do without what is in the module; so the name is enough.
window._JUPYTERLAB.lecture = {
  init(shared) {
    shared["@jupyterlab/console"] ??= { "4.6.2": { get: async () => () => ({ IConsoleTracker: {} }), from: "lecture" } };
  },
};

// Keys inside a piece are the piece's; the keys of a presenter's remote always turn the slide. The notebook's own keys
// rest while it is marked as being written in.
const pieceOf = ({ target }) => target.closest(".spl, .jupyter-widgets");
const mark = (event) =>
  pieceOf(event)?.closest(".jp-Notebook")?.classList.toggle("jp-mod-readWrite", event.type === "focusin");
document.addEventListener("focusin", mark);
document.addEventListener("focusout", mark);
document.body.addEventListener("keydown", (event) => {
  if (pieceOf(event) && !event.key.startsWith("Page")) event.stopPropagation();
});

// The speaker's window shows all that is in a note: its source, too, unless that is hidden.
function hideSources() {
  for (const source of document.querySelectorAll("aside.notes .jp-InputArea-editor")) source.hidden = true;
}
for (const kind of ["ready", "slidechanged", "keydown"]) document.addEventListener(kind, hideSources, true);
