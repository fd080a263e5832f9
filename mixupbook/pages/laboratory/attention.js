/** Whether anybody can see an element: it is on the screen, in a tab that is in front. */

/**
 * @param {Element} element
 * @param {(attended: boolean) => void} callback at the first look and at every change
 * @returns {() => void} ends it
 */
export function watchAttention(element, callback) {
  let onScreen = false;
  let told = null;
  const tell = () => {
    const attended = onScreen && !document.hidden;
    if (attended !== told) callback((told = attended));
  };
  const observer = new IntersectionObserver((entries) => {
    onScreen = entries.at(-1).isIntersecting;
    tell();
  });
  observer.observe(element);
  document.addEventListener("visibilitychange", tell);
  return () => {
    observer.disconnect();
    document.removeEventListener("visibilitychange", tell);
  };
}
