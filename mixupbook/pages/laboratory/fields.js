/** What controls are made of: buttons, labels with values, and groups of them. */

import { html } from "./dom.js";

let made = 0;

/** A button, called by a class and a text. */
export function button(name, onClick, text = "") {
  const made = html("button", { type: "button", class: name }, text);
  made.addEventListener("click", onClick);
  return made;
}

/** Controls under a common heading. */
export function group(title, parts) {
  const nodes = parts.map(({ node }) => node);
  return html("fieldset", { class: "group" }, html("legend", {}, title), ...nodes);
}

/**
 * What a control stands in: its label, and beside it an output for the value.
 * @param {string} name
 * @param {string} title of the control; a subscript comes after a bar
 * @param {...Element} inner the control, which is to take the `id`
 */
export function field(name, title, ...inner) {
  const id = `control-${name}-${(made += 1)}`;
  const value = html("output", { for: id });
  const [text, below] = title.split("|");
  const label = html("label", { for: id }, text, ...(below ? [html("sub", {}, below)] : []));
  const heading = html("div", { class: "name" }, label, value);
  const node = html("div", { class: "field" }, heading, ...inner);
  return { id, value, node };
}
