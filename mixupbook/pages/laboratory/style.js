/** The laboratory's looks, in the colours of the book's figures; light and dark. */

export const STYLE = /* css */ `
:host {
  display: block;
  margin: 1.25rem 0;
  container-type: inline-size;
  scroll-margin-top: 4.5rem;
}
:host([hidden]) { display: none; }
.laboratory {
  --paper: #ffffff; --card: #f5f7f9; --edge: #d3dae1; --ink: #1d2329; --muted: #55606b;
  --common: #0072b2; --on-common: #ffffff; --common-ink: #00619a;
  --rare: #e0691a; --on-rare: #1d1206; --rare-ink: #a64500;
  --noise: #9a9fa5; --on-noise: #16181a;
  --standard: #4d4d4d; --mixup: #0072b2; --mixing: rgb(0 114 178 / 9%);
  --button: #005f95; --on-button: #ffffff; --focus: #b14a00;
  box-sizing: border-box;
  color: var(--ink);
  background: var(--paper);
  font: 15px/1.45 var(--pst-font-family-base, system-ui, -apple-system, "Segoe UI", sans-serif);
  border: 1px solid var(--edge);
  border-radius: 12px;
  padding: 14px;
  color-scheme: light;
}
.laboratory.dark {
  --paper: #15191e; --card: #1e242b; --edge: #3a444f; --ink: #e8ecf0; --muted: #aab4be;
  --common: #56b4e9; --on-common: #06141d; --common-ink: #7cc4ee;
  --rare: #f28c3d; --on-rare: #1d1206; --rare-ink: #ffa566;
  --noise: #8b929a; --on-noise: #0c0e10;
  --standard: #c9ced4; --mixup: #56b4e9; --mixing: rgb(86 180 233 / 12%);
  --button: #7cc4ee; --on-button: #06141d; --focus: #f0b94a;
  color-scheme: dark;
}
.laboratory *, .laboratory *::before { box-sizing: border-box; }
p { margin: 0; }
slot { display: none; }
svg text { font: 13px var(--pst-font-family-base, system-ui, sans-serif); fill: var(--ink); }

/* The strips, and what the mixture pushes. */
.mixing-panel {
  display: grid;
  grid-template-columns: minmax(0, 16rem) minmax(0, 1fr);
  gap: 8px 28px;
  align-items: center;
  padding: 2px 4px 12px;
}
.strips { width: 100%; height: auto; display: block; overflow: visible; }
.strips .strip-title { fill: var(--muted); }
.patch.common, .fill.common { fill: var(--common); background: var(--common); }
.patch.rare, .fill.rare { fill: var(--rare); background: var(--rare); }
.patch.noise, .fill.noise { fill: var(--noise); background: var(--noise); }
.frame { fill: none; stroke: var(--paper); stroke-opacity: 0.35; }
svg text.letter { text-anchor: middle; font: italic 600 17px Georgia, "Times New Roman", serif; }
svg text.letter.small { font-size: 13px; }
.letter.common { fill: var(--on-common); }
.letter.rare { fill: var(--on-rare); }
.letter.noise { fill: var(--on-noise); }
.explains { display: grid; gap: 8px; }
.explains b.common { color: var(--common-ink); }
.explains b.rare { color: var(--rare-ink); }
.push { border-left: 4px solid var(--rare); padding: 2px 0 2px 12px; }
.push .amount { display: block; font-size: 1.35rem; font-weight: 700; color: var(--rare-ink); }
.push .meets { color: var(--muted); font-size: 0.92rem; }

/* The cards. */
.cards { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 12px; }
.card {
  background: var(--card);
  border: 1px solid var(--edge);
  border-top: 4px solid var(--standard);
  border-radius: 8px;
  padding: 10px 14px 12px;
}
.card.mixup { border-top-color: var(--mixup); }
.card-title { font-weight: 650; }
.headline .figure {
  font-size: 2.6rem; font-weight: 700; line-height: 1.15; font-variant-numeric: tabular-nums;
}
.headline span { display: block; }
.card.mixup .figure { color: var(--common-ink); }
.verdict { color: var(--muted); margin-bottom: 8px; min-height: 1.45em; }
.bars {
  display: grid;
  grid-template-columns: max-content minmax(2.5rem, 1fr) 2.6rem;
  gap: 5px 10px;
  align-items: center;
  font-size: 0.88rem;
}
.track { height: 12px; border-radius: 6px; background: color-mix(in srgb, var(--edge) 55%, transparent); overflow: hidden; }
.fill { display: block; height: 100%; min-width: 2px; border-radius: 6px; print-color-adjust: exact; }
.value { text-align: right; font-variant-numeric: tabular-nums; }

/* The curve. */
.plot { margin-top: 12px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; align-items: center; font-size: 0.9rem; }
.legend strong { font-weight: 650; margin-right: auto; }
.legend svg { width: 30px; height: 10px; vertical-align: middle; margin-right: 6px; }
.curve { display: block; max-width: 100%; overflow: visible; touch-action: pan-y; }
.axes line { stroke: var(--edge); }
.axes text { fill: var(--muted); font-size: 12px; }
.axes .end, .stop-label[text-anchor="end"] { text-anchor: end; }
.axes .middle, .arrows { text-anchor: middle; }
.mixing { fill: var(--mixing); }
.line { fill: none; stroke-width: 2.6; stroke-linejoin: round; }
.line.standard { stroke: var(--standard); stroke-dasharray: 7 4; }
.line.mixup { stroke: var(--mixup); }
.line.before { stroke-width: 1.6; opacity: 0.35; }
.dot { stroke: var(--paper); stroke-width: 1.5; }
.dot.standard { fill: var(--standard); }
.dot.mixup { fill: var(--mixup); }
.stopper { outline: none; }
.stopper * { cursor: ew-resize; }
.target { fill: transparent; }
.stop-line { stroke: var(--rare-ink); stroke-width: 2; stroke-dasharray: 5 4; }
.grip { fill: var(--paper); stroke: var(--rare-ink); stroke-width: 1.5; }
.stopper:hover .grip { fill: var(--card); }
.stopper:focus-visible .grip { stroke: var(--focus); stroke-width: 4; }
.stopper:focus-visible .stop-line { stroke-width: 4; }
svg text.arrows, svg text.stop-label { fill: var(--rare-ink); pointer-events: none; user-select: none; }
svg text.stop-label { font-weight: 600; }

/* What is said. */
.says { min-height: 3em; margin: 6px 0 0; }
.controls:empty { display: none; }
.progress { color: var(--muted); font-variant-numeric: tabular-nums; font-size: 0.9rem; }
.refused { border-left: 4px solid var(--rare); padding-left: 10px; margin: 8px 0; }
.refused:empty { display: none; }

/* The controls. */
.controls { display: grid; gap: 12px; margin-top: 10px; }
.buttons { display: flex; flex-wrap: wrap; gap: 6px; margin-bottom: 12px; }
.buttons .field { flex: 1 1 14rem; max-width: 24rem; margin-left: 16px; }
button {
  font: inherit; font-weight: 550; color: var(--ink); background: var(--card);
  border: 1px solid var(--edge); border-radius: 8px; min-height: 40px; padding: 4px 10px; cursor: pointer;
  touch-action: manipulation;
}
button, .headline { font-size: 0.93rem; }
sub { line-height: 0; }
button:hover { border-color: var(--muted); }
button.play { background: var(--button); border-color: var(--button); color: var(--on-button); min-width: 8.5rem; font-weight: 650; }
button.play:hover { filter: brightness(1.1); }
:is(button, input):focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
.group {
  border: 0; padding: 0; margin: 0; min-width: 0;
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 12.5rem), 1fr)); gap: 10px 24px;
}
fieldset.group { border-top: 1px solid var(--edge); padding-top: 6px; }
legend { font-weight: 650; padding: 0 8px 0 0; }
.field { display: grid; align-content: start; }
.name { display: flex; justify-content: space-between; gap: 10px; font-size: 0.9rem; }
output { white-space: nowrap; font-weight: 650; font-variant-numeric: tabular-nums; }
input[type="range"] { width: 100%; min-height: 30px; margin: 0; accent-color: var(--button); touch-action: pan-y; }
input[type="number"] {
  font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--muted);
  border-radius: 6px; min-height: 34px; padding: 2px 8px; width: 8rem;
}
.check { display: flex; align-items: center; gap: 8px; font-size: 0.9rem; min-height: 28px; }
input[type="checkbox"] { width: 20px; height: 20px; margin: 2px; accent-color: var(--button); }

@container (max-width: 620px) {
  .laboratory { padding: 10px; }
  .cards { gap: 8px; }
  .card { padding: 8px 9px 10px; }
}
@container (max-width: 520px) {
  .mixing-panel { grid-template-columns: minmax(0, 1fr); }
  .strips { max-width: 17rem; }
  .headline .figure { font-size: 2.2rem; }
  .verdict { min-height: 2.9em; }
  .bars { grid-template-columns: minmax(2.5rem, 1fr) max-content; gap: 1px 8px; }
  .bars > :nth-child(3n + 1) { grid-column: 1 / -1; margin-top: 5px; }
  .buttons button { flex: 1 1 auto; }
  .buttons .field { flex-basis: 100%; margin-left: 0; max-width: none; }
}
@media (forced-colors: active) {
  .fill, .patch, .line, .dot { forced-color-adjust: none; }
}

/* Without a worker, and on paper before the first step, the static figure stands for the rest. */
.failed .live { display: none; }
.failed slot { display: block; }
@media print {
  .laboratory { break-inside: avoid; }
  .buttons, .controls, .progress, .grip, .arrows { display: none; }
  .untouched .live, .untouched .says { display: none; }
  .untouched slot { display: block; }
}
`;
