/** The page's side of the worker: one run, asked for step by step. */

import { labelLam, stopStep } from "./parameters.js";

/** A worker, and the run that it is at. */
export class Training {
  /**
   * @param {(answer: {measured: object, settled: boolean}) => void} onAnswer
   * @param {() => void} onFailure called where this browser cannot run the worker
   */
  constructor(onAnswer, onFailure) {
    this.id = 0;
    this.asked = 0;
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.worker.addEventListener("error", onFailure);
    this.worker.addEventListener("message", ({ data }) => {
      if (data.id !== this.id) return;
      this.asked -= 1;
      onAnswer(data);
    });
  }

  /** Whether an answer is still to come. */
  get busy() {
    return this.asked > 0;
  }

  /** Begins a run: the answer holds what is measured before the first step. */
  begin(values) {
    const { rho, noise, overlap, seed, lam } = values;
    this.id += 1;
    this.asked = 0;
    this.#ask({
      start: {
        world: { rho, noise, overlap, seed },
        run: { lam, labelLam: labelLam(values), stop: stopStep(values) },
      },
    });
  }

  /** Moves the step at which Mixup stops; both it and the old one must be ahead. */
  moveStop(values) {
    this.#ask({ stop: stopStep(values) });
  }

  advance(steps) {
    this.#ask({ advance: steps });
  }

  #ask(message) {
    this.asked += 1;
    this.worker.postMessage({ id: this.id, ...message });
  }

  end() {
    this.worker.terminate();
  }
}
