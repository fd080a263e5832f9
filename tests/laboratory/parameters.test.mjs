/** The laboratory's parameters: what an address may say, and what is made of it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  PARAMETERS,
  checked,
  continues,
  defaults,
  isAddress,
  labelLam,
  parameter,
  parse,
  serialise,
  stopStep,
} from "../../mixupbook/pages/laboratory/parameters.js";

test("the table names every parameter of the address once", () => {
  const names = PARAMETERS.map(({ name }) => name);
  const asked = ["lam", "label_lam", "rho", "noise", "overlap", "stop", "steps", "seed", "run"];
  assert.deepEqual(names, asked);
  for (const row of PARAMETERS) {
    assert.deepEqual(checked(row, row.default), { value: row.default }, row.name);
    assert.ok(row.min < row.max);
  }
});

test("good values are taken", () => {
  const { values, refused, reasons } = parse(
    "#lab?lam=0.8&label_lam=0.95&rho=.25&noise=1e-1&overlap=0&stop=75&steps=400&seed=7&run=1",
  );
  assert.deepEqual(values, {
    lam: 0.8, label_lam: 0.95, rho: 0.25, noise: 0.1, overlap: 0, stop: 75, steps: 400, seed: 7, run: 1,
  });
  assert.deepEqual([refused, reasons], [[], []]);
});

test("an address names what differs; the rest is as it was", () => {
  const start = { ...defaults(), stop: 150, seed: 4 };
  assert.deepEqual(parse("#lab?lam=0.9", start).values, { ...start, lam: 0.9 });
  assert.deepEqual(parse("#lab?", start).values, start);
  assert.deepEqual(parse("stop=never&label_lam=same", start).values, { ...start, stop: "never" });
});

for (const nonsense of [
  "abc", "", " ", "NaN", "Infinity", "0x1", "0,7", "1e", "--1", "[]", "<b>", "null", "never", "1 2",
]) {
  test(`nonsense is refused: ${JSON.stringify(nonsense)}`, () => {
    const { values, refused, reasons } = parse(`lam=${encodeURIComponent(nonsense)}`);
    assert.deepEqual(values, defaults());
    assert.deepEqual(refused, ["lam"]);
    assert.match(reasons[0], /^lam = .* was not taken: it must be a number from 0.5 to 1\. Now lam = 0.7\.$/);
  });
}

test("whole numbers are whole, flags are 0 or 1", () => {
  const { values, refused } = parse("stop=1.5&steps=1e2.5&seed=3.0001&run=yes");
  assert.deepEqual(values, defaults());
  assert.deepEqual(refused, ["stop", "steps", "seed", "run"]);
  assert.equal(parse("steps=1e3").values.steps, 1000);
});

for (const row of PARAMETERS) {
  test(`${row.name} is kept within its range`, () => {
    for (const [given, value] of [[row.min - 1, row.min], [row.max + 1, row.max], ["1e99", row.max]]) {
      const { values, refused, reasons } = parse(`${row.name}=${given}`);
      assert.equal(values[row.name], value);
      assert.deepEqual(refused, [row.name]);
      assert.match(reasons[0], new RegExp(`(least|most) allowed is ${value}`));
    }
    for (const end of [row.min, row.max]) {
      assert.deepEqual(parse(`${row.name}=${end}`).refused, []);
    }
  });
}

test("numbers go to the nearest multiple of their step", () => {
  assert.equal(checked(parameter("lam"), "0.704").value, 0.7);
  assert.equal(checked(parameter("rho"), "0.11").value, 0.1);
  assert.equal(checked(parameter("noise"), 0.1 + 0.2).value, 0.3);
});

test("an unknown name is refused, whatever it is", () => {
  for (const name of ["Lam", "foo", "__proto__", "constructor", "toString"]) {
    const { values, refused, reasons } = parse(`${name}=1`);
    assert.deepEqual(values, defaults());
    assert.deepEqual(refused, [name]);
    assert.match(reasons[0], /no such parameter/);
  }
  const long = parse(`${"x y".repeat(99)}=${"z".repeat(9999)}`);
  assert.ok(long.refused[0].length < 40 && long.reasons[0].length < 120);
  assert.doesNotMatch(long.refused[0], /\s/);
});

test("what is said twice holds as said last, and is refused once", () => {
  assert.equal(parse("seed=2&seed=3").values.seed, 3);
  assert.deepEqual(parse("seed=x&seed=y").refused, ["seed"]);
});

test("serialise names what differs alone, and parse takes it back", () => {
  assert.equal(serialise(defaults()), "#lab?");
  const start = { ...defaults(), stop: 150 };
  assert.equal(serialise({ ...start, lam: 0.95, label_lam: 0.5 }, start), "#lab?lam=0.95&label_lam=0.5");
  assert.equal(serialise(defaults(), start), "#lab?stop=never");
});

test("a round trip over every corner of the table", () => {
  for (const { name, min, max, word, step } of PARAMETERS) {
    for (const value of [min, max, min + step, ...(word ? [word] : [])]) {
      const values = { ...defaults(), [name]: value };
      assert.deepEqual(parse(serialise(values)), { values, refused: [], reasons: [] });
    }
  }
});

test("only #lab? is the laboratory's", () => {
  assert.ok(isAddress("#lab?") && isAddress("#lab?lam=1"));
  for (const other of ["", "#lab", "#laboratory?lam=1", "#summary"]) assert.ok(!isAddress(other));
});

test("words stand for what the engine takes", () => {
  assert.equal(labelLam({ lam: 0.8, label_lam: "same" }), 0.8);
  assert.equal(labelLam({ lam: 0.8, label_lam: 0.6 }), 0.6);
  assert.equal(stopStep({ stop: "never" }), Infinity);
  assert.equal(stopStep({ stop: 0 }), 0);
});

test("a run goes on where only what is to come has changed", () => {
  const old = { ...defaults(), stop: 100 };
  for (const [change, step, goesOn] of [
    [{}, 800, true],
    [{ stop: 60 }, 60, true],
    [{ stop: 60 }, 61, false],
    [{ stop: "never" }, 100, true],
    [{ stop: "never" }, 101, false],
    [{ steps: 400 }, 400, true],
    [{ steps: 400 }, 401, false],
    [{ run: 1 }, 800, true],
    [{ lam: 0.8 }, 0, false],
    [{ seed: 2, stop: 90 }, 0, false],
  ]) {
    assert.equal(continues(old, { ...old, ...change }, step), goesOn, JSON.stringify(change));
  }
});
