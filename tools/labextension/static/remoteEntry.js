// A prebuilt extension of JupyterLab: a widget that is stored in a notebook always opens, and keeps its keys to itself.

(() => {
  // --- opening ---
  // An output looks for its widget's model every 100 ms and gives up after two seconds. If JupyterLab's widget manager has
  // read the notebook's file meanwhile, in the pause after the last look, the output says "model not found" for good. So it
  // does when the connection to the kernel comes up late: then the kernel is asked once more, and the end of that counts as
  // the end of everything. And where a kernel never answers, outputs say "Loading widget..." for good. Therefore: whoever
  // looks for a model that the file has waits until it is there, and where nobody else brings it, it is read here.

  const STATE = "application/vnd.jupyter.widget-state+json";
  const PATIENCE = 15_000; // milliseconds for a kernel that does not answer; one that is busy is waited for
  const PAUSE = 50; // between two looks

  // What the notebook's file has of a model; undefined where it has nothing.
  function storedWidgets(manager) {
    const model = manager.context?.model;
    return model?.getMetadata?.("widgets")?.[STATE];
  }

  // Makes the models of the notebook's file that are not there yet. Asks no kernel: those that it has are there by now.
  async function loadStored(manager) {
    const missing = manager.filterExistingModelState(storedWidgets(manager));
    manager._get_comm_info = async () => ({});
    const loading = manager.set_state(missing); // reads the line above before it returns
    delete manager._get_comm_info;
    await loading;
  }

  function isSilent(manager, since) {
    const busy =
      manager.kernel?.connectionStatus === "connected" && manager.kernel.status === "busy";
    return !busy && Date.now() - since > PATIENCE;
  }

  function healWidgetManager({ WidgetManager }) {
    const getModel = WidgetManager.prototype.get_model;
    WidgetManager.prototype.get_model = async function (id) {
      const since = Date.now();
      while (!this.has_model(id) && storedWidgets(this)?.state?.[id]) {
        if (this.restoredStatus || isSilent(this, since)) {
          await loadStored(this);
          break;
        }
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
      }
      return getModel.call(this, id);
    };
  }

  // --- keys ---
  // In a slider or a menu of ipywidgets, too, `d d` is no command to delete the cell. Our pieces (.spl) see to their keys
  // themselves, wherever they are shown.
  function keepKey(event) {
    const widget = event.target.closest?.(".jp-OutputArea-output .jupyter-widgets");
    if (!widget || event.target.closest(".spl")) return;
    const held = event.ctrlKey || event.metaKey;
    if (event.key === "Escape") widget.closest(".jp-Cell")?.focus({ preventScroll: true });
    else if (event.key === "Enter" && (held || event.shiftKey || event.altKey)) return;
    else if (event.key.toLowerCase() === "s" && held) return;
    else event.stopPropagation();
  }

  const plugin = {
    id: "set-prediction-loss:widgets",
    description:
      "A widget that is stored in a notebook always opens, and keeps its keys to itself.",
    autoStart: true,
    async activate() {
      document.body.addEventListener("keydown", keepKey); // JupyterLab listens at the document, one step further up
      const widgets = window._JUPYTERLAB?.["@jupyter-widgets/jupyterlab-manager"];
      if (widgets) healWidgetManager((await widgets.get("./extension"))());
    },
  };

  window._JUPYTERLAB = window._JUPYTERLAB ?? {};
  window._JUPYTERLAB["set-prediction-loss"] = {
    init() {},
    get: async () => () => ({ __esModule: true, default: plugin }),
  };
})();
