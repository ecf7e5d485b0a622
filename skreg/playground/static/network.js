// The network as a graph: features to switch on, neurons to look at, links as thick as their weight.

import { paint } from "./plane.js";

const SIDE = 34;
const WIDE = 84;
const ROW = 41;
const TOP = 34;
const SVG = "http://www.w3.org/2000/svg";

const signed = (value) => value.toPrecision(3).replace("-", "−");

// A feature's name in terms of the inputs' own names.
export function featureName(feature, [first, second]) {
  const named = { x1: first, x2: second };
  if (feature === "x1x2") return first === "x1" ? "x1x2" : `${first} × ${second}`;
  return feature.replace(/x[12]/, (name) => named[name]).replace("^2", "²");
}

function element(tag, properties = {}, parent = null) {
  const made = Object.assign(document.createElement(tag), properties);
  parent?.append(made);
  return made;
}

export class Network {
  // does: change(field, text) alters a setting; look(layer, unit, event) shows a neuron large;
  // edit(index, name, value) asks for a new weight.
  constructor(graph, table, tip, does) {
    Object.assign(this, { graph, table, tip, ...does, shape: "", thumbs: [], links: [], axes: ["x1", "x2"] });
    graph.addEventListener("pointermove", (event) => this.pointAt(event));
    graph.addEventListener("pointerleave", () => { tip.hidden = true; });
    graph.addEventListener("click", ({ target }) => this.ask(target.dataset?.link));
    table.addEventListener("toggle", () => this.fillTable());
  }

  // axes: names of the two inputs; labels: of the outputs, where there are several.
  setFeatures(names, pictures, size, axes, labels) {
    Object.assign(this, { allFeatures: names, axes, outputs: labels.length > 2 ? labels : ["out"] });
    this.shape = "";
    this.pictures = names.map((_, i) => pictures.subarray(i * size * size, (i + 1) * size * size));
  }

  // Lay the graph out; only when the network's shape has changed, or the width.
  layOut(features, hidden) {
    const names = this.allFeatures;
    if (!names) return;
    const columns = hidden.length + 2;
    const left = this.axes[0] === "x1" ? 62 : 110;
    const width = Math.max(this.graph.parentElement.clientWidth, left + columns * 60);
    const shape = JSON.stringify([features, hidden, width]);
    if (shape === this.shape) return;
    this.shape = shape;
    this.features = features;
    this.units = [features.length, ...hidden, this.outputs.length];
    const focused = document.activeElement?.dataset?.key;
    this.clear(width, TOP + 8 * ROW);
    const endWidth = this.outputs.length > 1 ? WIDE : SIDE; // room for the classes' names
    const gap = (width - left - endWidth - 8) / (columns - 1);
    const x = (column) => left + column * gap;
    const y = (row) => TOP + row * ROW;

    const places = [features.map((name) => [x(0), y(names.indexOf(name))])];
    names.forEach((name, row) => this.addFeature(name, features.includes(name), x(0), y(row), row));
    this.thumbs = [];
    hidden.forEach((count, layer) => {
      this.addLayerHead(hidden, layer, x(layer + 1));
      const column = [];
      for (let unit = 0; unit < count; unit++) {
        column.push([x(layer + 1), y(unit)]);
        this.addNeuron(layer, unit, ...column.at(-1));
      }
      places.push(column);
    });
    const first = Math.max(0, 3 - Math.floor(this.outputs.length / 2));
    places.push(this.outputs.map((label, k) => this.addOutput(label, x(columns - 1), y(first + k), endWidth)));
    this.addLinks(places);
    if (focused) this.graph.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
    if (this.frame) this.draw(...this.frame);
  }

  clear(width, height) {
    this.graph.replaceChildren();
    this.graph.style.width = `${width}px`;
    this.graph.style.height = `${height}px`;
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", height);
    this.svg.setAttribute("aria-hidden", "true");
    this.graph.append(this.svg);
  }

  addOutput(label, left, top, width) {
    const node = element("div", { className: "node end", textContent: label, title: label }, this.graph);
    node.style.left = `${left}px`;
    node.style.top = `${top}px`;
    node.style.width = `${width}px`;
    return [left, top];
  }

  addFeature(name, on, left, top, row) {
    const node = element("button", { type: "button", className: "node feature" }, this.graph);
    node.dataset.key = name;
    node.style.left = `${left}px`;
    node.style.top = `${top}px`;
    node.setAttribute("aria-pressed", on);
    const shown = featureName(name, this.axes);
    node.setAttribute("aria-label", `Feature ${shown}`);
    element("span", { className: "name", textContent: shown, title: shown }, node);
    paint(element("canvas", {}, node), this.pictures[row]);
    node.addEventListener("click", () => {
      const chosen = this.allFeatures.filter((other) => this.features.includes(other) !== (other === name));
      this.change("features", chosen.join(","));
    });
  }

  addLayerHead(hidden, layer, left) {
    const head = element("div", { className: "head" }, this.graph);
    head.style.left = `${left - 12}px`;
    for (const [sign, by, word] of [["−", -1, "less"], ["+", 1, "more"]]) {
      const button = element("button", { type: "button", textContent: sign }, head);
      button.dataset.key = `${layer}${sign}`;
      button.disabled = hidden[layer] + by < 1 || hidden[layer] + by > 8;
      button.setAttribute("aria-label", `One neuron ${word} in hidden layer ${layer + 1}`);
      button.addEventListener("click", () => {
        this.change("hidden", hidden.with(layer, hidden[layer] + by).join(","));
      });
    }
  }

  addNeuron(layer, unit, left, top) {
    const node = element("button", { type: "button", className: "node" }, this.graph);
    node.dataset.key = `n${layer}.${unit}`;
    node.style.left = `${left}px`;
    node.style.top = `${top}px`;
    node.setAttribute("aria-label", `Neuron ${unit + 1} of hidden layer ${layer + 1}: show it large`);
    this.thumbs.push([element("canvas", {}, node), node]);
    node.addEventListener("pointerenter", (event) => this.look(layer, unit, event));
    node.addEventListener("focus", (event) => {
      if (node.matches(":focus-visible")) this.look(layer, unit, event); // by the keyboard
    });
    for (const kind of ["pointerleave", "blur"]) node.addEventListener(kind, (event) => this.look(null, 0, event));
    node.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press looks
  }

  addLinks(places) {
    this.links = [];
    const visible = document.createElementNS(SVG, "g");
    const touched = document.createElementNS(SVG, "g");
    for (let layer = 0; layer + 1 < places.length; layer++) {
      for (const [i, from] of places[layer].entries()) {
        for (const [j, to] of places[layer + 1].entries()) {
          const [x0, y0, x1, y1] = [from[0] + SIDE, from[1] + SIDE / 2, to[0], to[1] + SIDE / 2];
          const bend = (x0 + x1) / 2;
          const d = `M${x0} ${y0}C${bend} ${y0} ${bend} ${y1} ${x1} ${y1}`;
          const path = document.createElementNS(SVG, "path");
          path.setAttribute("d", d);
          const hit = document.createElementNS(SVG, "path");
          hit.setAttribute("d", d);
          hit.setAttribute("class", "hit");
          hit.dataset.link = this.links.length;
          visible.append(path);
          touched.append(hit);
          this.links.push({ path, layer, i, j, look: "", thick: "" });
        }
      }
    }
    this.svg.append(visible, touched);
  }

  name(layer, index) {
    if (layer === 0) return featureName(this.features[index], this.axes);
    if (layer < this.units.length - 1) return `neuron ${index + 1} of layer ${layer}`;
    return this.outputs.length > 1 ? `output ${this.outputs[index]}` : "output";
  }

  linkName({ layer, i, j }) {
    return `${this.name(layer, i)} → ${this.name(layer + 1, j)}`;
  }

  ask(index) {
    const link = this.links[index];
    if (link && this.frame) this.edit(Number(index), this.linkName(link), this.frame[0][index]);
  }

  pointAt(event) {
    const link = this.links[event.target.dataset?.link];
    this.tip.hidden = !link || !this.frame;
    if (this.tip.hidden) return;
    const weight = this.frame[0][event.target.dataset.link];
    this.tip.textContent = `${this.linkName(link)}: ${signed(weight)}`;
    this.tip.style.left = `${event.clientX + 12}px`;
    this.tip.style.top = `${event.clientY + 12}px`;
  }

  // weights: layer by layer, row by row, as the links were made.
  draw(weights, biases, thumbs, size) {
    this.frame = [weights, biases, thumbs, size];
    if (weights.length !== this.links.length) return; // a frame of the network before
    for (const [index, link] of this.links.entries()) {
      const weight = weights[index];
      const look = weight === 0 ? "zero" : weight < 0 ? "negative" : "positive";
      const thick = weight === 0 ? "1" : Math.min(12, 0.4 + 2.5 * Math.abs(weight)).toFixed(1);
      if (look !== link.look) link.path.setAttribute("class", link.look = look);
      if (thick !== link.thick) link.path.setAttribute("stroke-width", link.thick = thick);
    }
    for (const [index, [canvas, node]] of this.thumbs.entries()) {
      const picture = thumbs.subarray(index * size * size, (index + 1) * size * size);
      if (picture.length) paint(canvas, picture);
      node.title = `bias ${signed(biases[index])}`;
    }
    this.fillTable();
  }

  fillTable() {
    if (!this.table.open || !this.frame) return;
    const lines = this.links.map(({ layer, i, j }, index) => [
      this.name(layer, i), this.name(layer + 1, j), signed(this.frame[0][index]),
    ]);
    let start = 0;
    for (const [layer, count] of this.units.slice(1).entries()) {
      for (let j = 0; j < count; j++) lines.push(["bias", this.name(layer + 1, j), signed(this.frame[1][start + j])]);
      start += count;
    }
    const made = element("table");
    for (const cells of [["From", "To", "Weight"], ...lines]) {
      const row = element("tr", {}, made);
      const tag = cells[0] === "From" ? "th" : "td";
      for (const cell of cells) element(tag, { textContent: cell }, row);
      const index = made.rows.length - 2;
      if (index >= 0 && index < this.links.length) {
        const button = element("button", { type: "button", textContent: row.cells[2].textContent });
        button.setAttribute("aria-label", `${this.linkName(this.links[index])}: ${button.textContent}; set it`);
        button.addEventListener("click", () => this.ask(index));
        row.cells[2].replaceChildren(button);
      }
    }
    this.table.lastElementChild.replaceChildren(made);
  }
}
