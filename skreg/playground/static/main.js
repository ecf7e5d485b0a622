// The page: joins the connection, the controls and the pictures.

import { ClosedForm } from "./closed.js";
import { asPython } from "./code.js";
import { readPalette } from "./colors.js";
import { bindControls, drawProblems, fillOptions, syncColumns, syncControls } from "./controls.js";
import { drawCurves, drawFigures, drawSweep, inWords } from "./figures.js";
import { drawLegend } from "./legend.js";
import { Lesson } from "./lesson.js";
import { Network } from "./network.js";
import { Plane } from "./plane.js";
import { bindHiding, bindTheme, copy, hideParts, Lens, readAddress, writeAddress } from "./view.js";

const $ = (id) => document.getElementById(id);
const planes = { live: new Plane($("live-map")), pinned: new Plane($("pinned-map")) };
const known = { hello: null, state: null, data: null, frame: null, sweep: null };
const isServed = document.documentElement.dataset.trainer === "server";
const { connect } = await import(isServed ? "./connection.js" : "./local/connection.js");

const [lessons, send] = await Promise.all([
  fetch(new URL("./lessons.json", import.meta.url)).then((answer) => answer.json()),
  connect({ hello, state, data, frame, sweep, closed, code }, (reason) => {
    const what = isServed ? "The connection to the server is lost" : "The trainer has stopped";
    say([`${what}${reason ? ` (${reason})` : ""}. Reload the page to go on.`]);
    document.body.classList.add("lost");
  }),
]);
const change = (field, text) => send({ do: "set", values: { [field]: text } });
const lens = new Lens($("lens"));
const network = new Network($("graph"), $("weights"), $("tip"), {
  change,
  look(layer, unit, event) {
    lens.aim(layer, event);
    send({ do: "look", layer, unit });
  },
  edit: askForWeight,
});
const closedForm = new ClosedForm($("closed"), $("closed-x"), $("closed-y"));
let lesson = null;

// What comes from the trainer ---------------------------------------------------------------------

function hello(body, arrays) {
  known.hello = [body, arrays];
  $("waiting").hidden = true;
  fillOptions(body.options);
  problems();
  open();
}

// Take what the address says; without anything the page opens with its first lesson, at work.
function open() {
  const { query, lesson: place, hidden } = readAddress();
  hideParts(hidden);
  lesson = new Lesson(lessons, known.hello[0].docs, (step) => { say([]); send({ do: "open", query: step }); }, address);
  const isEmpty = !location.search;
  if (query || !(place || isEmpty)) send({ do: "open", query });
  lesson.goTo(isEmpty ? "start" : place, !query);
  if (isEmpty && !matchMedia("(prefers-reduced-motion: reduce)").matches) send({ do: "play" });
}

function state(body) {
  known.state = body;
  syncControls(body.values);
  syncColumns(body.table, body.values);
  address();
  if (body.messages.length) say(body.messages);
  $("play").textContent = body.playing ? "Pause" : "Play";
  const hidden = layers();
  const count = `${hidden.length || "no"} hidden layer${hidden.length === 1 ? "" : "s"}`;
  if ($("layer-count").textContent !== count) $("layer-count").textContent = count;
  $("fewer-layers").disabled = hidden.length === 0;
  $("more-layers").disabled = hidden.length === 6;
  for (const part of [$("pinned-figure"), $("swap"), $("unpin"), ...document.querySelectorAll(".of-pinned")]) {
    part.hidden = body.pinned === null;
  }
  const differences = Object.entries(body.pinned ?? {})
    .filter(([name]) => name !== "alpha" || body.pinned.penalty !== "none")
    .map(([name, text]) => `${WORDS[name] ?? name.replace("_", " ")} ${text || "none"}`);
  $("pinned-caption").textContent = `Pinned run: ${differences.join(", ") || "the same settings"}`;
  $("pin").textContent = body.pinned === null ? "Pin this run" : "Pin again";
  network.layOut(body.values.features.split(","), hidden);
  points();
}

function data(body, arrays) {
  known.data = [body, arrays];
  const { options, thumb } = known.hello[0];
  const { axes, labels } = body.live;
  closedForm.axes = axes.map(([name]) => name);
  network.setFeatures(options.features, arrays.features, thumb, closedForm.axes, labels);
  network.layOut(known.state.values.features.split(","), layers());
  points();
}

function frame(body, arrays) {
  known.frame = [body, arrays];
  lesson.frame = body;
  const discrete = known.state.values.discrete === "1";
  $("epoch").textContent = String(body.live.epoch).padStart(6, "0").replace(/(\d{3})$/, ",$1");
  for (const name of ["live", "pinned"]) {
    if (!body[name] || !planes[name].data) continue;
    const looks = name === "live" && body.look;
    planes[name].draw(arrays[`${name}.map`], discrete, looks ? 2 : planes[name].data.info.labels.length);
  }
  $("live-caption").textContent = body.look
    ? `Neuron ${body.look[1] + 1} of hidden layer ${body.look[0] + 1}` : "Live run";
  if (body.look) lens.show($("live-map"), $("live-caption").textContent);
  network.draw(arrays.weights, arrays.biases, arrays.thumbs, known.hello[0].thumb);
  closedForm.draw(arrays.weights);
  drawFigures(body);
  drawCurves(arrays);
  if (!body.playing) sayLoss();
}

function sweep(body, arrays) {
  known.sweep = [body, arrays];
  drawSweep(body, arrays);
}

function closed(body, arrays) {
  closedForm.set(body, arrays);
}

function code(body) {
  $("code").querySelector("pre").textContent = asPython(body, known.state.values);
  if (!$("code").open) $("code").showModal();
}

const WORDS = { alpha: "λ", hidden: "hidden layers", train: "training rows", batch: "batch size" };

// Drawing -----------------------------------------------------------------------------------------

const layers = () => known.state.values.hidden.split(",").filter(Boolean).map(Number);

function problems() {
  if (!known.hello) return;
  const [{ options }, arrays] = known.hello;
  drawProblems(options.data.filter((name) => name !== "csv"), arrays);
}

function points() {
  if (!known.data || !known.state) return;
  const [body, arrays] = known.data;
  const { show_test: shown, discrete } = known.state.values;
  for (const name of ["live", "pinned"]) {
    if (body[name]) planes[name].setData(body[name], arrays[`${name}.points`], arrays[`${name}.y`], shown === "1");
  }
  drawLegend($("legend"), body.live, shown === "1", discrete === "1");
  if (known.frame) frame(...known.frame);
}

function say(messages) {
  $("messages").replaceChildren(...messages.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
}

// Spoken when asked for and when training pauses, never while numbers run.
function sayLoss() {
  if (!known.frame) return;
  const text = inWords(known.frame[0]);
  if ($("live-text").textContent !== text) $("live-text").textContent = text;
  $("curves").setAttribute("aria-label", `Loss by epoch. ${text}`);
}

function address() {
  if (known.state) writeAddress(known.state.query, lesson?.place);
}

function redraw() {
  readPalette();
  problems();
  network.shape = "";
  if (!known.state) return;
  network.layOut(known.state.values.features.split(","), layers());
  points();
  if (known.sweep) drawSweep(...known.sweep);
  closedForm.draw(closedForm.weights);
}

// What the visitor does ---------------------------------------------------------------------------

function askForWeight(index, name, value) {
  $("weight-name").textContent = name;
  $("weight-value").value = +value.toPrecision(4);
  $("weight").dataset.index = index;
  $("weight").returnValue = "";
  $("weight").showModal();
  $("weight-value").select();
}
$("weight").addEventListener("close", ({ target }) => {
  const value = Number($("weight-value").value.replace(",", ".").replace("−", "-"));
  if (target.returnValue !== "set") return;
  if (Number.isFinite(value)) send({ do: "weight", index: Number(target.dataset.index), value });
  else say([`${$("weight-value").value} is not a number; the weight stays.`]);
});
const does = (id, command) => $(id).addEventListener("click", () => send({ do: command }));
$("play").addEventListener("click", () => {
  say([]);
  send({ do: known.state?.playing ? "pause" : "play" });
});
for (const id of ["step", "reset", "regenerate", "pin", "unpin", "swap", "sweep"]) does(id, id);
does("new-start", "new_start");
does("copy-code", "code");
$("say-loss").addEventListener("click", () => {
  $("live-text").textContent = "";
  sayLoss();
});
bindControls((values) => { say([]); send({ do: "set", values }); }, () => known.state.values);
bindHiding(address);
$("fewer-layers").addEventListener("click", () => change("hidden", layers().slice(0, -1).join(",")));
$("more-layers").addEventListener("click", () => change("hidden", [...layers(), 2].join(",")));
$("file").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  if (!file) return;
  say([]);
  if (file.size > 2_000_000) say([`${file.name} is larger than 2 MB. Take a part of it.`]);
  else send({ do: "table", name: file.name, text: await file.text() });
  target.value = "";
});
$("copy-link").addEventListener("click", ({ target }) => copy(location.href, target));
$("code-copy").addEventListener("click", ({ target }) => copy($("code").querySelector("pre").textContent, target));
$("code-close").addEventListener("click", () => $("code").close());
if (!isServed) $("file-fate").textContent = "It stays on this computer.";
bindTheme(redraw);
new ResizeObserver(redraw).observe(document.querySelector("main"));

send({ do: "hello" });
