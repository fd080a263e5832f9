/** What the atlas adds to the laboratory's looks. */

export const LOOKS = /* css */ `
.atlas { text-align: start; }
.aloud { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.sheet { display: grid; grid-template-columns: minmax(0, 1.7fr) minmax(0, 1fr); gap: 8px 24px; }
.plane { position: relative; touch-action: pan-y; cursor: crosshair; border-radius: 6px; }
.plane:focus { outline: none; }
.plane:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
.plane svg { display: block; position: relative; max-width: 100%; overflow: visible; }
.plane canvas {
  position: absolute; image-rendering: pixelated; print-color-adjust: exact;
  background: repeating-linear-gradient(45deg, var(--paper) 0 5px, var(--edge) 5px 7px);
}
.boundary { fill: none; stroke: var(--ink); stroke-width: 2.6; stroke-linejoin: round; }
.boundary.halo { stroke: var(--paper); stroke-width: 6; stroke-opacity: 0.75; }
.boundary.standard { stroke-dasharray: 7 5; }
.boundary.halo.standard { stroke-dasharray: none; }
.point { fill: none; stroke: var(--rare-ink); stroke-width: 2.5; }
.point.halo { stroke: var(--paper); stroke-width: 6; }
.measured .edge { fill: none; stroke: var(--ink); stroke-width: 1.2; }
.measured .gap { fill: var(--paper); }
.key { display: flex; flex-wrap: wrap; gap: 4px 20px; margin-top: 8px; font-size: 0.9rem; }
.key svg { width: 34px; height: 10px; vertical-align: middle; margin-right: 6px; }
.strip {
  display: inline-block; width: min(90px, 16cqw); height: 12px; vertical-align: -1px; margin: 0 6px;
  border: 1px solid var(--muted); border-radius: 3px; print-color-adjust: exact;
}
.hatched {
  display: inline-block; width: 30px; height: 12px; vertical-align: -1px; margin-right: 6px;
  border: 1px solid var(--muted); border-radius: 3px;
  background: repeating-linear-gradient(45deg, var(--paper) 0 5px, var(--edge) 5px 7px);
}
.says { min-height: 4.4em; margin: 8px 0 2px; }
.open { color: var(--common-ink); font-weight: 650; }
.open:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
.note { color: var(--muted); font-size: 0.9rem; margin: 6px 0; }
.note:empty { display: none; }
.sheet .controls { margin-top: 0; align-content: start; }
.reset { margin-top: 12px; }
.sheet .group { grid-template-columns: minmax(0, 1fr); }
[hidden] { display: none !important; }
@container (max-width: 640px) {
  .says { min-height: 7.3em; }
  .sheet { grid-template-columns: minmax(0, 1fr); }
  .sheet .group { grid-template-columns: repeat(auto-fit, minmax(min(100%, 12.5rem), 1fr)); }
}
@media print { .reset, .open { display: none; } }
`;
