// Numbers and curves of the runs: the table of figures, losses by epoch, and losses against λ.

import { chart, extent } from "./chart.js";
import { palette } from "./colors.js";

const $ = (id) => document.getElementById(id);
const FIGURES = [
  ["Test loss", "test", 3], ["Training loss", "train", 3], ["Gap (test − training)", "gap", 3],
  ["Test accuracy", "accuracy", 3], ["Weights that are not 0", "nonzero", 0], ["Mean |weight|", "mean_abs", 3],
];

export function short(value, digits = 3) {
  if (value === null) return "∞";
  const size = Math.abs(value);
  const text = size < 1e3 ? value.toFixed(digits) : size < 1e5 ? value.toFixed(0) : value.toExponential(1);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("e+", "e").replaceAll("-", "−");
}

// The losses in words.
export function inWords({ live, pinned }) {
  return `Epoch ${live.epoch}: training loss ${short(live.train)}, test loss ${short(live.test)}` +
    (pinned ? `; pinned: ${short(pinned.train)} and ${short(pinned.test)}` : "");
}

export function drawFigures({ live, pinned }) {
  const body = $("figures").tBodies[0];
  if (!body.rows.length) {
    for (const [title, key] of FIGURES) {
      const row = body.insertRow();
      row.dataset.figure = key;
      row.append(Object.assign(document.createElement("th"), { scope: "row", textContent: title }));
      row.insertCell();
      row.insertCell().className = "of-pinned";
    }
  }
  for (const [i, [, key, digits]] of FIGURES.entries()) {
    const row = body.rows[i];
    row.hidden = !(key in live);
    row.cells[1].textContent = key in live ? short(live[key], digits) : "";
    row.cells[2].textContent = pinned && key in pinned ? short(pinned[key], digits) : "";
    row.cells[2].hidden = !pinned;
  }
  body.rows[4].cells[1].textContent += ` of ${live.weights}`;
  if (pinned) body.rows[4].cells[2].textContent += ` of ${pinned.weights}`;
}

const sorted = (arrays) => arrays.flatMap((values) => Array.from(values)).filter(Number.isFinite).sort((a, b) => a - b);

// Losses that leave the others flat at the bottom are drawn on a logarithmic scale.
export function lossScale(losses) {
  const known = sorted(losses).filter((value) => value > 0);
  const [low, middle, high] = [known[0], known[known.length >> 1], known.at(-1)];
  const logY = high > 20 * middle;
  return logY ? { y: [low, high], logY, yLabel: "loss, log scale" } : { y: extent([0], known), yLabel: "loss" };
}

export function drawCurves(arrays) {
  const column = (array, k) => Array.from({ length: array.shape[0] }, (_, row) => array[3 * row + k]);
  const lines = ["live", "pinned"].filter((name) => arrays[`${name}.curve`]).map((name) => {
    const array = arrays[`${name}.curve`];
    return { name, epochs: column(array, 0), train: column(array, 1), test: column(array, 2) };
  });
  const plot = chart($("curves"), {
    x: [0, Math.max(10, ...lines.map((line) => line.epochs.at(-1)))],
    ...lossScale(lines.flatMap((line) => [line.train, line.test])), xLabel: "epoch",
  });
  for (const { name, epochs, train, test } of lines.reverse()) {
    const width = name === "live" ? 2.4 : 1;
    plot.line(epochs, train, { color: palette.high, width });
    plot.line(epochs, test, { color: palette.low, width, dash: [5, 3] });
  }
}

const KINDS = { l1: "L1", l2: "L2", elasticnet: "elastic net" };

export function drawSweep(body, arrays) {
  const [done, of] = [arrays.rows.shape[0], body.of];
  $("sweep-text").textContent =
    `${KINDS[body.penalty] ?? "group"} penalty, ${body.epochs} epochs each: ${done} of ${of} λ.`;
  $("sweep-charts").hidden = false;
  const rows = arrays.rows;
  const column = (k) => Array.from({ length: rows.shape[0] }, (_, row) => rows[4 * row + k]);
  const alphas = column(0).map((alpha) => alpha || 3e-5); // 0 at the left end
  const [train, test, nonzero] = [column(1), column(2), column(3)];
  const gap = test.map((value, i) => value - train[i]);
  const xTicks = [[3e-5, "0"], [1e-4, "1e−4"], [1e-3, "0.001"], [0.01, "0.01"], [0.1, "0.1"], [1, "1"], [10, "10"]];
  const common = { x: [3e-5, 12], xLabel: "λ", logX: true, xTicks };
  // λ at which training explodes must not leave the others flat.
  const most = 5 * (sorted([test])[test.length >> 1] || 1);
  const shown = [test, gap].map((values) => values.map((value) => Math.min(value, most)));
  const losses = chart($("sweep-loss"), { ...common, y: extent([0], ...shown), yLabel: "loss" });
  losses.line(alphas, test, { color: palette.low, dash: [5, 3], width: 2 });
  losses.line(alphas, gap, { color: palette.text, dash: [2, 3], width: 2 });
  const best = test.reduce((at, value, i) => (value < test[at] || !Number.isFinite(test[at]) ? i : at), 0);
  if (Number.isFinite(test[best])) {
    losses.mark(alphas[best], test[best], "disc", palette.low);
    const named = column(0)[best] ? `λ = ${+column(0)[best].toPrecision(2)}` : "λ = 0";
    losses.text(`lowest: ${named}`, alphas[best], test[best], { align: alphas[best] > 0.1 ? "right" : "left", dy: 12 });
    $("sweep-loss").setAttribute("aria-label", `Test loss and gap against λ; lowest test loss ${short(test[best])} at ${named}`);
  }
  const counts = chart($("sweep-nonzero"), { ...common, y: extent([0], nonzero), yLabel: "weights" });
  counts.line(alphas, nonzero, { color: palette.high, width: 2 });
  for (const [i, alpha] of alphas.entries()) counts.mark(alpha, nonzero[i], "disc", palette.high, 3);
}
