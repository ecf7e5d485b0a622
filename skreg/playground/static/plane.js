// The large picture: a network's output over the plane, where it is 0, and the points.

import { palette } from "./colours.js";

const EDGE = 6;

// A square array of bytes as a picture of the same size.
export function paint(canvas, bytes, discrete = false) {
  const size = Math.sqrt(bytes.length);
  if (canvas.width !== size) canvas.width = canvas.height = size;
  const context = canvas.getContext("2d");
  const image = context.createImageData(size, size);
  const pixels = new Uint32Array(image.data.buffer);
  const colours = discrete ? palette.steps : palette.smooth;
  for (let i = 0; i < pixels.length; i++) pixels[i] = colours[bytes[i]];
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
      context.beginPath();
      if (y[i] >= 0) context.arc(px, py, size, 0, 2 * Math.PI);
      else {
        context.moveTo(px, py - 1.25 * size);
        context.lineTo(px + 1.2 * size, py + 0.85 * size);
        context.lineTo(px - 1.2 * size, py + 0.85 * size);
        context.closePath();
      }
      const colour = y[i] >= 0 ? palette.high : palette.low;
      const trains = i < info.n_train;
      context.fillStyle = trains ? colour : palette.panel;
      context.strokeStyle = trains ? palette.panel : colour;
      context.fill();
      context.stroke();
    }
  }

  draw(bytes, discrete) {
    paint(this.cells, bytes, discrete);
    const context = this.canvas.getContext("2d");
    const side = this.canvas.width;
    context.imageSmoothingEnabled = !discrete;
    context.fillStyle = palette.middle;
    context.fillRect(0, 0, side, side);
    context.globalAlpha = 0.6; // so that a filled point is seen on its own colour
    context.drawImage(this.cells, 0, 0, side, side);
    context.globalAlpha = 1;
    context.strokeStyle = palette.text;
    context.lineWidth = 1.5;
    boundary(context, bytes, this.cells.width, side / this.cells.width);
    context.drawImage(this.points, 0, 0);
  }
}
