/** The map's colours, on a light page and on a dark one. Pure. */

/** For errors of 0, 25 and 50 %; what is above looks like the last. */
const STOPS = {
  light: [[11, 99, 155], [138, 189, 222], [246, 243, 236]],
  dark: [[98, 186, 236], [42, 92, 125], [29, 34, 40]],
};
const WORST = 0.5;

/** Red, green and blue of an error. */
export function colour(error, dark) {
  const stops = STOPS[dark ? "dark" : "light"];
  const place = (Math.min(Math.max(error, 0), WORST) / WORST) * (stops.length - 1);
  const below = Math.min(Math.floor(place), stops.length - 2);
  const share = place - below;
  return stops[below].map((part, k) => Math.round(part + share * (stops[below + 1][k] - part)));
}

/** The same as a colour of CSS. */
export function css(error, dark) {
  return `rgb(${colour(error, dark).join(" ")})`;
}

/** A strip from no error to the worst. */
export function scale(dark) {
  return `linear-gradient(to right, ${[0, 0.25, 0.5].map((error) => css(error, dark)).join(", ")})`;
}
