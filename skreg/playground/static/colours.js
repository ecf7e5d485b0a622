// The palette of the present theme, read from the style sheet.

export const palette = {};

function channel(text) {
  const number = parseInt(text.trim().slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}

// Little-endian RGBA for each byte of a picture: 1 is -1, 128 is 0, 255 is 1.
function table(low, middle, high, discrete) {
  const colours = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let share = Math.max(-1, (byte - 128) / 127);
    if (discrete) share = share >= 0 ? 1 : -1;
    const end = share < 0 ? low : high;
    const [r, g, b] = middle.map((from, i) => Math.round(from + (end[i] - from) * Math.abs(share)));
    colours[byte] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
  return colours;
}

export function readPalette() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["text", "muted", "line", "panel", "low", "high", "middle", "accent"]) {
    palette[name] = style.getPropertyValue(`--${name}`).trim();
  }
  const ends = [palette.low, palette.middle, palette.high].map(channel);
  palette.smooth = table(...ends, false);
  palette.steps = table(...ends, true);
}
