// Line charts on a canvas: axes that fit, lines told apart by dashes and labels as well as color.

import { palette } from "./colors.js";

const MARGIN = { left: 56, right: 12, top: 10, bottom: 32 };

function ticks(low, high, log, count) {
  if (log) {
    const decades = [];
    const every = Math.ceil((Math.log10(high) - Math.log10(low)) / count);
    for (let e = Math.ceil(Math.log10(low) - 1e-9); e <= Math.log10(high) + 1e-9; e++) {
      if (e % every === 0) decades.push(10 ** e);
    }
    return decades;
  }
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((s) => s * power >= rough * 0.999);
  const found = [];
  for (let t = Math.ceil(low / step - 1e-9) * step; t <= high + step * 1e-6; t += step) {
    found.push(Math.abs(t) < step * 1e-6 ? 0 : t);
  }
  return found;
}

function written(number) {
  if (number === 0) return "0";
  const size = Math.abs(number);
  if (size >= 1e5 || size < 1e-3) return number.toExponential(0).replace("e-", "e−").replace("e+", "e").replace("-", "−");
  return String(+number.toPrecision(3)).replace("-", "−");
}

function padded([low, high]) {
  const pad = 0.06 * (high - low) || 0.5;
  return [low - pad, high + pad];
}

export function extent(...arrays) {
  let [low, high] = [Infinity, -Infinity];
  for (const array of arrays) {
    for (const value of array) {
      if (Number.isFinite(value)) [low, high] = [Math.min(low, value), Math.max(high, value)];
    }
  }
  return low <= high ? [low, high] : [0, 1];
}

// Prepares a canvas; returns the functions that draw in the coordinates of the data.
export function chart(canvas, { x, y, xLabel = "", yLabel = "", logX = false, logY = false, square = false, xTicks }) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth || 300, canvas.clientHeight || 200];
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "11px system-ui, sans-serif";
  const box = {
    left: MARGIN.left, top: MARGIN.top,
    width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom,
  };
  let [xLow, xHigh] = logX ? x : padded(x);
  let [yLow, yHigh] = logY ? [y[0] / 1.3, y[1] * 1.3] : padded(y);
  if (square) { // the same scale on both axes
    const scale = Math.max((xHigh - xLow) / box.width, (yHigh - yLow) / box.height);
    const [xMiddle, yMiddle] = [(xLow + xHigh) / 2, (yLow + yHigh) / 2];
    [xLow, xHigh] = [xMiddle - (scale * box.width) / 2, xMiddle + (scale * box.width) / 2];
    [yLow, yHigh] = [yMiddle - (scale * box.height) / 2, yMiddle + (scale * box.height) / 2];
  }
  const along = logX
    ? (value) => Math.log(value / xLow) / Math.log(xHigh / xLow)
    : (value) => (value - xLow) / (xHigh - xLow || 1);
  const up = logY
    ? (value) => Math.log(Math.max(value, yLow) / yLow) / Math.log(yHigh / yLow)
    : (value) => (value - yLow) / (yHigh - yLow || 1);
  const px = (value) => box.left + box.width * along(value);
  const py = (value) => box.top + box.height * (1 - up(value));

  context.fillStyle = palette.muted;
  context.strokeStyle = palette.line;
  context.lineWidth = 1;
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const [value, label] of xTicks ?? ticks(xLow, xHigh, logX, box.width / 70).map((t) => [t, written(t)])) {
    context.beginPath();
    context.moveTo(px(value), box.top);
    context.lineTo(px(value), box.top + box.height);
    context.stroke();
    context.fillText(label, px(value), box.top + box.height + 4);
  }
  context.fillText(xLabel, box.left + box.width / 2, height - 13);
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of ticks(yLow, yHigh, logY, box.height / 40)) {
    context.beginPath();
    context.moveTo(box.left, py(value));
    context.lineTo(box.left + box.width, py(value));
    context.stroke();
    context.fillText(written(value), box.left - 5, py(value));
  }
  context.save();
  context.translate(7, box.top + box.height / 2);
  context.rotate(-Math.PI / 2);
  context.textAlign = "center";
  context.fillText(yLabel, 0, 0);
  context.restore();

  const clipped = (draw) => {
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.width, box.height);
    context.clip();
    draw();
    context.restore();
  };
  return {
    line(xs, ys, { color = palette.text, width: thick = 1.8, dash = [], closed = false } = {}) {
      clipped(() => {
        context.strokeStyle = color;
        context.lineWidth = thick;
        context.setLineDash(dash);
        context.beginPath();
        let pen = false;
        for (let i = 0; i < xs.length; i++) {
          const known = Number.isFinite(xs[i]) && Number.isFinite(ys[i]);
          if (known) context[pen ? "lineTo" : "moveTo"](px(xs[i]), py(ys[i]));
          pen = known;
        }
        if (closed) context.closePath();
        context.stroke();
      });
    },
    mark(x0, y0, shape, color, size = 5) {
      const [cx, cy] = [px(x0), py(y0)];
      clipped(() => {
        context.strokeStyle = context.fillStyle = color;
        context.lineWidth = 2;
        context.beginPath();
        if (shape === "cross") {
          context.moveTo(cx - size, cy - size); context.lineTo(cx + size, cy + size);
          context.moveTo(cx - size, cy + size); context.lineTo(cx + size, cy - size);
          context.strokeStyle = palette.panel; // a halo over the lines behind
          context.lineWidth = 5;
          context.stroke();
          context.strokeStyle = color;
          context.lineWidth = 2;
          context.stroke();
        } else if (shape === "diamond") {
          context.moveTo(cx, cy - 1.3 * size); context.lineTo(cx + 1.3 * size, cy);
          context.lineTo(cx, cy + 1.3 * size); context.lineTo(cx - 1.3 * size, cy);
          context.fill();
        } else {
          context.arc(cx, cy, size * 0.8, 0, 2 * Math.PI);
          context[shape === "ring" ? "stroke" : "fill"]();
        }
      });
    },
    text(label, x0, y0, { align = "left", dx = 6, dy = -7, color = palette.text } = {}) {
      context.fillStyle = color;
      context.textAlign = align;
      context.textBaseline = "middle";
      context.strokeStyle = palette.panel; // a halo over the lines behind
      context.lineWidth = 3;
      context.strokeText(label, px(x0) + dx, py(y0) + dy);
      context.fillText(label, px(x0) + dx, py(y0) + dy);
    },
    // Whether all of a line is within the box.
    holds(xs, ys) {
      const [[left, right], [low, high]] = [extent(xs), extent(ys)];
      return left >= xLow && right <= xHigh && low >= yLow && high <= yHigh;
    },
    bounds: { xLow, xHigh, yLow, yHigh, py },
  };
}
