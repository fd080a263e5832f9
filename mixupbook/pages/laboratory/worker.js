/** Trains in a thread of its own, so that the page never stutters. One run at a time. */

import { advance, draw, measure, settled, start } from "./engine.js";

/**
 * Answers messages, remembering the run.
 *
 * `{id, start: {world, run}}` draws a world and begins a run, `{id, stop}` moves the step at which
 * Mixup stops, `{id, advance}` takes so many steps. The answer `{id, measured, settled}` says where
 * the run is; a message about another run than the present one has no answer.
 * @returns {(message: object) => object | null}
 */
export function trainer() {
  let present = { id: null, run: null };
  return ({ id, start: beginning, stop, advance: steps = 0 }) => {
    if (beginning) present = { id, run: start(draw(beginning.world), beginning.run) };
    if (id !== present.id) return null;
    const { run } = present;
    if (stop !== undefined) run.stop = stop;
    advance(run, steps);
    return { id, measured: measure(run), settled: settled(run) };
  };
}

if (typeof DedicatedWorkerGlobalScope !== "undefined") {
  const answer = trainer();
  addEventListener("message", ({ data }) => {
    const said = answer(data);
    if (said) postMessage(said);
  });
}
