// A CSV file of the visitor's own: a twin of Table in data.py, for files that are plain.

import { DataError } from "./problems.js";
import { RandomState } from "./random.js";

const [MAX_ROWS, MAX_COLUMNS, MOST_CLASSES, LEAST_ROWS] = [5000, 200, 5, 20];
const GAPS = new Set(["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "n/a", "#N/A", "<NA>"]);

// Rows of cells: commas, cells in double quotes, and doubled quotes within.
function cellsOf(text) {
  const rows = [[]];
  let [cell, quoted] = ["", false];
  const endCell = () => {
    rows.at(-1).push(cell);
    cell = "";
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[i + 1] === '"') cell += text[i++];
      else quoted = false;
    } else if (c === '"' && cell === "") quoted = true;
    else if (c === ",") endCell();
    else if (c === "\n") {
      endCell();
      rows.push([]);
    } else if (c !== "\r") cell += c;
  }
  endCell();
  return rows.filter((row) => row.length > 1 || row[0] !== "");
}

const asNumber = (text) => (/^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : NaN);
const compared = (a, b) => (a < b ? -1 : Number(a > b));

export class Table {
  constructor(name, text) {
    const [head, ...rows] = cellsOf(text.replace(/^\ufeff/, ""));
    if (!head || !rows.length) throw new DataError(`${name} cannot be read as CSV: it has no rows.`);
    if (head.length > MAX_COLUMNS || rows.length > MAX_ROWS) {
      const what = head.length > MAX_COLUMNS ? `${head.length} columns` : `more than ${MAX_ROWS} rows`;
      throw new DataError(
        `${name} has ${what}; at most ${MAX_ROWS} rows and ${MAX_COLUMNS} columns can be shown. Take a part of it.`);
    }
    const long = rows.findIndex((row) => row.slice(head.length).some(Boolean));
    if (long >= 0) throw new DataError(`${name} cannot be read as CSV: row ${long + 2} has more cells than names.`);
    this.name = name;
    this.columns = head;
    this.values = Object.fromEntries(head.map((column, k) => [column, this.column(rows, k)]));
    this.numeric = head.filter((column) => this.isNumeric(column) && this.different(column) > 1);
    if (this.numeric.length < 2 || head.length < 3) {
      throw new DataError(
        `${name} needs two columns of numbers and a third column as the target; it has ` +
        `${head.slice(0, 10).join(", ").slice(0, 99)}. Does its first row name the columns?`);
    }
  }

  // Numbers where all that is there are numbers, else texts; null in gaps.
  column(rows, k) {
    const cells = rows.map((row) => (GAPS.has((row[k] ?? "").trim()) ? null : row[k]));
    const numbers = cells.map((cell) => (cell === null ? null : asNumber(cell)));
    return numbers.some(Number.isNaN) ? cells : numbers;
  }

  isNumeric(column) {
    return this.values[column].every((value) => value === null || typeof value === "number");
  }

  different(column) {
    return new Set(this.values[column].filter((value) => value !== null)).size;
  }

  // Columns for x1, x2 and the target: the last column that can be one, and two others.
  defaultColumns() {
    const isFit = (column) => {
      const count = this.different(column);
      return this.numeric.includes(column) || (count >= 2 && count <= MOST_CLASSES);
    };
    const backward = this.columns.toReversed();
    const targets = [...backward.filter(isFit), ...backward.filter((column) => !isFit(column))];
    const others = (target) => this.numeric.filter((column) => column !== target);
    const target = targets.find((column) => others(column).length >= 2);
    const [x1, x2] = others(target);
    return { x1_column: x1, x2_column: x2, y_column: target };
  }

  // Rows without gaps, shuffled by the state's seed; inputs in [−5, 5], numbers as target in [−1, 1].
  rows(state) {
    const names = [state.x1_column, state.x2_column, state.y_column];
    const missing = names.filter((column) => !(column in this.values));
    if (missing.length) throw new DataError(`${this.name} has no column ${missing.map((c) => `'${c}'`).join(", ")}.`);
    if (new Set(names).size < 3 || !names.slice(0, 2).every((column) => this.numeric.includes(column))) {
      throw new DataError("Choose two different columns of numbers, and another as the target.");
    }
    const columns = names.map((column) => this.values[column]);
    const whole = columns[0].map((_, i) => i).filter((i) => columns.every((column) => column[i] !== null));
    const order = Array.from(new RandomState(state.seed).permutation(whole.length), (i) => whole[i]);
    const [first, second, target] = columns.map((column) => order.map((i) => column[i]));
    if (order.length < LEAST_ROWS || [first, second, target].some((column) => new Set(column).size < 2)) {
      throw new DataError(
        `${this.name} has ${order.length} rows without gaps in these columns; at least ${LEAST_ROWS} are ` +
        "needed, with two values or more in each column.");
    }
    const plane = new Float64Array(2 * order.length);
    const axes = [first, second].map((column, k) => {
      const [low, high] = [Math.min(...column), Math.max(...column)];
      for (const [i, value] of column.entries()) plane[2 * i + k] = (10 * (value - low)) / (high - low) - 5;
      return [names[k], low - 0.1 * (high - low), high + 0.1 * (high - low)];
    });
    return { plane, axes, ...this.target(names[2], target) };
  }

  target(name, values) {
    const classes = [...new Set(values)].sort(compared);
    const isNumeric = this.isNumeric(name);
    const labels = classes.map(String);
    if (classes.length === 2) return { y: Float64Array.from(values, (v) => (v === classes[1] ? 1 : -1)), labels };
    if (classes.length <= MOST_CLASSES && (!isNumeric || classes.every(Number.isInteger))) {
      return { y: Float64Array.from(values, (v) => classes.indexOf(v)), labels };
    }
    if (isNumeric) {
      const [low, high] = [classes[0], classes.at(-1)];
      return { y: Float64Array.from(values, (v) => (2 * (v - low)) / (high - low) - 1), labels: [] };
    }
    throw new DataError(
      `The target '${name}' has ${classes.length} classes; at most ${MOST_CLASSES}, or numbers, serve.`);
  }
}
