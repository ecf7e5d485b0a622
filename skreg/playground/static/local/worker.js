// The session in a thread of its own, so that the page answers while it trains.

import { Session } from "./session.js";

const UNDERWAY = 2; // frames sent and not yet drawn: one is drawn while the next is made
const SHORTEST = 1000 / 60; // milliseconds between two frames
let session = null;
let underway = 0;
let isAtWork = false;

function deliver(messages) {
  for (const [kind, body, arrays] of messages) {
    if (kind === "frame" || kind === "sweep") underway++;
    postMessage({ kind, body, arrays });
  }
}

function work() {
  isAtWork = session.hasWork && underway < UNDERWAY;
  if (!isAtWork) return;
  const started = performance.now();
  deliver(session.advance());
  setTimeout(work, Math.max(0, SHORTEST - (performance.now() - started)));
}

addEventListener("message", ({ data: command }) => {
  if (command.do === "settings") session = new Session(command.settings);
  else if (command.do === "drawn") underway = Math.max(0, underway - 1);
  else deliver(session.handle(command));
  if (!isAtWork) work();
});
