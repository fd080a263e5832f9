/** The line in a map where its values cross a level. Pure. */

/**
 * By linear interpolation between neighbouring cells; where a cell is NaN there is no line.
 * @param {Float64Array} values of a square map, row by row
 * @param {number} size rows, and columns
 * @param {number} level
 * @returns {number[][][]} lines of points [column, row]; whole numbers are middles of cells
 */
export function contour(values, size, level) {
  const crossings = new Map(); // by the name of the edge between two neighbours
  const joined = new Map(); // names of edges that the line joins to it, inside a square
  for (let row = 0; row < size - 1; row++) {
    for (let column = 0; column < size - 1; column++) {
      const crossed = edges(row, column)
        .map((edge) => crossing(edge, values, size, level))
        .filter(Boolean);
      for (let k = 0; k + 1 < crossed.length; k += 2) join(crossed[k], crossed[k + 1]);
    }
  }
  return chains(crossings, joined);

  function join(...ends) {
    ends.forEach(({ name, point }, k) => {
      crossings.set(name, point);
      joined.set(name, [...(joined.get(name) ?? []), ends[1 - k].name]);
    });
  }
}

/**
 * A line without its stairs. Where values jump between neighbouring cells, its points lie half-way
 * between the two, wherever in between the jump is: each is averaged with its neighbours, twice.
 * @param {number[][]} line as of `contour`, of which the ends stay
 */
export function smooth(line) {
  return averaged(averaged(line));
}

function averaged(line) {
  const mean = (k, axis) => (line[k - 1][axis] + 2 * line[k][axis] + line[k + 1][axis]) / 4;
  const inner = line.slice(1, -1).map((_, k) => [mean(k + 1, 0), mean(k + 1, 1)]);
  return [line[0], ...inner, ...line.slice(1).slice(-1)];
}

/** The edges of the square above and to the right of a cell, around it. */
function edges(row, column) {
  const [here, right] = [[row, column], [row, column + 1]];
  const [above, across] = [[row + 1, column], [row + 1, column + 1]];
  return [[here, right], [right, across], [above, across], [here, above]];
}

function crossing([from, to], values, size, level) {
  const [a, b] = [from, to].map(([row, column]) => values[row * size + column]);
  if (Number.isNaN(a) || Number.isNaN(b) || a < level === b < level) return null;
  const share = (level - a) / (b - a);
  const point = [from[1] + share * (to[1] - from[1]), from[0] + share * (to[0] - from[0])];
  return { name: `${from} ${to}`, point };
}

/** From ends first, so that only closed lines are left. */
function chains(crossings, joined) {
  const ends = [...joined.keys()].filter((name) => joined.get(name).length === 1);
  const left = new Set(joined.keys());
  const lines = [];
  for (const start of [...ends, ...joined.keys()]) {
    if (!left.has(start)) continue;
    const names = walk(start, joined, left);
    const closes = names.length > 2 && joined.get(names.at(-1)).includes(start);
    lines.push([...names, ...(closes ? [start] : [])].map((name) => crossings.get(name)));
  }
  return lines;
}

function walk(start, joined, left) {
  const names = [];
  for (let name = start; name; name = joined.get(name).find((next) => left.has(next))) {
    left.delete(name);
    names.push(name);
  }
  return names;
}
