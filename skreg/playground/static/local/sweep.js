// A network for each of many λ, from the same start: a twin of sweep.py.

import { Model, networkParameters } from "./run.js";

export class Sweep {
  // epoch: how long the live run has trained. settings: alphas, and [least, most] epochs.
  constructor(state, data, epoch, { alphas, epochs: [least, most] }) {
    Object.assign(this, { state, data, alphas, rows: [] });
    this.epochs = state.stop || Math.min(Math.max(epoch, least), most);
  }

  get isDone() {
    return this.rows.length === this.alphas.length;
  }

  advance() {
    const alpha = this.alphas[this.rows.length];
    const parameters = networkParameters({ ...this.state, alpha });
    const model = new Model(parameters, this.data, this.state.start);
    const { nTrain, y } = this.data;
    if (!model.fit(parameters, this.epochs)) {
      this.rows.push([alpha, NaN, NaN, NaN]);
      return;
    }
    const nonzero = model.layers()[0].reduce((count, w) => count + (w !== 0), 0);
    this.rows.push([alpha, model.meanLoss(0, nTrain), model.meanLoss(nTrain, y.length), nonzero]);
  }

  message() {
    const body = { penalty: this.state.penalty, epochs: this.epochs, of: this.alphas.length };
    return [body, { rows: [Float64Array.from(this.rows.flat()), [this.rows.length, 4]] }];
  }
}
