/** Label maps, as `mixupbook.label_coefficient` has them, and what a mixture is in words. Pure. */

/** Each takes feature coefficients in [0.5, 1] to the label coefficient of the larger part. */
const LABEL_MAPS = {
  identity: (lam) => lam,
  cubic: (lam) => 0.5 + 4 * (lam - 0.5) ** 3,
  sqrt: (lam) => 0.5 + Math.sqrt((lam - 0.5) / 2),
  hard: () => 1,
};

/** Not a function of lambda but a second draw of the same law. */
export const INDEPENDENT = "independent";

/**
 * The label coefficient of the first example.
 * @param {string} map a name, or a number in [0.5, 1] for that constant
 * @param {number} lam the first example's share of the image, in [0, 1]
 * @param {number} drawn what the larger part gets under "independent", in [0.5, 1]
 */
export function labelCoefficient(map, lam, drawn = 0.75) {
  const constant = map === INDEPENDENT ? drawn : Number(map);
  const ofLarger = LABEL_MAPS[map] ?? (() => constant);
  const value = ofLarger(Math.max(lam, 1 - lam));
  if (Number.isNaN(value)) throw new RangeError(`no label map is called ${map}`);
  return lam >= 0.5 ? value : 1 - value;
}

/** A share in per cent. */
export const percent = (share) => `${Math.round(100 * share)} %`;

/** How a map is called beside its button. */
export function title(map) {
  if (map === "identity") return "identity (Mixup)";
  return Number.isNaN(Number(map)) ? map : `constant ${map}`;
}

/**
 * A mixture in two sentences.
 * @param {string[]} names of the two classes
 * @param {number} lam share of the first image
 * @param {number} labelLam share of its label
 * @param {boolean} line whether to say how far the label is from the straight line
 */
export function words([first, second], lam, labelLam, line) {
  const shares = (share) => `${percent(share)} “${first}” and ${percent(1 - share)} “${second}”`;
  const said = `The image is ${shares(lam)}. Its label is ${shares(labelLam)}`;
  if (!line) return `${said}.`;
  const points = Math.round(100 * (labelLam - lam));
  const where = points > 0 ? "above" : "below";
  return `${said}, ${points ? `${Math.abs(points)} points ${where}` : "on"} the straight line.`;
}
