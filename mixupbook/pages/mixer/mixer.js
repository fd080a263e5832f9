/** `<mixup-mixer>`: two images under Mixup. The reader moves lambda and picks the label map. */

import { html, say, set } from "../laboratory/dom.js";
import { STYLE } from "../laboratory/style.js";
import { watchTheme } from "../laboratory/theme.js";
import { curve } from "./curve.js";
import { INDEPENDENT, labelCoefficient, percent, title, words } from "./maps.js";
import { LOOKS } from "./looks.js";

const QUIET = 400; // milliseconds without a move before the result is read out

export class Mixer extends HTMLElement {
  #end = () => {};

  connectedCallback() {
    if (!this.shadowRoot) this.#build();
    this.#end = watchTheme((dark) => this.#root.classList.toggle("dark", dark));
  }

  disconnectedCallback() {
    this.#end();
    clearTimeout(this.#saying);
  }

  #root;
  #saying;
  #examples;
  #map;
  #drawn = 0.75;

  #build() {
    this.#examples = JSON.parse(this.getAttribute("examples"));
    const maps = this.getAttribute("maps").split(" ");
    this.#map = maps[0];
    const parts = (this.parts = {
      lam: html("input", { type: "range", id: "lam", min: 0, max: 1, step: 0.01, value: 0.7 }),
      shown: html("output", { for: "lam" }),
      images: this.#examples.pixels.map(() => this.#canvas("")),
      mixed: this.#canvas("mixed"),
      shares: [html("span"), html("span")],
      bars: this.#examples.names.map((name) => bar(name)),
      again: html("button", { type: "button" }, "Draw again"),
      says: html("p", { class: "says", "aria-hidden": "true" }),
      aloud: html("p", { class: "aloud", "aria-live": "polite" }),
      curve: this.hasAttribute("curve") ? curve() : null,
    });
    parts.images.forEach((canvas, k) => this.#paint(canvas, k ? 0 : 1));
    parts.lam.addEventListener("input", () => this.#moved());
    parts.again.addEventListener("click", () => this.#draw());
    const shown = [this.#live(maps), parts.says, parts.aloud, html("slot")];
    this.#root = html("div", { class: "laboratory mixer untouched" }, ...shown);
    this.attachShadow({ mode: "open" }).append(html("style", {}, STYLE + LOOKS), this.#root);
    this.#update();
    this.#speak();
  }

  #live(maps) {
    const { lam, shown, images, mixed, shares, bars, again, curve } = this.parts;
    const div = (name, ...inner) => html("div", { class: name }, ...inner);
    const [first, second] = images.map((canvas, k) => div("image", canvas, shares[k]));
    const sum = div("sum", first, "+", second, "=", div("image", mixed, "mixed image"));
    const label = div("label", div("heading", "Label"), ...bars.map(({ node }) => node));
    const seen = div("seen", sum, label, ...(curve ? [curve.node] : []));
    const name = div("name", html("label", { for: "lam" }, "Share of the first image, λ"), shown);
    const choices = maps.map((map) => this.#choice(map, map === this.#map));
    const legend = html("legend", {}, "Label map");
    const group = html("fieldset", { class: "maps" }, legend, ...choices, again);
    return div("live", seen, div("field", name, lam), group);
  }

  #choice(map, checked) {
    const input = html("input", { type: "radio", name: "map", value: map, checked: checked && "" });
    input.addEventListener("change", () => {
      this.#map = map;
      if (map === INDEPENDENT) this.#draw();
      else this.#moved();
    });
    return html("label", { class: "check" }, input, title(map));
  }

  #canvas(name) {
    const { width, height } = this.#examples;
    const label = name ? "The mixed image" : "One of the two images";
    return html("canvas", { width, height, class: name, role: "img", "aria-label": label });
  }

  /** The two images in shares lam and 1 - lam; grey ones with dark ink on white. */
  #paint(canvas, lam) {
    const { width, height, pixels } = this.#examples;
    const [first, second] = pixels;
    const channels = first.length / (width * height);
    const context = canvas.getContext("2d");
    const picture = context.createImageData(width, height);
    for (let k = 0; k < width * height; k += 1) {
      for (let c = 0; c < 3; c += 1) {
        const at = channels === 3 ? 3 * k + c : k;
        const value = lam * first[at] + (1 - lam) * second[at];
        picture.data[4 * k + c] = Math.round(255 * (channels === 3 ? value : 1 - value));
      }
      picture.data[4 * k + 3] = 255;
    }
    context.putImageData(picture, 0, 0);
  }

  #draw() {
    this.#drawn = 0.5 + Math.random() / 2;
    this.#moved();
  }

  #moved() {
    this.#root.classList.remove("untouched");
    this.#update();
    clearTimeout(this.#saying);
    this.#saying = setTimeout(() => this.#speak(), QUIET);
  }

  #state() {
    const lam = Number(this.parts.lam.value);
    return { lam, labelLam: labelCoefficient(this.#map, lam, this.#drawn) };
  }

  /** Aloud what is written: not at every step of a slider, which nobody could listen to. */
  #speak() {
    say(this.parts.aloud, this.parts.says.textContent);
  }

  #update() {
    const { lam, labelLam } = this.#state();
    const { shown, mixed, shares, bars, again, curve } = this.parts;
    say(shown, lam.toFixed(2));
    set(this.parts.lam, { "aria-valuetext": `${percent(lam)} ${this.#examples.names[0]}` });
    this.#paint(mixed, lam);
    shares.forEach((share, k) => say(share, `× ${(k ? 1 - lam : lam).toFixed(2)}`));
    bars.forEach(({ update }, k) => update(k ? 1 - labelLam : labelLam));
    set(again, { hidden: this.#map === INDEPENDENT ? null : "" });
    curve?.update(this.#map, lam, labelLam);
    say(this.parts.says, words(this.#examples.names, lam, labelLam, Boolean(curve)));
    set(this, { "data-map": this.#map, "data-lam": lam, "data-label-lam": labelLam });
  }
}

/** A share of the label: the class, a bar and the number. */
function bar(name) {
  const fill = html("div", { class: "fill" });
  const number = html("output");
  const track = html("div", { class: "track" }, fill);
  const node = html("div", { class: "bar" }, html("span", {}, name), track, number);
  return {
    node,
    update(share) {
      fill.style.width = `${100 * share}%`;
      say(number, share.toFixed(2));
    },
  };
}
