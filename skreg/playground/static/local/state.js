// Everything that the page's controls say, and its form in the address: a twin of state.py.

import { number } from "../code.js";

const short = (text) => (text.length <= 40 ? text : `${text.slice(0, 39)}…`);

// How each kind of field is read (throwing what was wanted) and written.
const KINDS = {
  Choice: {
    read(text, { options }) {
      if (!options.includes(text)) throw `one of ${options.join(", ")}`;
      return text;
    },
    write: String,
  },
  Number: {
    read(text, { low, high, whole }) {
      const value = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : NaN;
      if (!(low <= value && value <= high) || (whole && !Number.isInteger(value))) {
        throw `${whole ? "a whole number" : "a number"} from ${number(low)} to ${number(high)}`;
      }
      return value;
    },
    write: (value) => number(value),
  },
  Flag: {
    read(text) {
      if (text !== "0" && text !== "1") throw "0 or 1";
      return text === "1";
    },
    write: (value) => String(Number(value)),
  },
  Subset: {
    read(text, { options }) {
      const chosen = text.split(",");
      if (!chosen.every((name) => options.includes(name))) {
        throw `one or more of ${options.join(", ")}, joined by commas`;
      }
      return options.filter((option) => chosen.includes(option));
    },
    write: (value) => value.join(","),
  },
  LayerSizes: {
    read(text, { most, largest }) {
      const sizes = text ? text.split(",") : [];
      if (sizes.length > most || !sizes.every((size) => /^\d+$/.test(size) && size >= 1 && size <= largest)) {
        throw `up to ${most} whole numbers from 1 to ${largest}, joined by commas`;
      }
      return sizes.map(Number);
    },
    write: (value) => value.join(","),
  },
  Name: {
    read(text, { longest }) {
      if (text.length > longest) throw `a name of at most ${longest} characters`;
      return text;
    },
    write: String,
  },
};

// settings: fields {name: {kind, …}}, defaults {name: text}, and which fields make new data, new networks.
export class States {
  constructor({ fields, defaults, data_fields: dataFields, restarts }) {
    Object.assign(this, { fields, dataFields, restarts });
    this.usual = Object.fromEntries(
      Object.entries(defaults).map(([name, text]) => [name, KINDS[fields[name].kind].read(text, fields[name])]));
  }

  write(state, name) {
    return KINDS[this.fields[name].kind].write(state[name]);
  }

  texts(state) {
    return Object.fromEntries(Object.keys(this.fields).map((name) => [name, this.write(state, name)]));
  }

  differs(state, other, names = Object.keys(this.fields)) {
    return names.some((name) => this.write(state, name) !== this.write(other, name));
  }

  // {name: text} of the fields that are otherwise than in another state.
  written(state, other = this.usual, prefix = "") {
    const names = Object.keys(this.fields).filter((name) => this.write(state, name) !== this.write(other, name));
    return Object.fromEntries(names.map((name) => [prefix + name, this.write(state, name)]));
  }

  // [a state changed by {name: text}, messages about what could not be read].
  withTexts(state, texts) {
    const [changed, messages] = [{ ...state }, []];
    for (const [name, text] of Object.entries(texts)) {
      const field = this.fields[name];
      if (!field) {
        messages.push(`${short(name)} is not a setting; it is ignored.`);
        continue;
      }
      try {
        changed[name] = KINDS[field.kind].read(text, field);
      } catch (wanted) {
        if (typeof wanted !== "string") throw wanted;
        messages.push(`${name}=${short(text)} is not ${wanted}; ${this.write(state, name) || "none"} is used.`);
      }
    }
    return [changed, messages];
  }

  // [live state, pinned state or null, messages] of an address's query.
  readQuery(query) {
    const [live, pinned] = [{}, {}];
    for (const [name, text] of new URLSearchParams(query)) {
      if (name.startsWith("pin.")) pinned[name.slice(4)] = text;
      else live[name] = text;
    }
    const [state, messages] = this.withTexts(this.usual, live);
    if (!Object.keys(pinned).length) return [state, null, messages];
    delete pinned.same;
    const [other, more] = this.withTexts(state, pinned);
    return [state, other, [...messages, ...more.map((message) => `Pinned run: ${message}`)]];
  }

  writeQuery(state, pinned = null) {
    const texts = this.written(state);
    if (pinned) {
      const own = this.written(pinned, state, "pin.");
      Object.assign(texts, Object.keys(own).length ? own : { "pin.same": "1" });
    }
    return String(new URLSearchParams(texts));
  }
}
