// A prebuilt extension of JupyterLab: a widget that is stored in a notebook always opens.
//
// JupyterLab's widget manager first asks the kernel for its widgets and then reads those of the notebook's file. When the
// connection to the kernel comes up between the two, it asks the kernel once more, and the end of that counts as the end
// of everything: an output that looks for its model then is told "model not found" for good. And where the kernel never
// answers, outputs say "Loading widget..." for good. So whoever looks for a model that the file has gets it from there.

const STATE = "application/vnd.jupyter.widget-state+json";
const PATIENCE = 15_000; // milliseconds for a kernel that does not answer; one that is busy is waited for
const PAUSE = 100;

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
  const busy = manager.kernel?.connectionStatus === "connected" && manager.kernel.status === "busy";
  return !busy && Date.now() - since > PATIENCE;
}

function healWidgetManager({ WidgetManager }) {
  const getModel = WidgetManager.prototype.get_model;
  WidgetManager.prototype.get_model = async function (id) {
    const since = Date.now();
    while (!this.has_model(id) && storedWidgets(this)?.state?.[id]) {
      if (this.restoredStatus || isSilent(this, since)) await loadStored(this);
      else await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
    return getModel.call(this, id);
  };
}

const plugin = {
  id: "set-prediction-loss:stored-widgets",
  description: "A widget that is stored in a notebook always opens.",
  autoStart: true,
  async activate() {
    const widgets = window._JUPYTERLAB?.["@jupyter-widgets/jupyterlab-manager"];
    if (widgets) healWidgetManager((await widgets.get("./extension"))());
  },
};

window._JUPYTERLAB = window._JUPYTERLAB ?? {};
window._JUPYTERLAB["set-prediction-loss"] = {
  init() {},
  get: async () => () => ({ __esModule: true, default: plugin }),
};
