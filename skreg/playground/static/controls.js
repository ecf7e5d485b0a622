// Every element with data-field shows one setting, and sends it when the visitor changes it.

import { CLASSES, palette } from "./colors.js";
import { classOf, shape } from "./plane.js";

const NAMES = {
  "group-inputs": "group: inputs", "group-neurons": "group: neurons",
  elasticnet: "elastic net", l1: "L1", l2: "L2", relu: "ReLU", csv: "own CSV",
  sgd: "SGD", momentum: "momentum", nesterov: "Nesterov", adam: "Adam",
};
const USUAL = { penalty: "l2", alpha: "0.03" };
const shown = (field, option) => {
  if (field === "stop" && option === "0") return "never";
  if (field === "max_norm" && option === "0") return "none";
  return NAMES[option] ?? option;
};
const $ = (id) => document.getElementById(id);

// The slider of λ: 0 at its left end, then 20 places a decade from 1e-4 to 10, in two digits.
const [DECADES, PLACES] = [5, 20];
const alphaAt = (place) => (place === 0 ? 0 : +(10 ** ((place - 1) / PLACES - 4)).toPrecision(2));
const placeOf = (alpha) =>
  alpha <= 0 ? 0 : Math.round(Math.min(DECADES * PLACES, Math.max(0, (Math.log10(alpha) + 4) * PLACES))) + 1;

// What a change of one setting brings with it: a penalty comes with a λ above 0, a λ with a penalty.
function withCompanions(field, text, values) {
  const changed = { [field]: text };
  if (field === "penalty" && text !== "none" && Number(values.alpha) === 0) changed.alpha = USUAL.alpha;
  if (field === "alpha" && Number(text) > 0 && values.penalty === "none") changed.penalty = USUAL.penalty;
  return changed;
}

export function fillOptions(options) {
  for (const select of document.querySelectorAll("select[data-field]")) {
    const field = select.dataset.field;
    select.replaceChildren(...(options[field] ?? []).map((option) => new Option(shown(field, option), option)));
  }
}

// change: takes {field: text}; current: gives the values shown.
export function bindControls(change, current) {
  const send = (field, text) => change(withCompanions(field, text, current()));
  for (const control of document.querySelectorAll("[data-field]")) {
    const field = control.dataset.field;
    const text = () => (control.type === "checkbox" ? String(Number(control.checked)) : control.value.trim());
    control.addEventListener("change", () => send(field, text()));
    if (control.type === "range") {
      control.addEventListener("input", () => {
        document.querySelector(`[data-value=${field}]`).textContent = control.value;
      });
    }
  }
  bindStrength(send);
  $("problems").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) send("data", button.dataset.problem);
  });
}

// λ moves with the slider; the next value is sent when the last has been answered, so that none wait.
const strength = { wanted: null, isUnderway: false, send: null };

function bindStrength(send) {
  const slider = $("strength");
  slider.max = DECADES * PLACES + 1;
  strength.send = send;
  slider.addEventListener("input", () => {
    strength.wanted = alphaAt(slider.valueAsNumber);
    showStrength(strength.wanted);
    if (!strength.isUnderway) sendStrength();
  });
}

function sendStrength() {
  const { wanted } = strength;
  strength.wanted = null;
  strength.isUnderway = wanted !== null;
  if (wanted !== null) strength.send("alpha", String(wanted));
}

function showStrength(alpha) {
  $("strength").setAttribute("aria-valuetext", `λ = ${alpha}`);
  const exact = document.querySelector("[data-field=alpha]");
  if (document.activeElement !== exact) exact.value = alpha;
}

function syncStrength({ penalty, alpha }) {
  const inForce = penalty === "none" ? 0 : Number(alpha);
  const isMoving = strength.wanted !== null;
  sendStrength();
  if (isMoving) return;
  if (document.activeElement !== $("strength")) $("strength").value = placeOf(inForce);
  showStrength(inForce);
}

export function syncControls(values) {
  for (const control of document.querySelectorAll("[data-field]")) {
    const field = control.dataset.field;
    const value = values[field];
    if (field === "alpha") continue;
    if (control.type === "checkbox") control.checked = value === "1";
    else {
      if (control.tagName === "SELECT" && ![...control.options].some((option) => option.value === value)) {
        control.append(new Option(shown(field, value), value)); // one that a URL asked for
      }
      if (control.type === "range" && Number(value) > Number(control.max)) control.max = 100;
      control.value = value;
    }
    const output = document.querySelector(`[data-value=${field}]`);
    if (output) output.textContent = value;
  }
  syncStrength(values);
  for (const button of $("problems").children) {
    button.setAttribute("aria-pressed", button.dataset.problem === values.data);
  }
  for (const label of document.querySelectorAll("[data-needs]")) {
    label.hidden = values.penalty !== label.dataset.needs;
  }
}

export function syncColumns(table, values) {
  const box = $("columns");
  box.hidden = !table;
  if (!table) return;
  $("file-name").textContent = table.name;
  for (const select of box.querySelectorAll("select")) {
    const names = select.dataset.field === "y_column" ? table.columns : table.numeric;
    select.replaceChildren(...names.map((name) => new Option(name, name)));
    select.value = values[select.dataset.field];
  }
}

// A button with a picture for each problem.
export function drawProblems(names, arrays) {
  const ratio = window.devicePixelRatio || 1;
  const side = 46 * ratio;
  const buttons = names.map((name) => {
    const button = Object.assign(document.createElement("button"), { type: "button", title: name });
    button.dataset.problem = name;
    button.setAttribute("aria-label", `Data set ${name}`);
    button.setAttribute("aria-pressed", false);
    const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
    const [points, y] = [arrays[`${name}.points`], arrays[`${name}.y`]];
    const context = canvas.getContext("2d");
    for (let i = 0; i < y.length; i++) {
      const kind = classOf(y[i], 2);
      context.globalAlpha = Math.max(0.15, Math.abs(y[i]));
      context.fillStyle = palette[CLASSES[kind]];
      shape(context, kind, ((points[2 * i] + 6) / 12) * side, ((6 - points[2 * i + 1]) / 12) * side, 1.6 * ratio);
      context.fill();
    }
    button.append(canvas);
    return button;
  });
  const pressed = $("problems").querySelector("[aria-pressed=true]")?.dataset.problem;
  $("problems").replaceChildren(...buttons);
  for (const button of buttons) button.setAttribute("aria-pressed", button.dataset.problem === pressed);
}
