// Units in which the weights of a table's columns start and move: a twin of skreg.network.columns.

// A table whose columns all have sizes in this range, and lie less than so many standard deviations
// from 0, is left as it is; in others, columns as far from 0 as APART are shifted.
const [SMALL, LARGE, FAR, APART, ENOUGH] = [1 / 32, 32, 8, 2, 10];
const [SAMPLED_ROWS, SAMPLE, MOST] = [1000, 1 << 18, 384];

// Mean, deviation, root mean square of what is not 0, and how many these are, by a sample of the rows.
function sizeOf(X, n, p, j) {
  const by = Math.ceil(n / Math.min(SAMPLED_ROWS, Math.max(2 * ENOUGH, Math.floor(SAMPLE / p))));
  const sample = Array.from({ length: Math.ceil(n / by) }, (_, i) => X[i * by * p + j]);
  const mean = sample.reduce((sum, x) => sum + x, 0) / sample.length;
  const deviation = Math.sqrt(sample.reduce((sum, x) => sum + (x - mean) ** 2, 0) / sample.length);
  const filled = sample.filter((x) => x !== 0).length;
  let size = Math.sqrt(sample.reduce((sum, x) => sum + x * x, 0) / Math.max(filled, 1));
  if (!filled) for (let i = 0; i < n; i++) size = Math.max(size, Math.abs(X[i * p + j]));
  const varies = deviation > 2 * Number.EPSILON * Math.abs(mean) && sample.length >= ENOUGH;
  const distance = varies ? Math.abs(mean) / deviation : 0;
  return { mean, deviation, distance, size: size >= 1 || filled >= ENOUGH ? size : 1 };
}

const power = (size) => 2 ** Math.min(MOST, Math.max(-MOST, Math.round(Math.log2(size > 0 ? size : 1))));

// {centers, scales} for the first n rows of X, or null where all columns are as usual.
export function columnsOf(X, n, p) {
  const columns = Array.from({ length: p }, (_, j) => sizeOf(X, n, p, j));
  if (columns.every(({ size, distance }) => size >= SMALL && size <= LARGE && distance <= FAR)) return null;
  return {
    centers: columns.map(({ mean, distance }) => (distance > APART ? mean : 0)),
    scales: columns.map(({ size, deviation, distance }) => power(distance > APART ? deviation : size)),
  };
}

// The power of two where one weight of the first layer costs 1, or meets a bound; infinite where it is free.
function largestWeight({ l1, l2, group, maxNorm }) {
  if (!(l1[0] > 0 || l2[0] > 0 || group[0] > 0 || Number.isFinite(maxNorm))) return Infinity;
  for (let exponent = 0; exponent < 64; exponent++) {
    const w = 2 ** exponent;
    if (w > maxNorm || (l1[0] + group[0]) * w + 0.5 * l2[0] * w * w > 1) return w;
  }
  return 2 ** 64;
}

// The scales that suit a penalty: weights of size 1/scale must not be out of question.
export function suitedScales({ scales }, rule) {
  if (Math.min(...scales) >= 1) return scales;
  const least = Math.min(1 / largestWeight(rule), 1);
  return scales.map((scale) => Math.max(scale, least));
}

// θ's first biases ← those on X less the centers, for sign 1; back to those on X for −1.
export function moveBiases(network, theta, { centers }, sign) {
  const [p, width] = network.units;
  for (let k = 0; k < width; k++) {
    let shift = 0;
    for (let j = 0; j < p; j++) shift += centers[j] * theta[j * width + k];
    theta[network.biases[0] + k] += sign * shift;
  }
}

// X less the centers.
export function centered(X, { centers }) {
  return X.map((x, i) => x - centers[i % centers.length]);
}
