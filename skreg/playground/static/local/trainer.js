// Training of a small dense network: a twin of the package's compiled trainer, in double precision.
//
// θ is one flat array: for each layer its weights, fan_in × fan_out row by row, then its biases.

import { shortenUnits, shrinkInputs, shrinkNeurons } from "./groups.js";
import { dropoutKey, mix32, rowKey } from "./random.js";

const ACTIVATIONS = {
  relu: (x) => (x < 0 ? 0 : x), tanh: (x) => 1 - 2 / (1 + Math.exp(x + x)),
  logistic: (x) => 1 / (1 + Math.exp(-x)), identity: (x) => x,
};
// From the output.
const SLOPES = { relu: (a) => (a > 0 ? 1 : 0), tanh: (a) => 1 - a * a, logistic: (a) => a * (1 - a), identity: () => 1 };

// ℓ of a row; the raw predictions f become its gradient.
const LOSSES = {
  squared_error(y, f) {
    let loss = 0;
    for (let k = 0; k < f.length; k++) {
      f[k] -= y[k];
      loss += 0.5 * f[k] * f[k];
    }
    return loss;
  },
  binary_log_loss([y], f) {
    const small = Math.exp(-Math.abs(f[0]));
    const side = f[0] > 0 ? 1 : 0;
    const loss = Math.log1p(small) + (side - y) * f[0];
    f[0] = side - y + (f[0] > 0 ? -small : small) / (1 + small);
    return loss;
  },
  multinomial_log_loss(y, f) {
    const largest = Math.max(...f);
    let [total, share] = [0, 0];
    for (let k = 0; k < f.length; k++) {
      share += y[k] * (f[k] - largest);
      f[k] = Math.exp(f[k] - largest);
      total += f[k];
    }
    for (let k = 0; k < f.length; k++) f[k] = f[k] / total - y[k];
    return Math.log(total) - share;
  },
};

const soft = (x, threshold) => (Math.abs(x) <= threshold ? 0 : x - Math.sign(x) * threshold);

export class Network {
  constructor(units, activation, loss) {
    Object.assign(this, { units, activation, loss, weights: [], biases: [] });
    let size = 0;
    for (let l = 0; l + 1 < units.length; l++) {
      this.weights.push(size);
      this.biases.push(size += units[l] * units[l + 1]);
      size += units[l + 1];
    }
    this.size = size;
    this.outputs = units.map((width) => new Float64Array(width));
    this.deltas = units.map((width) => new Float64Array(width));
    this.kept = units.map((width) => new Float64Array(width).fill(1)); // 0, or what dropout scales by
  }

  // Glorot's uniform law; biases are 0.
  start(rng) {
    const theta = new Float64Array(this.size);
    for (const [l, start] of this.weights.entries()) {
      const bound = Math.sqrt(6 / (this.units[l] + this.units[l + 1]));
      for (let i = start; i < this.biases[l]; i++) theta[i] = rng.uniform(-bound, bound);
    }
    return theta;
  }

  // Outputs of all layers for a row of X, in this.outputs; the last are the raw predictions.
  forward(theta, X, row, drops = null) {
    const { units, outputs } = this;
    const act = ACTIVATIONS[this.activation];
    for (let i = 0; i < units[0]; i++) outputs[0][i] = X[row * units[0] + i];
    for (let l = 0; l + 1 < units.length; l++) {
      const [before, out, width] = [outputs[l], outputs[l + 1], units[l + 1]];
      for (let k = 0; k < width; k++) out[k] = theta[this.biases[l] + k];
      for (let i = 0, at = this.weights[l]; i < before.length; i++) {
        const value = before[i];
        for (let k = 0; k < width; k++, at++) out[k] += value * theta[at];
      }
      if (l + 2 === units.length) break;
      for (let k = 0; k < width; k++) out[k] = act(out[k]);
      drops?.(l + 1, out);
    }
    return outputs.at(-1);
  }

  // ℓ of the row whose outputs are there; the raw predictions become its gradient.
  lossOf(y) {
    return LOSSES[this.loss](y, this.outputs.at(-1));
  }

  // Add the gradient of this row's loss, times share, to `gradient`; ℓ.
  backward(theta, y, share, gradient, drops) {
    const { units, outputs, deltas } = this;
    const slope = SLOPES[this.activation];
    const last = units.length - 1;
    const loss = this.lossOf(y);
    for (let k = 0; k < units[last]; k++) deltas[last][k] = outputs[last][k] * share;
    for (let l = last - 1; l >= 0; l--) {
      const [before, delta, width] = [outputs[l], deltas[l + 1], units[l + 1]];
      for (let k = 0; k < width; k++) gradient[this.biases[l] + k] += delta[k];
      for (let i = 0, at = this.weights[l]; i < units[l]; i++) {
        const value = before[i];
        let sum = 0;
        for (let k = 0; k < width; k++, at++) {
          gradient[at] += value * delta[k];
          sum += theta[at] * delta[k];
        }
        if (l > 0) {
          const scale = drops ? this.kept[l][i] : 1;
          deltas[l][i] = scale === 0 ? 0 : sum * scale * slope(drops ? value / scale : value);
        }
      }
    }
    return loss;
  }
}

// What training changes: θ, where the gradient is taken, the optimizer's memory and its clock.
export class TrainingState {
  constructor(theta, kernel, dropoutSeed = 0) {
    const slot = () => new Float64Array(theta.length);
    Object.assign(this, { theta, kernel, dropoutSeed, nSteps: 0 });
    this.point = kernel === "nesterov" ? theta.slice() : theta;
    [this.slot1, this.slot2] = [slot(), slot()];
  }

  copy() {
    const copied = Object.assign(Object.create(TrainingState.prototype), this);
    for (const name of ["theta", "slot1", "slot2"]) copied[name] = this[name].slice();
    copied.point = this.kernel === "nesterov" ? this.point.slice() : copied.theta;
    return copied;
  }
}

const [BETA_1, BETA_2, EPSILON] = [0.9, 0.95, 1e-8];

// One epoch over the rows in `order`: Σ ℓ, or NaN if it diverged. rule: eta, batch, momentum, dropout,
// l1 and l2 of each layer, groups ("inputs", "neurons" or null) with a weight for each layer, maxNorm,
// and scales of the columns, or null for ones.
export function trainEpoch(net, state, X, Y, order, rule) {
  const gradient = new Float64Array(net.size);
  const nOutputs = net.units.at(-1);
  const drops = rule.dropout > 0 ? new Dropout(net, state.dropoutSeed, rule.dropout) : null;
  let total = 0;
  for (let start = 0; start < order.length; start += rule.batch) {
    const size = Math.min(rule.batch, order.length - start);
    state.nSteps++;
    gradient.fill(0);
    drops?.begin(state.nSteps);
    let loss = 0;
    for (let i = 0; i < size; i++) {
      const row = order[start + i];
      net.forward(state.point, X, row, drops?.ofRow(i));
      loss += net.backward(
        state.point, Y.subarray(row * nOutputs, (row + 1) * nOutputs), 1 / size, gradient, drops !== null);
    }
    total += loss;
    if (!Number.isFinite(loss)) return NaN;
    step(net, state, gradient, rule);
  }
  const isFinite = (array) => array.every(Number.isFinite);
  return isFinite(state.point) && isFinite(state.slot2) ? total : NaN;
}

class Dropout {
  constructor(net, seed, rate) {
    Object.assign(this, { net, seed, scale: 1 / (1 - rate), threshold: Math.floor(rate * 4294967296) });
  }

  begin(number) {
    this.keys = this.net.units.map((_, layer) => dropoutKey(this.seed, number, layer));
  }

  // What is done to the outputs of a hidden layer of a row of the batch.
  ofRow(row) {
    return (layer, out) => {
      const key = rowKey(this.keys[layer], row);
      const kept = this.net.kept[layer];
      for (let k = 0; k < out.length; k++) {
        kept[k] = mix32(key + k) < this.threshold ? 0 : this.scale;
        out[k] *= kept[k];
      }
    };
  }
}

// One step of the optimizer, and of what follows it.
function step(net, state, gradient, rule) {
  const { theta } = state;
  const { scales } = rule;
  const scaleAt = (i) => (scales && i < net.biases[0] ? scales[Math.floor(i / net.units[1])] : 1);
  const stepAt = UPDATES[state.kernel](state, rule, scaleAt);
  for (let l = 0; l + 1 < net.units.length; l++) {
    stepAt.update(net.weights[l], net.biases[l], gradient, rule.l1[l], rule.l2[l]);
    stepAt.update(net.biases[l], net.biases[l] + net.units[l + 1], gradient, 0, 0);
  }
  const moved = stepAt.moved;
  if (rule.groups === "inputs" && rule.group[0] > 0) shrinkInputs(net, theta, rule.group[0], stepAt.size, moved);
  if (rule.groups === "neurons") shrinkNeurons(net, theta, rule.group, stepAt.size, moved);
  if (Number.isFinite(rule.maxNorm)) shortenUnits(net, theta, rule.maxNorm, moved);
}

// For each optimizer: update(start, end, gradient, l1, l2) of a slice of θ with the proximal step of
// the penalty, the step size at a place, and what follows θ when a later step moves it. Weights of a
// column of scale s move as those of the column divided by s would: at the rate η/s², with Adam η/s.
const UPDATES = {
  sgd({ theta, slot1 }, { eta: rate, momentum }, scaleAt) {
    const size = (i) => rate / scaleAt(i) ** 2;
    return {
      update(start, end, g, l1, l2) {
        for (let i = start; i < end; i++) {
          const eta = size(i);
          const by = momentum * slot1[i] - eta * (g[i] + l2 * theta[i]);
          const there = soft(theta[i] + by, eta * l1);
          slot1[i] = l1 === 0 ? by : there - theta[i];
          theta[i] = there;
        }
      },
      size,
      moved(i, by) { slot1[i] += by; },
    };
  },
  nesterov({ theta, point }, { eta: rate, momentum }, scaleAt) {
    const size = (i) => rate / scaleAt(i) ** 2;
    return {
      update(start, end, g, l1, l2) {
        for (let i = start; i < end; i++) {
          const eta = size(i);
          const there = soft(point[i] - eta * (g[i] + l2 * point[i]), eta * l1);
          point[i] = there + momentum * (there - theta[i]);
          theta[i] = there;
        }
      },
      size,
      moved(i, by) { point[i] += (1 + momentum) * by; },
    };
  },
  adam({ theta, slot1, slot2, nSteps }, { eta }, scaleAt) {
    const correction = 1 - BETA_1 ** nSteps;
    const scale = 1 / Math.sqrt(1 - BETA_2 ** nSteps);
    const size = (i) => eta / scaleAt(i) / (Math.sqrt(slot2[i]) * scale + EPSILON * scaleAt(i));
    return {
      update(start, end, g, l1, l2) {
        for (let i = start; i < end; i++) {
          const slope = g[i] + l2 * theta[i];
          slot1[i] = BETA_1 * slot1[i] + (1 - BETA_1) * slope;
          slot2[i] = BETA_2 * slot2[i] + (1 - BETA_2) * slope * slope;
          const by = size(i) / correction;
          theta[i] = soft(theta[i] - by * slot1[i], by * l1 * correction);
        }
      },
      size,
      moved() {},
    };
  },
};
