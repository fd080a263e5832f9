/** What the laboratory says. Pure: numbers in, sentences out. */

import { stopStep } from "./parameters.js";

const NAMES = { standard: "Standard training", mixup: "Mixup" };

/** A fraction in per cent; below one per cent with a decimal. */
export function percent(fraction) {
  if (Number.isNaN(fraction)) return "–";
  const hundredths = 100 * fraction;
  return `${hundredths > 0 && hundredths < 1 ? hundredths.toFixed(1) : Math.round(hundredths)} %`;
}

/** What a network has come to, in a few words. */
export function verdict({ rareError }) {
  if (Number.isNaN(rareError)) return "has diverged";
  if (rareError <= 0.05) return "has learned the rare feature";
  return rareError >= 0.4 ? "guesses on rare examples" : "has begun to learn the rare feature";
}

/**
 * Where a run is, in a sentence or two, for everybody and for those who listen.
 * @param {object} measured by the engine
 * @param {object} values parameters
 * @param {boolean} [unchanging] whether it ended because nothing changes any more
 */
export function result(measured, values, unchanging = false) {
  if (measured.diverged) return divergence(measured);
  const { step, standard, mixup } = measured;
  const stop = stopStep(values);
  const stopped = stop < step ? `, stopped at step ${stop},` : "";
  return (
    `After ${step} ${step === 1 ? "step" : "steps"} standard training errs on ` +
    `${percent(standard.rareError)} of rare test examples, Mixup${stopped} on ` +
    `${percent(mixup.rareError)}.${unchanging ? " Nothing changes any more." : ""}`
  );
}

function divergence({ diverged, step }) {
  const lost = Object.keys(NAMES).filter((which) => diverged[which]);
  const names = lost.map((which) => NAMES[which]).join(" and ");
  return (
    `${names} diverged at step ${step}: the weights grew beyond all bounds, and the run ends ` +
    "here. With less noise it does not happen."
  );
}

/**
 * What the mixture pushes, in words.
 * @returns {{push: number, meets: string}} 2 l (1 - l), and which rare examples it reaches
 */
export function mixture({ lam, overlap }) {
  const push = 2 * lam * (1 - lam);
  if (overlap === 0) return { push, meets: "v never meets r: r gets no push" };
  const share = overlap === 1 ? "" : `, in ${percent(overlap)} of rare examples`;
  return { push, meets: `for each unit of v already learned${share}` };
}
