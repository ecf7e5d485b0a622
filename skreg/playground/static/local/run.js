// One network in training: its epochs, its figures, its pictures; a twin of run.py and its estimator.

import { centered, columnsOf, moveBiases, suitedScales } from "./columns.js";
import { Network, TrainingState, trainEpoch } from "./trainer.js";
import { RandomState, shuffle } from "./random.js";

const ACTIVATIONS = { relu: "relu", tanh: "tanh", sigmoid: "logistic", linear: "identity" };
const [MOST_POINTS, MOST_WEIGHT, STILL] = [400, 1e6, 1e-300];
const RAMP = 0.6; // of a first fit's epochs, in which λ of groups of inputs grows to its value

// Parameters of the estimator that a state asks for, by its names.
export function networkParameters(state) {
  let [penalty, groups = ""] = state.penalty.split("-");
  if (penalty === "group" && !state.hidden.length) [penalty, groups] = ["l1", ""];
  return {
    hidden_layer_sizes: state.hidden, activation: ACTIVATIONS[state.activation],
    solver: state.optimizer === "adam" ? "adam" : "sgd",
    momentum: ["momentum", "nesterov"].includes(state.optimizer) ? 0.9 : 0,
    nesterovs_momentum: state.optimizer !== "momentum", learning_rate: "constant",
    learning_rate_init: state.learning_rate, batch_size: state.batch, dropout: state.dropout,
    max_norm: state.max_norm || null, penalty, alpha: penalty === "none" ? 0 : state.alpha,
    l1_ratio: state.l1_ratio, groups: groups || null,
  };
}

// What the trainer takes of these parameters.
function ruleOf(parameters, units, nRows) {
  const { penalty, alpha, l1_ratio: ratio, groups } = parameters;
  const layers = units.slice(1).map((_, l) => l);
  const l1 = { l1: 1, elasticnet: ratio }[penalty] ?? 0;
  const l2 = { l2: 1, elasticnet: 1 - ratio }[penalty] ?? 0;
  const sizes = {
    inputs: (l) => (l === 0 ? Math.sqrt(units[1]) : 0),
    neurons: (l) => (l + 2 < units.length ? Math.sqrt(units[l] + units[l + 2]) : 0),
  }[groups];
  return {
    eta: parameters.learning_rate_init, momentum: parameters.momentum, dropout: parameters.dropout,
    batch: Math.min(parameters.batch_size, nRows), maxNorm: parameters.max_norm ?? Infinity, groups,
    l1: layers.map(() => alpha * l1),
    l2: layers.map((l) => alpha * (groups === "inputs" && l > 0 ? 1 : l2)),
    group: layers.map((l) => (sizes ? alpha * sizes(l) : 0)),
  };
}

const kernelOf = ({ solver, momentum, nesterovs_momentum: isNesterov }) =>
  solver === "adam" ? "adam" : isNesterov && momentum > 0 ? "nesterov" : "sgd";

export const inByte = (value) => Math.round(128 + 127 * Math.min(1, Math.max(-1, value)));

// Of K > 2 classes the most probable in a byte: class k has a range, 256/K long, of its own.
function winner(shares) {
  const length = Math.floor(256 / shares.length);
  const best = shares.indexOf(Math.max(...shares));
  return length * best + Math.round(((length - 1) * (shares[best] * shares.length - 1)) / (shares.length - 1));
}

// The estimator: fit() goes on from where it ended, as with warm_start.
export class Model {
  constructor(parameters, data, seed) {
    const { y, nTrain, isRegression, labels } = data;
    this.data = data;
    this.rng = new RandomState(seed);
    const nOutputs = labels.length > 2 ? labels.length : 1;
    const loss = isRegression ? "squared_error" : nOutputs > 1 ? "multinomial_log_loss" : "binary_log_loss";
    const p = data.X.length / y.length;
    this.units = [p, ...parameters.hidden_layer_sizes, nOutputs];
    this.network = new Network(this.units, parameters.activation, loss);
    [this.mean, this.scale] = [0, 1];
    const targets = y.subarray(0, nTrain);
    if (isRegression) {
      this.mean = targets.reduce((sum, value) => sum + value, 0) / nTrain;
      const variance = targets.reduce((sum, value) => sum + (value - this.mean) ** 2, 0) / nTrain;
      this.scale = Math.sqrt(variance) > 1e-14 * Math.abs(this.mean) ? Math.sqrt(variance) : 1;
    }
    this.Y = this.encode(y);
    const theta = this.network.start(this.rng);
    this.columns = columnsOf(data.X, nTrain, p);
    this.trained = this.columns ? centered(data.X, this.columns) : data.X;
    if (this.columns) {
      const scales = suitedScales(this.columns, ruleOf(parameters, this.units, nTrain));
      for (let i = 0; i < this.network.biases[0]; i++) theta[i] /= scales[Math.floor(i / this.units[1])];
      moveBiases(this.network, theta, this.columns, -1);
    }
    const dropoutSeed = parameters.dropout > 0 ? this.rng.upTo(2 ** 31 - 2) : 0;
    this.state = new TrainingState(theta, kernelOf(parameters), dropoutSeed);
    this.isFresh = true;
  }

  copy() {
    const copied = Object.assign(Object.create(Model.prototype), this);
    [copied.rng, copied.state] = [this.rng.copy(), this.state.copy()];
    return copied;
  }

  encode(y) {
    const k = this.units.at(-1);
    if (k === 1) return y.map(this.data.isRegression ? (value) => (value - this.mean) / this.scale : (value) => Number(value > 0));
    const Y = new Float64Array(y.length * k);
    for (const [i, label] of y.entries()) Y[i * k + label] = 1;
    return Y;
  }

  // Train; whether it went well. The model is as it was before where training diverged.
  fit(parameters, nEpochs) {
    const { nTrain } = this.data;
    const rng = this.rng.copy();
    let state = this.state.copy();
    const kernel = kernelOf(parameters);
    if (state.kernel !== kernel) state = new TrainingState(state.theta, kernel);
    const rule = ruleOf(parameters, this.units, nTrain);
    rule.scales = this.columns && suitedScales(this.columns, rule);
    this.shift(state, 1);
    const ramp = rule.groups === "inputs" && this.isFresh ? RAMP * nEpochs : 0;
    const order = new Int32Array(nTrain);
    for (let epoch = 0; epoch < nEpochs; epoch++) {
      shuffle(order, rng.toMaxInt());
      const share = ramp ? Math.min(1, (epoch + 1) / ramp) : 1;
      const now = { ...rule, group: rule.group.map((weight) => share * weight) };
      if (Number.isNaN(trainEpoch(this.network, state, this.trained, this.Y, order, now))) return false;
    }
    this.shift(state, -1);
    Object.assign(this, { rng, state, isFresh: false });
    return true;
  }

  // Training is on columns less their centers: the first biases are those of such, for sign 1.
  shift(state, sign) {
    if (!this.columns) return;
    moveBiases(this.network, state.theta, this.columns, sign);
    if (state.point !== state.theta) moveBiases(this.network, state.point, this.columns, sign);
  }

  // Mean loss of rows: half the squared error in the units of y, or the log loss.
  meanLoss(first, last) {
    const k = this.units.at(-1);
    let total = 0;
    for (let row = first; row < last; row++) {
      this.network.forward(this.state.theta, this.data.X, row);
      total += this.network.lossOf(this.Y.subarray(row * k, (row + 1) * k));
    }
    return (total / (last - first)) * this.scale ** 2;
  }

  // Share of the rows whose class is right; R² for numbers is not shown.
  accuracy(first, last) {
    const k = this.units.at(-1);
    let right = 0;
    for (let row = first; row < last; row++) {
      const raw = this.network.forward(this.state.theta, this.data.X, row);
      if (k === 1) right += Number(raw[0] > 0) === this.Y[row];
      else right += this.Y[row * k + raw.indexOf(Math.max(...raw))] === 1;
    }
    return right / (last - first);
  }

  // The output at a row of features, in a byte.
  byteAt(X, row) {
    const raw = this.network.forward(this.state.theta, X, row);
    if (this.data.isRegression) return inByte(raw[0] * this.scale + this.mean);
    if (raw.length === 1) return inByte(2 / (1 + Math.exp(-raw[0])) - 1);
    const largest = Math.max(...raw);
    const parts = Array.from(raw, (value) => Math.exp(value - largest));
    const total = parts.reduce((sum, part) => sum + part, 0);
    return winner(parts.map((part) => part / total));
  }

  // Weights and biases of all layers, flat; the last layer's in the units of y.
  layers() {
    const { network, units, state: { theta } } = this;
    const [weights, biases] = [[], []];
    for (let l = 0; l + 1 < units.length; l++) {
      const isLast = l + 2 === units.length;
      for (const w of theta.subarray(network.weights[l], network.biases[l])) weights.push(isLast ? w * this.scale : w);
      for (const b of theta.subarray(network.biases[l], network.biases[l] + units[l + 1])) {
        biases.push(isLast ? b * this.scale + this.mean : b);
      }
    }
    return [Float64Array.from(weights), Float64Array.from(biases)];
  }

  setWeight(index, value) {
    const { network, units, state } = this;
    let [layer, left] = [0, index];
    while (left >= units[layer] * units[layer + 1]) left -= units[layer] * units[++layer];
    const isLast = layer + 2 === units.length;
    state.theta[network.weights[layer] + left] = isLast ? value / this.scale : value;
    state.point.set(state.theta);
  }
}

export class Run {
  constructor(state, data) {
    Object.assign(this, { state, data });
    this.restart();
  }

  get parameters() {
    return networkParameters(this.state);
  }

  restart() {
    this.model = new Model(this.parameters, this.data, this.state.start);
    Object.assign(this, { segments: [], points: [], stride: 1, error: "", epoch: 0 });
    this.measure();
  }

  // A run that can be trained without touching this one.
  copy() {
    const copied = Object.assign(Object.create(Run.prototype), this);
    copied.model = this.model.copy();
    copied.segments = this.segments.map((segment) => [...segment]);
    copied.points = [...this.points];
    return copied;
  }

  change(state) {
    Object.assign(this, { state, error: "" });
  }

  // Train, up to the epoch at which the state says stop; whether it can go on.
  train(nEpochs) {
    const { stop } = this.state;
    const n = stop > this.epoch ? Math.min(nEpochs, stop - this.epoch) : nEpochs;
    if (this.error || n < 1) return !this.error;
    if (!this.model.fit(this.parameters, n)) {
      this.error = `Training diverged after epoch ${this.epoch}: lower the learning rate.`;
      return false;
    }
    this.note(this.parameters, n);
    this.epoch += n;
    this.measure();
    return this.epoch !== stop;
  }

  // Set a weight; of a network that was not trained yet, after an epoch that leaves its weights.
  setWeight(index, value) {
    if (!(Math.abs(value) <= MOST_WEIGHT) || !Number.isInteger(index) || index < 0 || index >= this.weights.length) {
      return "A weight of the network as it is now can be set to a number from -1,000,000 to 1,000,000.";
    }
    if (!this.segments.length) {
      const still = {
        ...this.parameters, penalty: "none", alpha: 0, groups: null, max_norm: null, learning_rate_init: STILL,
      };
      this.model.fit(still, 1);
      this.note(still, 1);
    }
    this.model.setWeight(index, value);
    this.segments.push([index, value]);
    this.measure();
    return "";
  }

  note(parameters, nEpochs) {
    const last = this.segments.at(-1);
    if (JSON.stringify(last?.[0]) === JSON.stringify(parameters)) last[1] += nEpochs;
    else this.segments.push([parameters, nEpochs]);
  }

  measure() {
    const { nTrain, y } = this.data;
    [this.weights, this.biases] = this.model.layers();
    this.trainLoss = this.model.meanLoss(0, nTrain);
    this.testLoss = this.model.meanLoss(nTrain, y.length);
    if (this.points.length && this.epoch < this.points.at(-1)[0] + this.stride) return;
    this.points.push([this.epoch, this.trainLoss, this.testLoss]);
    if (this.points.length > MOST_POINTS) {
      this.points = this.points.filter((_, i) => i % 2 === 0);
      this.stride *= 2;
    }
  }

  figures() {
    const finite = (value) => (Number.isFinite(value) ? value : null);
    const start = 0.8 * this.points.at(-1)[0];
    const late = this.points.filter(([epoch]) => epoch >= start).map(([, train]) => train);
    const found = {
      epoch: this.epoch, train: finite(this.trainLoss), test: finite(this.testLoss),
      gap: finite(this.testLoss - this.trainLoss), peak: finite(Math.max(this.trainLoss, ...late)),
      nonzero: this.weights.reduce((count, w) => count + (w !== 0), 0), weights: this.weights.length,
      mean_abs: this.weights.reduce((sum, w) => sum + Math.abs(w), 0) / this.weights.length, error: this.error,
    };
    if (!this.data.isRegression) found.accuracy = this.model.accuracy(this.data.nTrain, this.data.y.length);
    return found;
  }

  curve() {
    return Float64Array.from([...this.points, [this.epoch, this.trainLoss, this.testLoss]].flat());
  }

  // The output over the plane in bytes, or that of a neuron of a hidden layer.
  picture(layer = null, unit = 0) {
    const { mapRows } = this.data;
    const { network, units: [p], state: { theta } } = this.model;
    return Uint8Array.from({ length: mapRows.length / p }, (_, row) => {
      if (layer === null) return this.model.byteAt(mapRows, row);
      network.forward(theta, mapRows, row);
      return inByte(network.outputs[layer + 1][unit]);
    });
  }

  // Every hidden neuron's output in bytes, neuron by neuron.
  thumbnails() {
    const { thumbRows } = this.data;
    const { network, units, state: { theta } } = this.model;
    const cells = thumbRows.length / units[0];
    const hidden = units.slice(1, -1);
    const out = new Uint8Array(cells * hidden.reduce((sum, width) => sum + width, 0));
    for (let row = 0; row < cells; row++) {
      network.forward(theta, thumbRows, row);
      let place = row;
      for (let l = 0; l < hidden.length; l++) {
        for (const value of network.outputs[l + 1]) {
          out[place] = inByte(value);
          place += cells;
        }
      }
    }
    return out;
  }
}
