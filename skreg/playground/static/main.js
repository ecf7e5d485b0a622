// The page: joins the connection, the controls and the pictures.

import { chart, extent } from "./chart.js";
import { ClosedForm } from "./closed.js";
import { palette, readPalette } from "./colours.js";
import { connect } from "./connection.js";
import { bindControls, fillOptions, syncColumns, syncControls } from "./controls.js";
import { Network } from "./network.js";
import { Plane } from "./plane.js";

const $ = (id) => document.getElementById(id);
const planes = { live: new Plane($("live-map")), pinned: new Plane($("pinned-map")) };
const known = { hello: null, state: null, data: null, frame: null, sweep: null };

const send = connect({ hello, state, data, frame, sweep, closed, code }, (reason) => {
  say([`The connection to the server is lost${reason ? ` (${reason})` : ""}. Reload the page to go on.`]);
  document.body.classList.add("lost");
});
const change = (field, text) => send({ do: "set", values: { [field]: text } });
const network = new Network($("graph"), $("weights"), $("tip"), change,
  (layer, unit) => send({ do: "look", layer, unit }));
const closedForm = new ClosedForm($("closed"), $("closed-x"), $("closed-y"));

// What comes from the server ----------------------------------------------------------------------

function hello(body) {
  known.hello = body;
  fillOptions(body.options);
  for (const [name, title] of Object.entries(body.lessons)) $("lesson").append(new Option(title, name));
}

function state(body) {
  known.state = body;
  syncControls(body.values);
  syncColumns(body.table, body.values);
  history.replaceState(null, "", body.query ? `?${body.query}` : location.pathname);
  if (body.messages.length) say(body.messages);
  $("play").textContent = body.playing ? "Pause" : "Play";
  const hidden = layers();
  $("layer-count").textContent = `${hidden.length || "no"} hidden layer${hidden.length === 1 ? "" : "s"}`;
  $("fewer-layers").disabled = hidden.length === 0;
  $("more-layers").disabled = hidden.length === 6;
  for (const part of [$("pinned-figure"), $("swap"), $("unpin"), ...document.querySelectorAll(".of-pinned")]) {
    part.hidden = body.pinned === null;
  }
  const differences = Object.entries(body.pinned ?? {}).map(([name, text]) => `${WORDS[name] ?? name.replace("_", " ")} ${text || "none"}`);
  $("pinned-caption").textContent = `Pinned run: ${differences.join(", ") || "the same settings"}`;
  $("pin").textContent = body.pinned === null ? "Pin this run" : "Pin again";
  network.layOut(body.values.features.split(","), hidden);
  points();
}

function data(body, arrays) {
  known.data = [body, arrays];
  const side = known.hello.thumb;
  network.setFeatures(known.hello.options.features, arrays.features, side);
  network.layOut(known.state.values.features.split(","), layers());
  points();
}

function frame(body, arrays) {
  known.frame = [body, arrays];
  const discrete = known.state.values.discrete === "1";
  $("epoch").textContent = String(body.live.epoch).padStart(6, "0").replace(/(\d{3})$/, ",$1");
  for (const name of ["live", "pinned"]) {
    if (body[name] && planes[name].data) planes[name].draw(arrays[`${name}.map`], discrete);
  }
  $("live-caption").textContent = body.look
    ? `Neuron ${body.look[1] + 1} of hidden layer ${body.look[0] + 1}` : "Live run";
  network.draw(arrays.weights, arrays.biases, arrays.thumbs, known.hello.thumb);
  closedForm.draw(arrays.weights);
  figures(body);
  curves(arrays);
}

function sweep(body, arrays) {
  known.sweep = [body, arrays];
  const [done, of] = [arrays.rows.shape[0], body.of];
  const kind = { l1: "L1", l2: "L2", elasticnet: "elastic net" }[body.penalty] ?? "group";
  $("sweep-text").textContent = `${kind} penalty, ${body.epochs} epochs each: ${done} of ${of} λ.`;
  drawSweep();
}

function closed(body, arrays) {
  closedForm.set(body, arrays);
}

function code(body) {
  $("code").querySelector("pre").textContent = body.code;
  if (!$("code").open) $("code").showModal();
}

const WORDS = { alpha: "λ", hidden: "hidden layers", train: "training rows", batch: "batch size" };

// Drawing -----------------------------------------------------------------------------------------

const layers = () => known.state.values.hidden.split(",").filter(Boolean).map(Number);
const short = (value, digits = 3) => {
  if (value === null) return "∞";
  const text = Math.abs(value) < 1e5 ? value.toFixed(digits) : value.toExponential(1);
  return (Number(text) === 0 ? text.replace("-", "") : text).replaceAll("-", "−");
};

function points() {
  if (!known.data || !known.state) return;
  const [body, arrays] = known.data;
  const shown = known.state.values.show_test === "1";
  for (const name of ["live", "pinned"]) {
    if (body[name]) planes[name].setData(body[name], arrays[`${name}.points`], arrays[`${name}.y`], shown);
  }
  const { axes, labels, is_regression } = body.live;
  const end = (value) => String(+value.toPrecision(3)).replace("-", "−");
  const range = ([name, low, high]) => `${name} from ${end(low)} to ${end(high)}`;
  const [below, above] = is_regression ? ["below 0", "above 0"] : [labels[0], labels[1]].map((l) => `class ${l}`);
  $("legend").textContent = `▲ orange: ${below}, ● blue: ${above}; filled: training, hollow: test. ` +
    `Across: ${range(axes[0])}; up: ${range(axes[1])}. The line is where the output changes sign.`;
  if (known.frame) frame(...known.frame);
}

const FIGURES = [
  ["Test loss", "test", 3], ["Training loss", "train", 3], ["Gap (test − training)", "gap", 3],
  ["Test accuracy", "accuracy", 3], ["Weights that are not 0", "nonzero", 0], ["Mean |weight|", "mean_abs", 3],
];

function figures({ live, pinned, playing }) {
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
  const text = `Epoch ${live.epoch}: training loss ${short(live.train)}, test loss ${short(live.test)}` +
    (pinned ? `; pinned: ${short(pinned.train)} and ${short(pinned.test)}` : "");
  if (!playing) {
    $("live-text").textContent = text;
    $("curves").setAttribute("aria-label", `Loss by epoch. ${text}`);
  }
}

function curves(arrays) {
  const column = (array, k) => Array.from({ length: array.shape[0] }, (_, row) => array[3 * row + k]);
  const lines = ["live", "pinned"].filter((name) => arrays[`${name}.curve`]).map((name) => {
    const array = arrays[`${name}.curve`];
    return { name, epochs: column(array, 0), train: column(array, 1), test: column(array, 2) };
  });
  const all = lines.flatMap((line) => [line.train, line.test]);
  const plot = chart($("curves"), {
    x: [0, Math.max(10, ...lines.map((line) => line.epochs.at(-1)))],
    y: extent([0], ...all), xLabel: "epoch", yLabel: "loss",
  });
  for (const { name, epochs, train, test } of lines.reverse()) {
    const width = name === "live" ? 2.4 : 1;
    plot.line(epochs, train, { colour: palette.high, width });
    plot.line(epochs, test, { colour: palette.low, width, dash: [5, 3] });
  }
}

function drawSweep() {
  if (!known.sweep) return;
  $("sweep-charts").hidden = false;
  const rows = known.sweep[1].rows;
  const column = (k) => Array.from({ length: rows.shape[0] }, (_, row) => rows[4 * row + k]);
  const alphas = column(0).map((alpha) => alpha || 3e-5); // 0 at the left end
  const [train, test, nonzero] = [column(1), column(2), column(3)];
  const gap = test.map((value, i) => value - train[i]);
  const xTicks = [[3e-5, "0"], [1e-4, "1e−4"], [1e-3, "0.001"], [0.01, "0.01"], [0.1, "0.1"], [1, "1"], [10, "10"]];
  const common = { x: [3e-5, 12], xLabel: "λ", logX: true, xTicks };
  const losses = chart($("sweep-loss"), { ...common, y: extent([0], test, gap), yLabel: "loss" });
  losses.line(alphas, test, { colour: palette.low, dash: [5, 3], width: 2 });
  losses.line(alphas, gap, { colour: palette.text, dash: [2, 3], width: 2 });
  const best = test.reduce((at, value, i) => (value < test[at] ? i : at), 0);
  if (Number.isFinite(test[best])) {
    losses.mark(alphas[best], test[best], "disc", palette.low);
    const named = column(0)[best] ? `λ = ${+column(0)[best].toPrecision(2)}` : "λ = 0";
    losses.text(`lowest: ${named}`, alphas[best], test[best], { align: alphas[best] > 0.1 ? "right" : "left", dy: 12 });
    $("sweep-loss").setAttribute("aria-label", `Test loss and gap against λ; lowest test loss ${short(test[best])} at ${named}`);
  }
  const counts = chart($("sweep-nonzero"), { ...common, y: extent([0], nonzero), yLabel: "weights" });
  counts.line(alphas, nonzero, { colour: palette.high, width: 2 });
  for (const [i, alpha] of alphas.entries()) counts.mark(alpha, nonzero[i], "disc", palette.high, 3);
}

function say(messages) {
  $("messages").replaceChildren(...messages.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
}

function redraw() {
  readPalette();
  network.shape = "";
  if (!known.state) return;
  network.layOut(known.state.values.features.split(","), layers());
  points();
  drawSweep();
  closedForm.draw(closedForm.weights);
}

// What the visitor does ---------------------------------------------------------------------------

const does = (id, command) => $(id).addEventListener("click", () => send({ do: command }));
$("play").addEventListener("click", () => {
  say([]);
  send({ do: known.state?.playing ? "pause" : "play" });
});
for (const id of ["step", "reset", "regenerate", "pin", "unpin", "swap", "sweep"]) does(id, id);
does("new-start", "new_start");
does("copy-code", "code");
bindControls((field, text) => { say([]); change(field, text); });
$("fewer-layers").addEventListener("click", () => change("hidden", layers().slice(0, -1).join(",")));
$("more-layers").addEventListener("click", () => change("hidden", [...layers(), 2].join(",")));
$("lesson").addEventListener("change", ({ target }) => {
  if (target.value) send({ do: "preset", name: target.value });
  target.value = "";
});
$("file").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  if (!file) return;
  say([]);
  if (file.size > 2_000_000) say([`${file.name} is larger than 2 MB. Take a part of it.`]);
  else send({ do: "table", name: file.name, text: await file.text() });
  target.value = "";
});
async function copy(text, button) {
  if (!navigator.clipboard) { // not to be had over plain HTTP from another computer
    window.prompt("Copy this:", text);
    return;
  }
  await navigator.clipboard.writeText(text);
  const before = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = before; }, 1500);
}
$("copy-link").addEventListener("click", ({ target }) => copy(location.href, target));
$("code-copy").addEventListener("click", ({ target }) => copy($("code").querySelector("pre").textContent, target));
$("code-close").addEventListener("click", () => $("code").close());

const dark = matchMedia("(prefers-color-scheme: dark)");
function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  $("theme").textContent = theme === "dark" ? "Light" : "Dark";
  redraw();
}
$("theme").addEventListener("click", () => {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("theme", theme);
  setTheme(theme);
});
dark.addEventListener("change", () => {
  if (!localStorage.getItem("theme")) setTheme(dark.matches ? "dark" : "light");
});
setTheme(localStorage.getItem("theme") ?? (dark.matches ? "dark" : "light"));
new ResizeObserver(redraw).observe(document.querySelector("main"));
