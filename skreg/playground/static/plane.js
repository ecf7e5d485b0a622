// The large picture: a network's output over the plane, where it is 0, and the points.

import { CLASSES, colorsFor, palette } from "./colors.js";

const EDGE = 6;

// A square array of bytes as a picture of the same size.
export function paint(canvas, bytes, colors = colorsFor(2, false)) {
  const size = Math.sqrt(bytes.length);
  if (canvas.width !== size) canvas.width = canvas.height = size;
  const context = canvas.getContext("2d");
  const image = context.createImageData(size, size);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < pixels.length; i++) pixels[i] = colors[bytes[i]];
  context.putImageData(image, 0, 0);
}

// Where the bytes pass 128: marching squares, a segment a cell.
function boundary(context, bytes, size, scale) {
  const cut = (a, b) => (128 - a) / (b - a);
  context.beginPath();
  for (let row = 0; row + 1 < size; row++) {
    for (let column = 0; column + 1 < size; column++) {
      const at = row * size + column;
      const [a, b, c, d] = [bytes[at], bytes[at + 1], bytes[at + size + 1], bytes[at + size]];
      const ends = [];
      if (a < 128 !== b < 128) ends.push(column + cut(a, b), row);
      if (b < 128 !== c < 128) ends.push(column + 1, row + cut(b, c));
      if (d < 128 !== c < 128) ends.push(column + cut(d, c), row + 1);
      if (a < 128 !== d < 128) ends.push(column, row + cut(a, d));
      for (let i = 0; i + 3 < ends.length; i += 4) {
        context.moveTo((ends[i] + 0.5) * scale, (ends[i + 1] + 0.5) * scale);
        context.lineTo((ends[i + 2] + 0.5) * scale, (ends[i + 3] + 0.5) * scale);
      }
    }
  }
  context.stroke();
}

// Where another class becomes the most probable: the edges of its cells.
function borders(context, bytes, size, scale, nClasses) {
  const winner = (at) => Math.floor(bytes[at] / Math.floor(256 / nClasses));
  context.beginPath();
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const at = row * size + column;
      if (column + 1 < size && winner(at) !== winner(at + 1)) {
        context.moveTo((column + 1) * scale, row * scale);
        context.lineTo((column + 1) * scale, (row + 1) * scale);
      }
      if (row + 1 < size && winner(at) !== winner(at + size)) {
        context.moveTo(column * scale, (row + 1) * scale);
        context.lineTo((column + 1) * scale, (row + 1) * scale);
      }
    }
  }
  context.stroke();
}

// Every class has a shape as well as a color.
export function shape(context, kind, x, y, size) {
  const corners = [
    [[0, -1.25], [1.2, 0.85], [-1.2, 0.85]], null, [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
    [[0, -1.35], [1.35, 0], [0, 1.35], [-1.35, 0]], [[0, 1.25], [1.2, -0.85], [-1.2, -0.85]],
  ][kind];
  context.beginPath();
  if (!corners) context.arc(x, y, size, 0, 2 * Math.PI);
  else for (const [i, [dx, dy]] of corners.entries()) context[i ? "lineTo" : "moveTo"](x + dx * size, y + dy * size);
  context.closePath();
}

// The number of a row's class; of numbers and two classes it is the sign that tells.
export const classOf = (y, nClasses) => (nClasses > 2 ? y : Number(y >= 0));

export class Plane {
  constructor(canvas) {
    this.canvas = canvas;
    this.cells = document.createElement("canvas");
    this.points = document.createElement("canvas");
    this.data = null;
  }

  // Points are drawn once, and laid over every picture.
  setData(info, points, y, showTest) {
    this.data = { info, points, y, showTest };
    const ratio = window.devicePixelRatio || 1;
    const side = Math.round((this.canvas.clientWidth || 300) * ratio);
    this.canvas.width = this.canvas.height = this.points.width = this.points.height = side;
    const context = this.points.getContext("2d");
    const radius = 3.2 * ratio;
    context.lineWidth = 1.1 * ratio;
    const n = y.length;
    for (let i = showTest ? n - 1 : info.n_train - 1; i >= 0; i--) {
      const px = ((points[2 * i] + EDGE) / (2 * EDGE)) * side;
      const py = ((EDGE - points[2 * i + 1]) / (2 * EDGE)) * side;
      const size = radius * (info.is_regression ? 0.5 + 0.6 * Math.min(1, Math.abs(y[i])) : 1);
      const kind = classOf(y[i], info.labels.length);
      const color = palette[CLASSES[kind]];
      const trains = i < info.n_train;
      shape(context, kind, px, py, size);
      context.fillStyle = trains ? color : palette.panel;
      context.strokeStyle = trains ? palette.panel : color;
      context.fill();
      context.stroke();
    }
  }

  // nClasses: of the output; 2 for numbers, and for a neuron's.
  draw(bytes, discrete, nClasses) {
    paint(this.cells, bytes, colorsFor(nClasses, discrete));
    const context = this.canvas.getContext("2d");
    const side = this.canvas.width;
    context.imageSmoothingEnabled = !discrete && nClasses <= 2;
    context.fillStyle = palette.middle;
    context.fillRect(0, 0, side, side);
    context.globalAlpha = 0.6; // so that a filled point is seen on its own color
    context.drawImage(this.cells, 0, 0, side, side);
    context.globalAlpha = 1;
    context.strokeStyle = palette.text;
    context.lineWidth = 1.5;
    const scale = side / this.cells.width;
    if (nClasses > 2) borders(context, bytes, this.cells.width, scale, nClasses);
    else boundary(context, bytes, this.cells.width, scale);
    context.drawImage(this.points, 0, 0);
  }
}
