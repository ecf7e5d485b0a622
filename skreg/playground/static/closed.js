// A network without hidden layers: contours and ball, and the exact path beside the trained weights.

import { chart, extent } from "./chart.js";
import { palette } from "./colors.js";
import { featureName } from "./network.js";

const TURN = Array.from({ length: 181 }, (_, i) => (i * Math.PI) / 90);

// (Across, up) of {θ : ½(θ − c)ᵀS(θ − c) = level}, S a symmetric 2 × 2 matrix [a, b, d].
function ellipse([a, b, d], center, level) {
  const root = Math.sqrt(((a - d) / 2) ** 2 + b * b);
  const [big, small] = [(a + d) / 2 + root, Math.max((a + d) / 2 - root, 1e-9 * (a + d))];
  const turn = Math.atan2(2 * b, a - d) / 2;
  const [r1, r2] = [Math.sqrt((2 * level) / big), Math.sqrt((2 * level) / small)];
  const at = (t) => [r1 * Math.cos(t), r2 * Math.sin(t)];
  return [
    TURN.map((t) => center[0] + at(t)[0] * Math.cos(turn) - at(t)[1] * Math.sin(turn)),
    TURN.map((t) => center[1] + at(t)[0] * Math.sin(turn) + at(t)[1] * Math.cos(turn)),
  ];
}

// The edge of {θ : ρ‖θ‖₁ + (1 − ρ)½‖θ‖² ≤ its value at the point (u, v)}.
function ball(ratio, u, v) {
  const penalty = (s, t) => ratio * (Math.abs(s) + Math.abs(t)) + ((1 - ratio) / 2) * (s * s + t * t);
  const bound = penalty(u, v);
  const radii = TURN.map((t) => {
    const linear = ratio * (Math.abs(Math.cos(t)) + Math.abs(Math.sin(t)));
    if (ratio === 1) return bound / linear;
    return (Math.sqrt(linear * linear + 2 * (1 - ratio) * bound) - linear) / (1 - ratio);
  });
  return [TURN.map((t, i) => radii[i] * Math.cos(t)), TURN.map((t, i) => radii[i] * Math.sin(t))];
}

export class ClosedForm {
  constructor(section, across, up) {
    Object.assign(this, { section, across, up, body: null, weights: null, isChosen: false, axes: ["x1", "x2"] });
    for (const select of [across, up]) {
      select.addEventListener("change", () => {
        this.isChosen = true;
        this.draw(this.weights);
      });
    }
  }

  shown(feature) {
    return featureName(feature, this.axes);
  }

  set(body, arrays) {
    this.body = body.shown ? body : null;
    this.arrays = arrays;
    this.section.hidden = !body.shown;
    if (!body.shown) return;
    // Unless others were chosen, the section is along the largest coefficients of the path.
    const last = arrays.coefs.subarray(arrays.coefs.length - body.features.length);
    const largest = body.features.map((_, k) => k).sort((a, b) => Math.abs(last[b]) - Math.abs(last[a]));
    for (const [select, fallback] of [[this.across, 0], [this.up, 1]]) {
      const chosen = this.isChosen ? body.features.indexOf(select.value) : -1;
      select.replaceChildren(...body.features.map((name) => new Option(this.shown(name), name)));
      select.selectedIndex = chosen >= 0 ? chosen : largest[fallback] ?? largest[0];
    }
    const kind = { 0: "L2", 1: "L1" }[body.l1_ratio] ?? "elastic net";
    this.section.querySelector("#closed-text").textContent =
      `Without hidden layers training and QuadraticApprox${body.l1_ratio ? "Lasso" : "Ridge"} minimize the same ` +
      `objective, here with λ = ${body.alpha} (${body.alpha ? kind : "no penalty"}). Left: a section through ` +
      `θ(λ), the other coefficients held there. ${body.note}`;
    this.draw(this.weights);
  }

  draw(weights) {
    this.weights = weights;
    if (!this.body || weights?.length !== this.body.features.length) return;
    this.drawBall();
    this.drawPath();
  }

  // The risk of two coefficients at θ(λ), the others held: its matrix, its minimizer, and its level there.
  sectionOf(i, j) {
    const { theta, hessian, gradient } = this.arrays;
    const p = theta.length;
    const S = [hessian[i * p + i], hessian[i * p + j], hessian[j * p + j]];
    const determinant = S[0] * S[2] - S[1] * S[1] || 1e-12;
    const step = [
      -(S[2] * gradient[i] - S[1] * gradient[j]) / determinant,
      -(S[0] * gradient[j] - S[1] * gradient[i]) / determinant,
    ];
    const level = 0.5 * (S[0] * step[0] ** 2 + 2 * S[1] * step[0] * step[1] + S[2] * step[1] ** 2);
    return { S, center: [theta[i] + step[0], theta[j] + step[1]], level };
  }

  drawBall() {
    const { theta, coefs } = this.arrays;
    const [i, j] = [this.across.selectedIndex, this.up.selectedIndex];
    const canvas = document.getElementById("ball");
    if (i === j) {
      chart(canvas, { x: [-1, 1], y: [-1, 1], square: true }).text("Choose two features.", 0, 0);
      return;
    }
    const [mine, trained] = [theta, this.weights].map((all) => [all[i], all[j]]);
    const { S, center, level: touching } = this.sectionOf(i, j);
    // Whole contours: the one that the ball touches, smaller ones, and larger ones that fit.
    const size = Math.hypot(...center, trained[0] - center[0], trained[1] - center[1]) / 2 || 0.5;
    const level = touching > 1e-9 ? touching : 0.25 * (S[0] + S[2]) * size * size;
    const contours = [0.1, 0.4, 1, 2, 4].map((share) => [share, ellipse(S, center, share * level)]);
    const { scale, l1_ratio: ratio, alpha, features } = this.body;
    const unit = ball(ratio, mine[0] / scale, mine[1] / scale);
    const edge = alpha > 0 ? unit.map((values) => values.map((value) => value * scale)) : [[], []];
    const reach = (k) => extent([0, trained[k], mine[k]], contours[2][1][k], edge[k]);
    const plot = chart(canvas, {
      x: reach(0), y: reach(1), xLabel: this.shown(features[i]), yLabel: this.shown(features[j]), square: true,
    });
    for (const [share, contour] of contours) {
      if (plot.holds(...contour)) {
        plot.line(...contour, { color: palette.muted, width: share === 1 ? 2 : 1, closed: true });
      }
    }
    if (alpha > 0) plot.line(...edge, { color: palette.accent, width: 2, dash: [6, 3], closed: true });
    const column = (k) => Array.from({ length: coefs.length / theta.length }, (_, row) => coefs[row * theta.length + k]);
    plot.line(column(i), column(j), { color: palette.high, width: 1.5 });
    plot.mark(...center, "ring", palette.muted);
    plot.mark(...mine, "diamond", palette.accent);
    plot.text("θ(λ)", ...mine);
    plot.mark(...trained, "cross", palette.text);
    plot.text("trained", ...trained, { align: "right", dx: -8, dy: 12 });
  }

  drawPath() {
    const { alphas, coefs } = this.arrays;
    const p = this.body.features.length;
    // Left of the path are λ = 0, and the names, where neither lines nor crosses are.
    const [names, zero] = [2.2e-6, 3e-5];
    const plot = chart(document.getElementById("path"), {
      x: [names, 100], y: extent(coefs, this.weights), xLabel: "λ", yLabel: "coefficient", logX: true,
      xTicks: [[zero, "0"], [1e-3, "0.001"], [0.01, "0.01"], [0.1, "0.1"], [1, "1"], [10, "10"], [100, "100"]],
    });
    const at = this.body.alpha > 0 ? Math.min(100, Math.max(1e-4, this.body.alpha)) : zero;
    plot.line([at, at], [plot.bounds.yLow, plot.bounds.yHigh], { color: palette.accent, dash: [6, 3] });
    const last = alphas.length - 1; // the smallest λ, at the left
    const order = this.body.features.map((_, k) => k).sort((a, b) => coefs[last * p + b] - coefs[last * p + a]);
    let above = -Infinity;
    for (const k of order) {
      const ys = Array.from(alphas, (_, row) => coefs[row * p + k]);
      plot.line(alphas, ys, { color: [palette.high, palette.low, palette.text][k % 3], dash: [[], [7, 3], [2, 3]][k % 3] });
      const y = plot.bounds.py(ys[last]);
      const moved = Math.max(y, above + 12); // labels below each other
      above = moved;
      plot.line([zero, alphas[last]], [ys[last], ys[last]], { color: palette.muted, width: 1, dash: [2, 3] });
      plot.text(this.shown(this.body.features[k]), zero, ys[last], { align: "right", dx: -10, dy: moved - y });
    }
    for (const k of order) plot.mark(at, this.weights[k], "cross", palette.text, 4);
  }
}
