// What is of the page and not of the network: theme, hidden controls, and the address.

const $ = (id) => document.getElementById(id);

// Controls that a lesson can do without, by the name they have in the address.
const PARTS = {
  settings: "Learning rate, activation, dropout, max-norm, pauses", penalty: "Kind of penalty", data: "Data",
  layers: "Layers", curves: "Losses by epoch", table: "Weights as a table", pin: "Points and pinning",
  sweep: "Every λ at once", closed: "The exact answer",
};
// Of the page, not of the network.
const OF_PAGE = ["lesson", "hide"];

// {query: what is the network's, lesson, hidden} of the address.
export function readAddress() {
  const all = new URLSearchParams(location.search);
  const [lesson, hide] = OF_PAGE.map((name) => all.get(name) ?? "");
  for (const name of OF_PAGE) all.delete(name);
  return { query: all.toString(), lesson, hidden: hide.split(",").filter((name) => name in PARTS) };
}

export function writeAddress(query, lesson) {
  const extra = Object.entries({ lesson, hide: hiddenParts().join(",") }).filter(([, text]) => text);
  const parts = [query, ...extra.map(([name, text]) => `${name}=${text}`)].filter(Boolean);
  history.replaceState(null, "", parts.length ? `?${parts.join("&")}` : location.pathname);
}

const hiddenParts = () => Object.keys(PARTS).filter((name) => document.body.classList.contains(`no-${name}`));

export function hideParts(names) {
  for (const name of Object.keys(PARTS)) document.body.classList.toggle(`no-${name}`, names.includes(name));
}

// changed: called when another part is hidden or shown.
export function bindHiding(changed) {
  $("hiding-parts").replaceChildren(...Object.entries(PARTS).map(([name, title]) => {
    const label = document.createElement("label");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", value: name });
    box.addEventListener("change", () => {
      document.body.classList.toggle(`no-${name}`, box.checked);
      changed();
    });
    label.append(box, ` ${title}`);
    return label;
  }));
  $("hide").addEventListener("click", () => {
    for (const box of $("hiding-parts").querySelectorAll("input")) box.checked = hiddenParts().includes(box.value);
    $("hiding").showModal();
  });
  $("hiding-close").addEventListener("click", () => $("hiding").close());
}

// redraw: called whenever colors change.
export function bindTheme(redraw) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const set = (theme) => {
    document.documentElement.dataset.theme = theme;
    $("theme").textContent = theme === "dark" ? "Light" : "Dark";
    redraw();
  };
  $("theme").addEventListener("click", () => {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    localStorage.setItem("theme", theme);
    set(theme);
  });
  dark.addEventListener("change", () => {
    if (!localStorage.getItem("theme")) set(dark.matches ? "dark" : "light");
  });
  set(localStorage.getItem("theme") ?? (dark.matches ? "dark" : "light"));
}

export async function copy(text, button) {
  if (!navigator.clipboard) { // not to be had over plain HTTP from another computer
    window.prompt("Copy this:", text);
    return;
  }
  await navigator.clipboard.writeText(text);
  const before = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = before; }, 1500);
}

// A neuron that a finger is on, enlarged beside the finger; layer null puts it away.
export class Lens {
  constructor(figure) {
    this.figure = figure;
    this.canvas = figure.querySelector("canvas");
  }

  aim(layer, event) {
    if (layer === null || event.pointerType !== "touch") {
      if (layer === null) this.figure.hidden = true;
      return;
    }
    const [side, gap] = [180, 24];
    const { clientX: x, clientY: y } = event;
    this.figure.hidden = false;
    this.figure.style.left = `${Math.min(Math.max(8, x - side / 2), innerWidth - side - 8)}px`;
    this.figure.style.top = `${y - side - gap - 24 > 8 ? y - side - gap - 24 : y + gap}px`;
  }

  // The large picture, which shows the neuron.
  show(picture, caption) {
    if (this.figure.hidden) return;
    if (this.canvas.width !== picture.width) this.canvas.width = this.canvas.height = picture.width;
    this.canvas.getContext("2d").drawImage(picture, 0, 0);
    this.figure.querySelector("figcaption").textContent = caption;
  }
}
