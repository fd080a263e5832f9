/** What the atlas says. Pure: numbers in, sentences out. */

import { percent } from "../laboratory/words.js";

/** A place in the plane. */
function placeName({ rho, noise }) {
  return `ρ = ${rho.toFixed(2)}, σ²d/n = ${noise.toFixed(2)}`;
}

/** A share in per cent that no line break parts; what rounds to 0.0 % is nothing. */
const share = (fraction) => percent(Number(fraction.toFixed(3))).replace(" ", "\u00a0");

/**
 * What is predicted and was measured at a place.
 * @param {{rho: number, noise: number}} place
 * @param {{standard: number, mixup: number}} predicted rare errors; NaN where nothing is predicted
 * @param {?{standard: number, mixup: number}} measured there, if anything was
 */
export function reading(place, predicted, measured) {
  const where = `At ${placeName(place)}`;
  if (Number.isNaN(predicted.mixup)) {
    return `${where} nothing is predicted: a class has less than one rare example.`;
  }
  const said = `${where} the predicted rare error is ${both(predicted)}.`;
  return measured ? `${said} Measured there: ${both(measured)}.` : said;
}

function both({ standard, mixup }) {
  return `${share(standard)} after standard training and ${share(mixup)} after Mixup`;
}

/** How the measured dots are to be read, or why there are none. */
export function measuredNote(count, isShown) {
  if (!count) return "";
  if (!isShown) return "Nothing was measured at these settings, so no dots are shown.";
  return (
    "Dots were measured on trained networks: the ring has the colour of the rare error after " +
    "standard training, the disc in it that after Mixup."
  );
}
