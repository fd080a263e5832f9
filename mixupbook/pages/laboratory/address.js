/** The page's address, `#lab?...`: who answers it, what follows it, and how it is shared. */

import { isAddress } from "./parameters.js";

/** Whether a laboratory is the one that its page's address speaks of: the first that may be. */
export function answersAddress(element) {
  return document.querySelector('mixup-laboratory:not([address="off"])') === element;
}

/**
 * Calls back with the hash, now and whenever it changes or a link to it is followed again.
 * @param {Element} element scrolled to when the page has loaded
 * @param {(hash: string) => void} open
 * @returns {() => void} ends it
 */
export function watchAddress(element, open) {
  const follow = () => isAddress(location.hash) && open(location.hash);
  // A link to where the address already is changes no hash.
  const click = ({ target }) => {
    const link = target.closest?.("a[href*='#lab?']");
    if (link && link.href === location.href) follow();
  };
  // By then, what is above has its height.
  const loaded = () => isAddress(location.hash) && element.scrollIntoView({ block: "start" });
  addEventListener("hashchange", follow);
  document.addEventListener("click", click);
  addEventListener("load", loaded);
  follow();
  return () => {
    removeEventListener("hashchange", follow);
    document.removeEventListener("click", click);
    removeEventListener("load", loaded);
  };
}

/**
 * Puts a hash into the address bar, and the whole address on the clipboard.
 * @returns {Promise<string>} what was done, in words
 */
export async function share(hash) {
  history.replaceState(history.state, "", hash);
  try {
    await navigator.clipboard.writeText(location.href);
    return "The link to this state is copied.";
  } catch {
    return "The link to this state now stands in the address bar.";
  }
}
