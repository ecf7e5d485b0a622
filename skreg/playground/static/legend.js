// What the colors and shapes of the output mean: a color bar, and a point of every kind.

import { CLASSES, colorsFor, palette } from "./colors.js";
import { shape } from "./plane.js";

function swatch(kind, trains) {
  const ratio = window.devicePixelRatio || 1;
  const canvas = Object.assign(document.createElement("canvas"), { width: 16 * ratio, height: 16 * ratio });
  canvas.setAttribute("aria-hidden", "true");
  const context = canvas.getContext("2d");
  const color = palette[CLASSES[kind]];
  shape(context, kind, 8 * ratio, 8 * ratio, 5 * ratio);
  context.fillStyle = trains ? color : palette.panel;
  context.strokeStyle = color;
  context.lineWidth = 1.5 * ratio;
  context.fill();
  context.stroke();
  return canvas;
}

function entry(text, ...canvases) {
  const item = document.createElement("li");
  item.append(...canvases, ` ${text}`);
  return item;
}

const rounded = (value) => String(+value.toPrecision(3)).replace("-", "−");

// info: of the live run's data. showTest: whether hollow points are drawn.
export function drawLegend(list, { labels, axes, is_regression: isRegression }, showTest, discrete) {
  const names = isRegression ? ["below 0", "above 0"] : labels.map((label) => `class ${label}`);
  const range = ([name, low, high]) => `${name} from ${rounded(low)} to ${rounded(high)}`;
  list.replaceChildren(
    ...names.map((name, kind) => entry(name, swatch(kind, true))),
    ...(showTest ? [entry("hollow: test", ...names.map((_, kind) => swatch(kind, false)))] : []),
    entry(labels.length > 2 ? "Lines: where another class wins." : "Line: where the output changes sign."),
    entry(`Across: ${range(axes[0])}; up: ${range(axes[1])}.`),
  );
  drawBar(labels.length, discrete);
  const ends = isRegression ? ["−1", "0", "1"] : labels.length > 2
    ? labels : [`surely ${labels[0]}`, "undecided", `surely ${labels[1]}`];
  document.getElementById("bar-ends").replaceChildren(
    ...ends.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
}

function drawBar(nClasses, discrete) {
  const canvas = document.getElementById("bar");
  const colors = colorsFor(nClasses, discrete);
  canvas.width = 255;
  const context = canvas.getContext("2d");
  const image = context.createImageData(255, 1);
  new Uint32Array(image.data.buffer).set(colors.subarray(1));
  context.globalAlpha = 1;
  context.putImageData(image, 0, 0);
}
