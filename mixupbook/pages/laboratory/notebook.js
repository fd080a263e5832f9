/** The laboratory in a notebook, by anywidget: its traits are the parameters and the results. */

import "./define.js";
import { PARAMETERS, parameter } from "./parameters.js";

const NAMES = PARAMETERS.map(({ name }) => name);

/** What Python calls None is a word here. */
function toPage(name, value) {
  if (name === "run") return Number(value);
  return value ?? parameter(name).word;
}

function toPython(name, value) {
  if (name === "run") return Boolean(value);
  return value === parameter(name).word ? null : value;
}

/** Called by anywidget for every view; what it returns is called when the view goes. */
export function render({ model, el }) {
  const laboratory = document.createElement("mixup-laboratory");
  laboratory.setAttribute("address", "off");
  // Keys pressed in it are its own: JupyterLab would cut a cell at an x.
  laboratory.setAttribute("data-lm-suppress-shortcuts", "true");
  laboratory.setAttribute("controls", model.get("controls"));
  for (const name of NAMES) laboratory.setAttribute(name, toPage(name, model.get(name)));

  laboratory.addEventListener("laboratory-change", ({ detail }) => {
    for (const name of NAMES) {
      const value = toPython(name, detail[name]);
      if (value !== model.get(name)) model.set(name, value);
    }
    model.save_changes();
  });
  laboratory.addEventListener("laboratory-rest", ({ detail }) => {
    model.set("step", detail.step);
    for (const which of ["standard", "mixup"]) {
      const { rareError } = detail[which];
      model.set(`${which}_rare_error`, Number.isNaN(rareError) ? null : rareError);
    }
    model.save_changes();
  });
  const follow = () =>
    laboratory.assign(
      Object.fromEntries(NAMES.map((name) => [name, toPage(name, model.get(name))])),
    );
  for (const name of NAMES) model.on(`change:${name}`, follow);
  const begin = () => model.get("run") && laboratory.play();
  model.on("change:run", begin);
  el.append(laboratory);
  return () => {
    for (const name of NAMES) model.off(`change:${name}`, follow);
    model.off("change:run", begin);
    laboratory.remove();
  };
}

export default { render };
