// The model shown, as Python that makes it again, to the same weights.

// A number as Python writes it.
export function number(value, isWhole = Number.isInteger(value)) {
  const size = Math.abs(value);
  if (value !== 0 && (size < 1e-4 || size >= 1e16)) {
    return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  }
  return isWhole ? String(value) : Number.isInteger(value) ? `${value}.0` : String(value);
}

function text(value) {
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
  const inside = value.replace(/\\/g, "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r").replaceAll("\t", "\\t");
  return quote + (quote === "'" ? inside.replaceAll("'", "\\'") : inside) + quote;
}

function literal(value) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return number(value);
  if (typeof value === "string") return text(value);
  return value.length === 1 ? `(${literal(value[0])},)` : `(${value.map(literal).join(", ")})`;
}

function problemLines(values) {
  return [`plane, y = make_playground(${text(values.data)}, noise=${values.noise}, random_state=${values.seed})`];
}

function tableLines(values, { table, labels, is_regression: isRegression }) {
  const names = [values.x1_column, values.x2_column, values.y_column].map(text);
  const lines = [
    `frame = pd.read_csv(${text(table)})[[${names.join(", ")}]]`,
    "frame = frame.replace([np.inf, -np.inf], np.nan).dropna()",
    `frame = frame.sample(frac=1, random_state=${values.seed})`,
    `inputs, target = frame[[${names[0]}, ${names[1]}]].astype(float), frame[${names[2]}]`,
    "plane = (10 * (inputs - inputs.min()) / (inputs.max() - inputs.min()) - 5).to_numpy()",
  ];
  if (isRegression) return [...lines, "y = target.to_numpy(float)", "y = 2 * (y - y.min()) / (y.max() - y.min()) - 1"];
  if (labels.length > 2) return [...lines, "y = np.searchsorted(sorted(target.unique()), target)"];
  return [...lines, "y = np.where(target == sorted(target.unique())[1], 1, -1)"];
}

const FIT = "model.fit(X_train, y_train)";
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

// What was done after the first segment: settings that changed, epochs, and weights that were set.
function laterLines(first, later) {
  let before = first[0];
  return later.flatMap(([what, count]) => {
    if (typeof what === "number") {
      return [
        "weights = [W.copy() for W in model.coefs_]",
        "place = np.cumsum([0, *(W.size for W in weights)])",
        `layer = np.searchsorted(place, ${what}, side="right") - 1`,
        `weights[layer].flat[${what} - place[layer]] = ${number(count)}`,
        "model.coefs_ = weights",
      ];
    }
    const changed = Object.entries(what).filter(([name, value]) => !same(value, before[name]));
    before = what;
    const given = [...changed, ["max_iter", count]].map(([name, value]) => `    ${name}=${literal(value)},`);
    return ["model.set_params(", ...given, ")", FIT];
  });
}

// body: the message "code"; values: those of the controls.
export function asPython(body, values) {
  const isTable = values.data === "csv";
  const [first, ...later] = body.segments;
  const given = Object.entries({ ...first[0], random_state: Number(values.start), warm_start: true });
  const features = values.features.split(",");
  return [
    "import numpy as np",
    ...(isTable ? ["import pandas as pd"] : []),
    "",
    `from skreg import ${body.name}`,
    `from skreg.datasets import PlaygroundFeatures${isTable ? "" : ", make_playground"}`,
    "",
    ...(isTable ? tableLines(values, body) : problemLines(values)),
    `X = PlaygroundFeatures(${literal(features)}).fit_transform(plane)`,
    `X_train, y_train = X[:${body.n_train}], y[:${body.n_train}]`,
    `X_test, y_test = X[${body.n_train}:], y[${body.n_train}:]`,
    "",
    "# warm_start: every fit goes on where the last one ended, for max_iter epochs.",
    `model = ${body.name}(`,
    ...given.filter(([name, value]) => !same(value, body.usual[name])).map(([name, value]) => `    ${name}=${literal(value)},`),
    "    n_iter_no_change=np.inf,",
    ")",
    ...(first[1] ? [] : ["# Not trained yet: one epoch."]),
    `model.set_params(max_iter=${first[1] || 1})`,
    FIT,
    ...laterLines(first, later),
    "",
    `print(model.score(X_test, y_test))  # ${body.is_regression ? "R²" : "accuracy"} on the test rows`,
    "",
  ].join("\n");
}
