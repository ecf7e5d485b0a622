// Every element with data-field shows one setting, and sends it when the visitor changes it.

const NAMES = {
  "group-inputs": "group: inputs", "group-neurons": "group: neurons",
  elasticnet: "elastic net", l1: "L1", l2: "L2", relu: "ReLU", csv: "own CSV",
};
const shown = (field, option) => {
  if (field === "stop" && option === "0") return "never";
  if (field === "max_norm" && option === "0") return "none";
  return NAMES[option] ?? option;
};

export function fillOptions(options) {
  for (const select of document.querySelectorAll("select[data-field]")) {
    const field = select.dataset.field;
    select.replaceChildren(...(options[field] ?? []).map((option) => new Option(shown(field, option), option)));
  }
}

export function bindControls(change) {
  for (const control of document.querySelectorAll("[data-field]")) {
    const field = control.dataset.field;
    const text = () => (control.type === "checkbox" ? String(Number(control.checked)) : control.value);
    control.addEventListener("change", () => change(field, text()));
    if (control.type === "range") {
      control.addEventListener("input", () => {
        document.querySelector(`[data-value=${field}]`).textContent = control.value;
      });
    }
  }
}

export function syncControls(values) {
  for (const control of document.querySelectorAll("[data-field]")) {
    const field = control.dataset.field;
    const value = values[field];
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
  for (const label of document.querySelectorAll("[data-needs]")) {
    const need = label.dataset.needs;
    label.hidden = need === "penalty" ? values.penalty === "none" : values.penalty !== need;
  }
}

export function syncColumns(table, values) {
  const box = document.getElementById("columns");
  box.hidden = !table;
  if (!table) return;
  for (const select of box.querySelectorAll("select")) {
    const names = select.dataset.field === "y_column" ? table.columns : table.numeric;
    select.replaceChildren(...names.map((name) => new Option(name, name)));
    select.value = values[select.dataset.field];
  }
}
