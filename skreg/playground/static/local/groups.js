// Groups of weights in training: the proximal step of a group's norm, and bounds on units.
//
// argmin_u ½ Σ (uᵢ − zᵢ)²/dᵢ + λ‖u‖, dᵢ the step size of component i: 0 if Σ (zᵢ/dᵢ)² ≤ λ², else
// uᵢ = zᵢ·r/(r + λdᵢ), r = ‖u‖ the root of ‖z/(r + λd)‖ = 1, found by Newton's method on 1/‖z/(r + λd)‖.

function secular(z, d, weight, r) {
  let [square, bend] = [0, 0];
  for (let i = 0; i < z.length; i++) {
    const inverse = 1 / (r + weight * d[i]);
    const ratio = z[i] * inverse;
    square += ratio * ratio;
    bend += ratio * ratio * inverse;
  }
  return [square, bend];
}

function radius(z, d, weight) {
  let [norm, mean] = [0, 0];
  for (let i = 0; i < z.length; i++) {
    norm += z[i] * z[i];
    mean += z[i] * z[i] * d[i];
  }
  if (norm === 0) return 0;
  const vanishes = () => secular(z, d, weight, 0)[0] <= 1;
  let r = Math.sqrt(norm) - (weight * mean) / norm;
  if (!(r > 0.1 * Math.sqrt(norm))) {
    if (vanishes()) return 0;
    r = 1e-3 * Math.sqrt(norm);
  }
  for (let step = 0; step < 30; step++) {
    const [square, bend] = secular(z, d, weight, r);
    let better = r + ((Math.sqrt(square) - 1) * square) / bend;
    if (Number.isNaN(better)) return better;
    if (better <= 0) {
      if (vanishes()) return 0;
      better = 0.1 * r;
    } else if (Math.abs(better - r) <= 1e-7 * r) return better;
    r = better;
  }
  return r;
}

// The weights at the places in θ, as one group of this strength; moved(i, by) follows a weight.
function shrink(theta, places, d, weight, moved) {
  const z = places.map((place) => theta[place]);
  const r = radius(z, d, weight);
  for (const [i, place] of places.entries()) {
    const shrunk = r === 0 ? 0 : (z[i] * r) / (r + weight * d[i]);
    moved(place, shrunk - z[i]);
    theta[place] = shrunk;
  }
}

const range = (start, count, by = 1) => Array.from({ length: count }, (_, i) => start + i * by);

// Every input's weights are a group. net: units, and where a layer's weights start.
export function shrinkInputs(net, theta, weight, stepAt, moved) {
  const [fanIn, width] = net.units;
  for (let row = 0; row < fanIn; row++) {
    const places = range(row * width, width);
    shrink(theta, places, places.map(stepAt), weight, moved);
  }
}

// Every hidden neuron's incoming and outgoing weights are a group; even layers first, then odd ones.
export function shrinkNeurons(net, theta, weights, stepAt, moved) {
  const last = net.units.length - 2;
  for (let turn = 0; turn < (last > 1 ? 2 : 1); turn++) {
    for (let l = turn; l < last; l += 2) {
      if (weights[l] === 0) continue;
      const [fanIn, width, fanOut] = net.units.slice(l, l + 3);
      for (let unit = 0; unit < width; unit++) {
        const places = [
          ...range(net.weights[l] + unit, fanIn, width), ...range(net.weights[l + 1] + unit * fanOut, fanOut),
        ];
        shrink(theta, places, places.map(stepAt), weights[l], moved);
      }
    }
  }
}

// The incoming weights of every unit, where longer, are scaled back to the length `limit`.
export function shortenUnits(net, theta, limit, moved) {
  for (let l = 0; l + 1 < net.units.length; l++) {
    const [fanIn, width] = net.units.slice(l, l + 2);
    for (let unit = 0; unit < width; unit++) {
      let square = 0;
      for (let i = 0; i < fanIn; i++) square += theta[net.weights[l] + i * width + unit] ** 2;
      if (square <= limit * limit) continue;
      const factor = limit / Math.sqrt(square);
      for (let i = 0; i < fanIn; i++) {
        const place = net.weights[l] + i * width + unit;
        moved(place, theta[place] * (factor - 1));
        theta[place] *= factor;
      }
    }
  }
}
