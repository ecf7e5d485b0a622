// What connection.js is with a server, without one: commands to the worker, messages from it.

function shaped(arrays) {
  return Object.fromEntries(Object.entries(arrays).map(([name, [array, shape]]) => [name, Object.assign(array, { shape })]));
}

// handlers: kind -> function(body, arrays). A frame replaces one that was not drawn yet. Resolves to
// the function that sends a command.
export async function connect(handlers, onClose) {
  const settings = await (await fetch(new URL("../settings.json", import.meta.url))).json();
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  let latest = null;
  let waiting = 0;
  const send = (command) => worker.postMessage(command);
  const acknowledge = () => {
    for (; waiting > 0; waiting--) send({ do: "drawn" });
  };
  const draw = () => {
    if (latest) handlers.frame(...latest);
    latest = null;
    acknowledge();
  };
  worker.addEventListener("error", ({ message }) => onClose(message));
  worker.addEventListener("message", ({ data: { kind, body, arrays } }) => {
    if (kind !== "frame") {
      handlers[kind](body, shaped(arrays));
      if (kind === "sweep") send({ do: "drawn" });
      return;
    }
    const scheduled = latest !== null;
    latest = [body, shaped(arrays)];
    waiting++;
    if (document.hidden) acknowledge();
    else if (!scheduled) requestAnimationFrame(draw);
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) requestAnimationFrame(draw);
  });
  send({ do: "settings", settings });
  return send;
}
