/** Computes maps in a thread of its own, so that the page never stutters. */

import { ends } from "../laboratory/reduced.js";
import { refining } from "./refining.js";
import { AXES, SIZE, valueAt } from "./settings.js";

/** Milliseconds of work after which it looks for a newer request. */
const SLICE = 12;

/**
 * Draws the maps of Mixup and of standard training, first coarsely, and tells of both as they come.
 * @param {(answer: {kind: string, rare: Float64Array, cells: number, ms: number, done: boolean})
 *   => void} tell
 * @param {() => Promise<boolean>} rest what is awaited now and then: whether to go on
 * @returns {(setting: object) => Promise<void>}
 */
export function cartographer(tell, rest) {
  let standard = { key: null, map: null };
  return async (setting) => {
    const { steps, lam, labelLam, stopStep, ...data } = setting;
    const key = JSON.stringify({ steps, ...data });
    // It knows nothing of Mixup's controls.
    if (standard.key !== key) standard = { key, map: drawn("standard", data, steps) };
    const mixup = drawn("mixup", { ...data, lam, labelLam, stopStep }, steps);
    for (const map of [mixup, standard.map]) {
      if (!(await draw(map, (lattice) => lattice))) return;
      tell(answer(map));
    }
    for (const map of [mixup, standard.map]) {
      if (!(await draw(map, () => false))) return;
      tell({ ...answer(map), done: map === standard.map });
    }
  };

  /** Until a map is whole, or good enough; says whether to go on. */
  async function draw(map, enough) {
    while (!map.whole && !enough(map.advance(SLICE))) {
      if (!(await rest())) return false;
    }
    return true;
  }
}

function answer({ kind, rare, cells, ms }) {
  return { kind, rare: rare.slice(), cells, ms, done: false };
}

/** A map on its way. */
function drawn(kind, setting, steps) {
  const rare = new Float64Array(SIZE ** 2);
  const cell = (row, column) => {
    const place = { rho: valueAt(AXES.rho, row), noise: valueAt(AXES.noise, column) };
    return ends({ ...setting, ...place }, steps).rare;
  };
  const cells = refining(SIZE, cell, rare);
  const map = { kind, rare, cells: 0, ms: 0, whole: false, lattice: false, advance };
  return map;

  /** Works for some milliseconds; says whether the lattice is complete. */
  function advance(milliseconds) {
    const begun = performance.now();
    while (!map.whole && performance.now() - begun < milliseconds) {
      const { done, value: isLattice } = cells.next();
      if (done) map.whole = true;
      else if (isLattice === map.lattice) map.cells += 1;
      else {
        map.lattice = true;
        break; // for a first picture
      }
    }
    map.ms += performance.now() - begun;
    return map.lattice;
  }
}

if (typeof DedicatedWorkerGlobalScope !== "undefined") listen();

/** A message `{id, setting}` is a request; a newer one ends it. Answers have its id. */
function listen() {
  let latest = null;
  let present = null;
  let busy = false;
  const turns = new MessageChannel();
  const draw = cartographer(
    (answer) => postMessage({ id: present, ...answer }),
    () =>
      new Promise((go) => {
        turns.port1.onmessage = () => go(latest.id === present);
        turns.port2.postMessage(null);
      }),
  );
  addEventListener("message", async ({ data }) => {
    latest = data;
    if (busy) return;
    busy = true;
    while (present !== latest.id) {
      present = latest.id;
      await draw(latest.setting);
    }
    busy = false;
  });
}
