// One tab without a server: the live run, the pinned one, and what was asked of them; a twin of session.py.

import { closedForm } from "./linear.js";
import { DataError, featuresOf, grid, makeData, makeProblem } from "./problems.js";
import { inByte, Run } from "./run.js";
import { States } from "./state.js";
import { Sweep } from "./sweep.js";
import { Table } from "./table.js";

const OF_PAGE = ["stop", "speed", "discrete", "show_test"]; // of the page, not of one run
const PICTURES = ["state", "data", "closed", "frame"];
const SHOWN = 160; // points of a problem's small picture
const LARGEST = [5, 5, 9, 9, 9, 1, 1]; // what the features' small pictures are in units of

const seen = (state, live) => ({ ...state, ...Object.fromEntries(OF_PAGE.map((name) => [name, live[name]])) });
const flat = (array) => [array, [array.length]];

export class Session {
  constructor(settings) {
    this.settings = settings;
    this.states = new States(settings);
    Object.assign(this, { table: null, playing: false, look: null, sweep: null, notes: [], stale: new Set(), outbox: [] });
    this.live = this.run(this.states.usual);
    this.pinned = null;
  }

  get runs() {
    return Object.entries({ live: this.live, pinned: this.pinned }).filter(([, run]) => run);
  }

  get hasWork() {
    return this.playing || this.sweep !== null;
  }

  // Do what a command says; messages [kind, body, {name: [array, shape]}] for the page.
  handle({ do: name, ...given }) {
    try {
      this[`do_${name}`](given);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      this.say(error.message);
    }
    return this.collect();
  }

  // Train by a few epochs, or do the sweep's next λ.
  advance() {
    if (this.playing) {
      const goesOn = this.live.train(this.live.state.speed);
      this.pinned?.train(this.live.epoch - this.pinned.epoch);
      if (!goesOn) this.stopPlaying();
      this.touch("frame");
    }
    if (this.sweep) {
      this.sweep.advance();
      this.outbox.push(["sweep", ...this.sweep.message()]);
      if (this.sweep.isDone) this.sweep = null;
    }
    return this.collect();
  }

  // Commands --------------------------------------------------------------------------------------

  do_hello() {
    const { fields, map, thumb, docs, options } = this.settings;
    const arrays = {};
    for (const name of fields.data.options.filter((problem) => problem !== "csv")) {
      const [points, y] = makeProblem(name, 0, 0, SHOWN);
      Object.assign(arrays, { [`${name}.points`]: [points, [SHOWN, 2]], [`${name}.y`]: flat(y) });
    }
    this.outbox.push(["hello", { options, map, thumb, docs }, arrays]);
  }

  do_open({ query }) {
    const [state, pinned, notes] = this.states.readQuery(query);
    this.notes.push(...notes);
    Object.assign(this, { playing: false, sweep: null });
    this.live = this.runOrDefault(state);
    this.pinned = pinned && this.runOrDefault(seen(pinned, state));
    this.touch(...PICTURES);
  }

  do_set({ values }) {
    const before = this.live.state;
    const [state, notes] = this.states.withTexts(before, values);
    this.notes.push(...notes);
    if (this.states.differs(state, before, this.states.restarts)) this.restartWith(state);
    else this.live.change(state);
    this.pinned?.change(seen(this.pinned.state, state));
    if (this.states.differs(seen(before, state), state)) this.touch("closed");
    this.touch("state", "frame");
  }

  do_play() {
    const { state, epoch } = this.live;
    if (state.stop && epoch >= state.stop) this.do_reset();
    this.playing = true;
    this.touch("state");
  }

  do_pause() {
    this.playing = false;
    this.touch("state", "frame");
  }

  do_step() {
    this.playing = false;
    this.live.train(1);
    this.pinned?.train(this.live.epoch - this.pinned.epoch);
    this.touch("state", "frame");
  }

  do_reset() {
    this.playing = false;
    for (const [, run] of this.runs) run.restart();
    this.touch("state", "frame");
  }

  do_new_start() {
    this.do_set({ values: { start: String((this.live.state.start + 1) % 2 ** 31) } });
  }

  do_regenerate() {
    this.do_set({ values: { seed: String((this.live.state.seed + 1) % 2 ** 31) } });
  }

  do_pin() {
    this.pinned = this.live.copy();
    this.touch("state", "data", "frame");
  }

  do_unpin() {
    this.pinned = null;
    this.touch("state", "data", "frame");
  }

  do_swap() {
    if (!this.pinned) return;
    [this.live, this.pinned] = [this.pinned, this.live];
    this.touch(...PICTURES);
  }

  do_sweep() {
    let { state } = this.live;
    if (state.penalty === "none") {
      state = { ...state, penalty: "l2" };
      this.say("Without a penalty there is no λ: the sweep takes L2.");
    }
    this.sweep = new Sweep(state, this.live.data, this.live.epoch, this.settings.sweep);
  }

  do_look({ layer = null, unit = 0 }) {
    this.look = layer !== null && unit < (this.live.state.hidden[layer] ?? 0) ? [layer, unit] : null;
    this.touch("frame");
  }

  do_weight({ index, value }) {
    const refusal = this.live.setWeight(index, value);
    if (refusal) this.say(refusal);
    this.touch("frame");
  }

  do_code() {
    this.touch("code");
  }

  do_table({ name, text }) {
    const before = this.table;
    this.table = new Table(name, text);
    const known = this.live.state;
    const isKnown = ["x1_column", "x2_column", "y_column"].every((column) => known[column] in this.table.values);
    try {
      this.restartWith({ ...known, data: "csv", ...(isKnown ? {} : this.table.defaultColumns()) }, true);
    } catch (error) {
      this.table = before;
      throw error;
    }
    this.touch("state", "closed", "frame");
  }

  // Inside ----------------------------------------------------------------------------------------

  collect() {
    const news = [...PICTURES, "code"].filter((kind) => this.stale.has(kind)).map((kind) => this[kind]());
    const messages = [...this.outbox, ...news];
    [this.outbox, this.notes] = [[], []];
    this.stale.clear();
    return messages;
  }

  run(state) {
    return new Run(state, makeData(state, this.table, this.settings));
  }

  // A run of the state, with the page's first data where its own are not to be had.
  runOrDefault(state) {
    try {
      return this.run(state);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      this.say(error.message);
      const given = Object.fromEntries(this.states.dataFields.map((name) => [name, this.states.usual[name]]));
      return this.run({ ...state, ...given });
    }
  }

  restartWith(state, isNewTable = false) {
    let { data } = this.live;
    if (isNewTable || this.states.differs(state, this.live.state, this.states.dataFields)) {
      data = makeData(state, this.table, this.settings);
      this.touch("data");
    }
    this.live = new Run(state, data);
    this.pinned?.restart();
    Object.assign(this, { sweep: null, look: null });
  }

  stopPlaying() {
    this.playing = false;
    if (this.live.error) this.say(this.live.error);
    this.touch("state");
  }

  say(note) {
    this.notes.push(note);
    this.touch("state");
  }

  touch(...kinds) {
    for (const kind of kinds) this.stale.add(kind);
  }

  // What the page is told -------------------------------------------------------------------------

  state() {
    const { live, pinned, table, states } = this;
    return ["state", {
      values: states.texts(live.state), query: states.writeQuery(live.state, pinned?.state),
      pinned: pinned && states.written(pinned.state, live.state), playing: this.playing, messages: this.notes,
      table: table && { name: table.name, numeric: table.numeric, columns: table.columns },
    }, {}];
  }

  data() {
    const [body, arrays] = [{}, {}];
    for (const [name, { data }] of this.runs) {
      body[name] = { axes: data.axes, labels: data.labels, is_regression: data.isRegression, n_train: data.nTrain };
      Object.assign(arrays, { [`${name}.points`]: [data.plane, [data.y.length, 2]], [`${name}.y`]: flat(data.y) });
    }
    const { thumb, fields } = this.settings;
    const all = fields.features.options;
    const values = featuresOf(grid(thumb), all);
    const cells = thumb * thumb;
    const pictures = Uint8Array.from({ length: all.length * cells }, (_, i) => {
      const [feature, cell] = [Math.floor(i / cells), i % cells];
      return inByte(values[cell * all.length + feature] / LARGEST[feature]);
    });
    return ["data", body, { ...arrays, features: [pictures, [all.length, cells]] }];
  }

  closed() {
    const { state, data } = this.live;
    if (state.hidden.length || data.labels.length > 2) return ["closed", { shown: false }, {}];
    const [figures, arrays] = closedForm(state, data);
    const alpha = this.live.parameters.alpha;
    return ["closed", { ...figures, shown: true, features: state.features, alpha }, arrays];
  }

  frame() {
    const [body, arrays] = [{ playing: this.playing, look: this.look }, {}];
    for (const [name, run] of this.runs) {
      body[name] = run.figures();
      const lookedAt = this.look && run === this.live ? this.look : [];
      const curve = run.curve();
      Object.assign(arrays, {
        [`${name}.map`]: flat(run.picture(...lookedAt)), [`${name}.curve`]: [curve, [curve.length / 3, 3]],
      });
    }
    const { weights, biases } = this.live;
    const cells = this.settings.thumb ** 2;
    const thumbs = this.live.thumbnails();
    Object.assign(arrays, { thumbs: [thumbs, [thumbs.length / cells, cells]] });
    return ["frame", body, { ...arrays, weights: flat(weights), biases: flat(biases) }];
  }

  code() {
    const { live, table } = this;
    return ["code", {
      name: live.data.isRegression ? "RegularizedMLPRegressor" : "RegularizedMLPClassifier",
      n_train: live.data.nTrain, labels: live.data.labels, is_regression: live.data.isRegression,
      table: table && table.name, segments: live.segments.length ? live.segments : [[live.parameters, 0]],
      usual: this.settings.usual,
    }, {}];
  }
}
