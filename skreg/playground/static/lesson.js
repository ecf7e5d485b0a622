// A lesson on the page: its text step by step, a question, and a check against the numbers of the run.

import { holds } from "./conditions.js";
import { short } from "./figures.js";

const $ = (id) => document.getElementById(id);
const WORDS = {
  train: ["training loss", 3], peak: ["highest training loss of the last fifth", 3], test: ["test loss", 3], gap: ["gap", 3],
  nonzero: ["weights that are not 0", 0], mean_abs: ["mean |weight|", 3],
};

const element = (tag, properties, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

export class Lesson {
  // lessons: those of lessons.json. docs: address of the documentation, or empty. open: takes a
  // step's query. changed: another step is shown.
  constructor(lessons, docs, open, changed) {
    Object.assign(this, { lessons, docs, open, changed, name: "", step: 0, frame: null });
    for (const [name, { title }] of Object.entries(lessons)) $("lesson-choice").append(new Option(title, name));
    $("lesson-choice").addEventListener("change", ({ target }) => this.show(target.value));
    $("lesson-back").addEventListener("click", () => this.show(this.name, this.step - 1));
    $("lesson-next").addEventListener("click", () => this.show(this.name, this.step + 1));
  }

  // "l2.2" is the second step of the lesson l2; empty without a lesson.
  get place() {
    return this.name && `${this.name}.${this.step + 1}`;
  }

  get now() {
    return this.lessons[this.name]?.steps[this.step];
  }

  // Go to the place of an address. Its settings are opened unless the address has its own.
  goTo(place, opens) {
    const [name, number] = place.split(".");
    this.show(name in this.lessons ? name : "", Number(number ?? 1) - 1, opens);
  }

  show(name, step = 0, opens = true) {
    this.name = name;
    this.step = Math.min(Math.max(0, Math.trunc(step) || 0), (this.lessons[name]?.steps.length ?? 1) - 1);
    $("lesson-choice").value = name;
    $("lesson").hidden = !name;
    document.body.classList.toggle("in-lesson", Boolean(name));
    if (name) this.write();
    if (name && opens) this.open(this.now.query);
    this.changed();
  }

  write() {
    const { title, docs, steps } = this.lessons[this.name];
    const step = this.now;
    $("lesson-title").textContent = title;
    $("lesson-place").textContent = `${this.step + 1} of ${steps.length}`;
    $("lesson-back").disabled = this.step === 0;
    $("lesson-next").disabled = this.step === steps.length - 1;
    $("lesson-docs").hidden = !this.docs;
    $("lesson-docs").href = `${this.docs}${docs}`;
    const answer = element("p", { id: "lesson-answer" });
    answer.setAttribute("role", "status");
    const again = element("button", { type: "button", textContent: "Set up again" });
    again.addEventListener("click", () => this.show(this.name, this.step));
    $("lesson-body").replaceChildren(
      element("h3", { textContent: step.title }),
      ...step.text.map((textContent) => element("p", { textContent })),
      element("p", {}, again),
      element("fieldset", {}, element("legend", { textContent: step.question }),
        ...step.choices.map((choice) => this.choice(choice, answer))),
      answer,
    );
  }

  choice({ text, when }, answer) {
    const box = element("input", { type: "radio", name: "lesson-choices" });
    box.addEventListener("change", () => {
      answer.textContent = this.judge(when);
      answer.dataset.right = this.isDone() ? holds(when, this.frame) : "";
    });
    return element("label", {}, box, ` ${text}`);
  }

  isDone() {
    return Boolean(this.frame) && this.frame.live.epoch >= this.now.epoch;
  }

  // What is said to a choice.
  judge(when) {
    const { epoch, answer, claim, often } = this.now;
    if (!this.isDone()) return `Press Play first: training pauses at epoch ${epoch.toLocaleString("en")}.`;
    const found = this.facts();
    if (!holds(when, this.frame)) return `✗ Not in this run. ${found} Look again.`;
    const usual = holds(claim, this.frame)
      ? `So it was in ${often} runs with other data and first weights.`
      : `This run is an exception: in ${often} runs with other data and first weights it came out otherwise. `
        + "Try “Regenerate”.";
    return `✓ Right. ${found} ${answer} ${usual}`;
  }

  facts() {
    const { live, pinned } = this.frame;
    const told = this.now.facts.map((name) => {
      const [words, digits] = WORDS[name];
      return `${words} ${short(live[name], digits)}${pinned ? ` (pinned ${short(pinned[name], digits)})` : ""}`;
    });
    return `At epoch ${live.epoch.toLocaleString("en")}: ${told.join(", ")}.`;
  }
}
