// What is wider than the page: long formulas in the text break after their relations and operators,
// boxes that scroll can be reached by the keyboard and are seen to go on, and paper is light.
(() => {
  const BOXES = [
    'mjx-container[display="true"]',
    "span.math",
    "pre",
    ".mxb-picture",
    ".mxb-scroll",
    ".cell_output > .output",
    ".pst-scrollable-table-container",
  ].join(", ");
  const LONG = 8; // em: shorter formulas stay in one piece

  const isBreak = (element) =>
    element.tagName === "MJX-MO" && (element.hasAttribute("space") || element.textContent === ",");

  const row = (math) => {
    const only = math.children.length === 1 ? math.firstElementChild : null;
    return only && /^MJX-(MROW|TEXATOM|MSTYLE)$/.test(only.tagName) ? row(only) : math;
  };

  function breakFormula(formula) {
    const math = formula.querySelector("mjx-math");
    const em = parseFloat(getComputedStyle(formula).fontSize);
    if (!math || math.getBoundingClientRect().width < LONG * em) return;
    const items = row(math);
    if (![...items.children].some(isBreak)) return;
    let piece = null;
    for (const item of [...items.children]) {
      if (!piece) {
        piece = document.createElement("span");
        piece.className = "mxb-piece";
        items.insertBefore(piece, item);
      }
      piece.append(item);
      if (isBreak(item)) piece = null;
    }
    for (let outer = items; outer !== formula; outer = outer.parentElement) {
      outer.classList.add("mxb-breaks");
    }
  }

  function mark(box) {
    const hidden = box.scrollWidth - box.clientWidth;
    const scrolls = hidden > 1 && /auto|scroll/.test(getComputedStyle(box).overflowX);
    if (scrolls) {
      box.tabIndex = 0;
      box.dataset.scrolls = box.scrollLeft < hidden - 1 ? "on" : "end";
    } else if (box.dataset.scrolls) {
      box.removeAttribute("tabindex");
      delete box.dataset.scrolls;
    }
  }

  // The theme takes the focus from these buttons once they are pressed.
  document
    .querySelectorAll(".theme-switch-button, .search-button, .sidebar-toggle")
    .forEach((button) => Object.assign(button, { blur() {} }));

  const root = document.documentElement;
  let theme = root.dataset.theme;
  window.addEventListener("beforeprint", () => {
    theme = root.dataset.theme;
    root.dataset.theme = "light";
  });
  window.addEventListener("afterprint", () => {
    root.dataset.theme = theme;
  });

  window.addEventListener("load", async () => {
    await window.MathJax?.startup?.promise;
    document.querySelectorAll("span.math").forEach(breakFormula);
    const sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => mark(target)));
    document.querySelectorAll(BOXES).forEach((box) => {
      sizes.observe(box);
      box.addEventListener("scroll", () => mark(box), { passive: true });
    });
  });
})();
