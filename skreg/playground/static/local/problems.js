// The rows of a run: the problems of skreg.datasets.make_playground, and its features.

import { RandomState } from "./random.js";

const [RADIUS, EDGE] = [5, 6];
const BUMPS = [[-4, 2.5, 1], [0, 2.5, -1], [4, 2.5, 1], [-4, -2.5, -1], [0, -2.5, 1], [4, -2.5, -1]];
const FEATURES = {
  "x1": (a) => a, "x2": (_, b) => b, "x1^2": (a) => a * a, "x2^2": (_, b) => b * b, "x1x2": (a, b) => a * b,
  "sin(x1)": (a) => Math.sin(a), "sin(x2)": (_, b) => Math.sin(b),
};
export const REGRESSIONS = ["plane", "multi-gauss"];

export class DataError extends Error {} // what the visitor can put right

const uniforms = (n, low, high, rng) => Float64Array.from({ length: n }, () => rng.uniform(low, high));

// The points where labels are read: off by up to a share `noise` of `reach`.
function moved(X, noise, reach, rng) {
  return X.map((x) => x + noise * rng.uniform(-reach, reach));
}

const rows = (X, read) => Float64Array.from({ length: X.length / 2 }, (_, i) => read(X[2 * i], X[2 * i + 1]));

const PROBLEMS = {
  circle([inner, outer], noise, rng) {
    const n = inner + outer;
    const r = Float64Array.from({ length: n }, (_, i) => {
      const [low, high] = i < inner ? [0, 0.5] : [0.7, 0.7 + 0.3];
      return rng.uniform(RADIUS * low, RADIUS * high);
    });
    const angle = uniforms(n, 0, 2 * Math.PI, rng);
    const X = new Float64Array(2 * n);
    for (let i = 0; i < n; i++) [X[2 * i], X[2 * i + 1]] = [r[i] * Math.sin(angle[i]), r[i] * Math.cos(angle[i])];
    return [X, rows(moved(X, noise, RADIUS, rng), (a, b) => (Math.sqrt(a * a + b * b) < 0.5 * RADIUS ? 1 : -1))];
  },
  xor([one, other], noise, rng) {
    const X = uniforms(2 * (one + other), -RADIUS, RADIUS, rng).map((x) => x + (x > 0 ? 0.3 : -0.3));
    return [X, rows(moved(X, noise, RADIUS, rng), (a, b) => (a * b >= 0 ? 1 : -1))];
  },
  gauss([one, other], noise, rng) {
    const y = Float64Array.from({ length: one + other }, (_, i) => (i < one ? 1 : -1));
    const deviation = Math.sqrt(0.5 + 7 * noise);
    return [Float64Array.from({ length: 2 * y.length }, (_, i) => rng.normal(2 * y[i >> 1], deviation)), y];
  },
  spiral([one, other], noise, rng) {
    const n = one + other;
    const [X, y] = [new Float64Array(2 * n), new Float64Array(n)];
    for (let i = 0; i < n; i++) {
      const along = i < one ? i / one : (i - one) / other;
      y[i] = i < one ? 1 : -1;
      const angle = 3.5 * Math.PI * along + (i < one ? 0 : Math.PI);
      [X[2 * i], X[2 * i + 1]] = [RADIUS * along * Math.sin(angle), RADIUS * along * Math.cos(angle)];
    }
    return [moved(X, noise, 1, rng), y];
  },
  plane([one, other], noise, rng) {
    const X = uniforms(2 * (one + other), -EDGE, EDGE, rng);
    return [X, rows(moved(X, noise, EDGE, rng), (a, b) => (a + b) / 10)];
  },
  "multi-gauss"([one, other], noise, rng) {
    const X = uniforms(2 * (one + other), -EDGE, EDGE, rng);
    const height = (a, b) => {
      let [best, sign] = [0, BUMPS[0][2]];
      for (const [u, v, s] of BUMPS) {
        const h = Math.max(0, 1 - Math.hypot(a - u, b - v) / 2);
        if (h > best) [best, sign] = [h, s];
      }
      return sign * best;
    };
    return [X, rows(moved(X, noise, EDGE, rng), height)];
  },
};

// [plane, y] of a problem in random order; as many rows as the package draws unless said.
export function makeProblem(name, noise, seed, nSamples = REGRESSIONS.includes(name) ? 1200 : 500) {
  const rng = new RandomState(seed);
  const half = Math.floor(nSamples / 2);
  const [X, y] = PROBLEMS[name]([nSamples - half, half], noise / 100, rng);
  const order = rng.permutation(nSamples);
  const plane = new Float64Array(2 * nSamples);
  for (const [to, from] of order.entries()) plane.set(X.subarray(2 * from, 2 * from + 2), 2 * to);
  return [plane, Float64Array.from(order, (from) => y[from])];
}

// Features of points of the plane, row by row.
export function featuresOf(plane, names) {
  const [n, p] = [plane.length / 2, names.length];
  const X = new Float64Array(n * p);
  for (const [j, name] of names.entries()) {
    for (let i = 0; i < n; i++) X[i * p + j] = FEATURES[name](plane[2 * i], plane[2 * i + 1]);
  }
  return X;
}

// Middles of the size × size cells of [−6, 6]², row by row from the top left.
export function grid(size) {
  const middle = (k) => EDGE * ((2 * k + 1) / size - 1);
  const plane = new Float64Array(2 * size * size);
  for (let i = 0; i < size * size; i++) {
    plane[2 * i] = middle(i % size);
    plane[2 * i + 1] = middle(size - 1 - Math.floor(i / size));
  }
  return plane;
}

// Rows of a state: `features`, those that train first, and what the page says of them.
export function makeData(state, table, { map, thumb }) {
  let [plane, y] = [];
  let axes = [["x1", -EDGE, EDGE], ["x2", -EDGE, EDGE]];
  let labels = ["−1", "1"];
  let isRegression = REGRESSIONS.includes(state.data);
  if (state.data !== "csv") [plane, y] = makeProblem(state.data, state.noise, state.seed);
  else if (!table) {
    throw new DataError("The address asks for a CSV file, which stays on your computer: open it here again.");
  } else {
    ({ plane, y, axes, labels } = table.rows(state));
    isRegression = labels.length === 0;
  }
  const nTrain = Math.floor((y.length * state.train) / 100);
  if (!isRegression && new Set(y.subarray(0, nTrain)).size < labels.length) {
    throw new DataError("The training rows lack a class. Raise the share of training rows.");
  }
  return {
    plane, y, axes, labels, isRegression, nTrain, X: featuresOf(plane, state.features),
    mapRows: featuresOf(grid(map), state.features), thumbRows: featuresOf(grid(thumb), state.features),
  };
}
