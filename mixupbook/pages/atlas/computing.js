/** The page's side of the worker: the maps of one setting, of which the latest counts. */

export class Computing {
  /**
   * @param {(answer: object) => void} onAnswer as the worker gives them
   * @param {() => void} onFailure called where this browser cannot run the worker
   */
  constructor(onAnswer, onFailure) {
    this.id = 0;
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.worker.addEventListener("error", onFailure);
    this.worker.addEventListener("message", ({ data }) => {
      if (data.id === this.id) onAnswer(data);
    });
  }

  ask(setting) {
    this.id += 1;
    this.worker.postMessage({ id: this.id, setting });
  }

  end() {
    this.worker.terminate();
  }
}
