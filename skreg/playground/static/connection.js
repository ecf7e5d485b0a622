// The websocket: commands go out, decoded messages come in, drawn frames are acknowledged.

const decoder = new TextDecoder();

function decode(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const body = JSON.parse(decoder.decode(new Uint8Array(buffer, 4, length)));
  const start = 4 + length;
  const arrays = {};
  for (const [name, { dtype, shape, offset }] of Object.entries(body.arrays)) {
    const size = shape.reduce((a, b) => a * b, 1);
    const Kind = dtype === "uint8" ? Uint8Array : Float32Array;
    arrays[name] = new Kind(buffer, start + offset, size);
    arrays[name].shape = shape;
  }
  return [body, arrays];
}

// handlers: kind -> function(body, arrays). A frame replaces one that was not drawn yet. Resolves to
// the function that sends a command.
export function connect(handlers, onClose) {
  const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/live");
  socket.binaryType = "arraybuffer";
  let latest = null;
  let waiting = 0;

  const send = (command) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(command));
  };
  const acknowledge = () => {
    for (; waiting > 0; waiting--) send({ do: "drawn" });
  };
  const draw = () => {
    if (latest) handlers.frame(...latest);
    latest = null;
    acknowledge();
  };
  socket.addEventListener("close", (event) => onClose(event.reason));
  socket.addEventListener("message", ({ data }) => {
    const [body, arrays] = decode(data);
    if (body.kind === "frame") {
      const scheduled = latest !== null;
      latest = [body, arrays];
      waiting++;
      if (document.hidden) acknowledge();
      else if (!scheduled) requestAnimationFrame(draw);
    } else {
      handlers[body.kind](body, arrays);
      if (body.kind === "sweep") send({ do: "drawn" });
    }
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) requestAnimationFrame(draw);
  });
  return new Promise((resolve) => { socket.addEventListener("open", () => resolve(send)); });
}
