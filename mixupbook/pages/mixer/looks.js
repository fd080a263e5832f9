/** What the mixer adds to the laboratory's looks. */

export const LOOKS = /* css */ `
.mixer { text-align: start; }
.aloud { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.seen { display: flex; flex-wrap: wrap; gap: 12px 20px; align-items: center; margin-bottom: 12px; }
.sum { display: flex; gap: 10px; align-items: center; }
.image { display: grid; gap: 4px; justify-items: center; font-size: 0.87rem; }
.image span { font-variant-numeric: tabular-nums; }
canvas { width: 56px; image-rendering: pixelated; border: 1px solid var(--edge); border-radius: 4px; }
canvas.mixed { width: 104px; }
.label { flex: 1 1 8.5rem; display: grid; gap: 6px; }
.heading { font-weight: 650; }
.bar { display: grid; grid-template-columns: auto 1fr 2.4rem; gap: 8px; align-items: center; }
.track {
  height: 22px; overflow: hidden;
  background: var(--card); border: 1px solid var(--edge); border-radius: 4px;
}
.bar .fill { height: 100%; background: var(--mixup); }
.curve { flex: 0 1 15rem; min-width: 12rem; }
.curve .axis { fill: none; stroke: var(--muted); }
.curve .line { stroke: var(--muted); stroke-dasharray: 2 4; stroke-width: 2; }
.curve .map { fill: none; stroke: var(--mixup); stroke-width: 2.5; }
.curve .dot { fill: var(--rare); stroke: var(--paper); stroke-width: 2; }
.draws rect { fill: var(--mixing); }
.maps {
  display: flex; flex-wrap: wrap; gap: 2px 18px; align-items: center;
  border: 0; padding: 0; margin: 10px 0 0; min-width: 0;
}
.maps legend { padding-bottom: 2px; }
input[type="radio"] { width: 20px; height: 20px; margin: 2px; accent-color: var(--button); }
[hidden] { display: none; }
@container (max-width: 420px) {
  .seen { gap: 12px; }
  canvas { width: 48px; }
  .curve { flex: 1 1 100%; max-width: 17rem; }
}
@media print { .maps, .field { display: none; } }
`;
