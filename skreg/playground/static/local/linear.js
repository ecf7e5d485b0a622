// A network without hidden layers is a linear model: its exact path, and the risk around it.
//
// Newton's method on the mean loss; each quadratic with its penalty is minimized by coordinates. It
// stands in for QuadraticApproxRidge and QuadraticApproxLasso, and is tested against them.

import { networkParameters } from "./run.js";

const PATH = Array.from({ length: 61 }, (_, i) => 10 ** (2 - i / 10));
const [MOST_STEPS, MOST_SWEEPS, NEAR] = [100, 20_000, 1e-11];

const soft = (x, threshold) => Math.sign(x) * Math.max(Math.abs(x) - threshold, 0);
const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

// The mean loss of X with targets y: half the squared error, or the log loss for y in {0, 1}.
class Risk {
  constructor(X, y, p, isRegression) {
    Object.assign(this, { X, y, p, n: y.length, isRegression });
  }

  raw(theta, b, i) {
    let f = b;
    for (let j = 0; j < this.p; j++) f += theta[j] * this.X[i * this.p + j];
    return f;
  }

  value(theta, b) {
    let total = 0;
    for (let i = 0; i < this.n; i++) {
      const f = this.raw(theta, b, i);
      const y = this.y[i];
      total += this.isRegression ? 0.5 * (f - y) ** 2 : Math.log1p(Math.exp(-Math.abs(f))) + Math.max(f, 0) - y * f;
    }
    return total / this.n;
  }

  // The quadratic of θ around (θ, b), b at its best for each θ: its gradient and Hessian, and b for a step.
  around(theta, b) {
    const { X, p, n } = this;
    const [slope, bend, mean] = [new Float64Array(n), new Float64Array(n), new Float64Array(p)];
    let [push, mass] = [0, 0];
    for (let i = 0; i < n; i++) {
      const f = this.raw(theta, b, i);
      const share = this.isRegression ? f : 1 / (1 + Math.exp(-f));
      slope[i] = share - this.y[i];
      bend[i] = this.isRegression ? 1 : Math.max(share * (1 - share), 1e-300);
      push += slope[i];
      mass += bend[i];
      for (let j = 0; j < p; j++) mean[j] += bend[i] * X[i * p + j];
    }
    for (let j = 0; j < p; j++) mean[j] /= mass;
    const [gradient, hessian] = [new Float64Array(p), new Float64Array(p * p)];
    for (let i = 0; i < n; i++) {
      const off = Float64Array.from(mean, (middle, j) => X[i * p + j] - middle);
      for (let j = 0; j < p; j++) {
        gradient[j] += (slope[i] * off[j]) / n;
        for (let k = 0; k < p; k++) hessian[j * p + k] += (bend[i] * off[j] * off[k]) / n;
      }
    }
    return { gradient, hessian, intercept: (step) => b - push / mass - dot(mean, step) };
  }
}

// argmin_u gᵀ(u − θ) + ½(u − θ)ᵀH(u − θ) + l1·‖u‖₁ + l2·½‖u‖².
function minimizer({ gradient, hessian }, theta, l1, l2) {
  const p = theta.length;
  const u = theta.slice();
  const pull = gradient.slice(); // g + H(u − θ)
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    let [moved, size] = [0, 0];
    for (let j = 0; j < p; j++) {
      const bend = hessian[j * p + j];
      if (bend + l2 === 0) continue;
      const better = soft(bend * u[j] - pull[j], l1) / (bend + l2);
      const by = better - u[j];
      if (by !== 0) for (let k = 0; k < p; k++) pull[k] += hessian[k * p + j] * by;
      u[j] = better;
      [moved, size] = [Math.max(moved, Math.abs(by)), Math.max(size, Math.abs(better))];
    }
    if (moved <= NEAR * size) break;
  }
  return u;
}

// {theta, b, isFound}: the minimizer at λ = alpha from a start; not found where there is none.
function solve(risk, alpha, ratio, { theta, b }) {
  const [l1, l2] = [alpha * ratio, alpha * (1 - ratio)];
  const cost = (u, c) => risk.value(u, c) + l1 * u.reduce((sum, w) => sum + Math.abs(w), 0) + 0.5 * l2 * dot(u, u);
  let now = cost(theta, b);
  for (let number = 0; number < MOST_STEPS; number++) {
    const quadratic = risk.around(theta, b);
    const aim = minimizer(quadratic, theta, l1, l2);
    const step = aim.map((w, j) => w - theta[j]);
    const turn = quadratic.intercept(step) - b;
    let share = 1;
    let next = cost(aim, b + turn);
    while (next > now + 1e-13 * Math.abs(now) && share > 1e-6) {
      share /= 2;
      next = cost(theta.map((w, j) => w + share * step[j]), b + share * turn);
    }
    const size = Math.max(...step.map(Math.abs), Math.abs(turn));
    theta = share === 1 ? aim : theta.map((w, j) => w + share * step[j]);
    b += share * turn;
    now = next;
    if (size <= 1e-9 * Math.max(1, ...theta.map(Math.abs))) return { theta, b, isFound: true };
    if (Math.max(...theta.map(Math.abs)) > 1e4) break;
  }
  return { theta, b, isFound: false };
}

// [figures, arrays] of the minimizers that training makes for, as closed_form.py gives them.
export function closedForm(state, { X, y, nTrain, isRegression }) {
  const { penalty, alpha, l1_ratio: share, max_norm: maxNorm } = networkParameters(state);
  const ratio = { l1: 1, elasticnet: share }[penalty] ?? 0;
  const p = X.length / y.length;
  let targets = y.subarray(0, nTrain);
  let scale = 1;
  if (isRegression) { // as the network does: λ is that of a target of variance 1
    const mean = targets.reduce((sum, value) => sum + value, 0) / nTrain;
    scale = Math.sqrt(targets.reduce((sum, value) => sum + (value - mean) ** 2, 0) / nTrain) || 1;
    targets = targets.map((value) => value / scale);
  } else targets = targets.map((value) => Number(value > 0));
  const risk = new Risk(X.subarray(0, nTrain * p), targets, p, isRegression);
  const coefs = new Float64Array(PATH.length * p);
  let at = { theta: new Float64Array(p), b: 0 };
  for (const [row, lambda] of PATH.entries()) {
    at = solve(risk, lambda, ratio, at);
    coefs.set(at.theta.map((w) => scale * w), row * p);
  }
  const { theta, b, isFound } = solve(risk, alpha, ratio, alpha > 1 ? { theta: new Float64Array(p), b: 0 } : at);
  const { gradient, hessian } = risk.around(theta, b);
  const notes = [
    ...(isFound ? [] : ["A line separates the classes: without a penalty the coefficients have no end."]),
    ...(maxNorm ? ["Max-norm, which training obeys as well, is not part of it."] : []),
  ];
  return [{ l1_ratio: ratio, scale, note: notes.join(" ") }, {
    alphas: [Float64Array.from(PATH), [PATH.length]], coefs: [coefs, [PATH.length, p]],
    theta: [theta.map((w) => scale * w), [p]], hessian: [hessian, [p, p]],
    gradient: [gradient.map((g) => scale * g), [p]],
  }];
}
