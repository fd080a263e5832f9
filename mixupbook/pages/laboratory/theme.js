/** Light or dark: as the page has it, or the notebook, or the reader's system. */

const DARK = "(prefers-color-scheme: dark)";

/** Whether what surrounds the laboratory is dark. */
export function isDark() {
  const { documentElement: root, body } = document;
  const said = root.dataset.theme ?? root.getAttribute("theme"); // the book; Colab
  if (said === "dark" || said === "light") return said === "dark";
  const jupyter = body.dataset.jpThemeLight;
  if (jupyter) return jupyter === "false";
  return matchMedia(DARK).matches;
}

/**
 * Calls back now and at every change.
 * @returns {() => void} ends it
 */
export function watchTheme(callback) {
  const tell = () => callback(isDark());
  const observer = new MutationObserver(tell);
  const attributeFilter = ["data-theme", "theme", "data-jp-theme-light"];
  observer.observe(document.documentElement, { attributeFilter });
  observer.observe(document.body, { attributeFilter });
  const query = matchMedia(DARK);
  query.addEventListener("change", tell);
  tell();
  return () => {
    observer.disconnect();
    query.removeEventListener("change", tell);
  };
}
