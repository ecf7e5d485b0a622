// The palette of the present theme, read from the style sheet.

export const palette = {};
export const CLASSES = ["low", "high", "third", "fourth", "fifth"];

function channel(text) {
  const number = parseInt(text.trim().slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}

// Little-endian RGBA of a color a share of the way from one to another.
function blend(from, to, share) {
  const [r, g, b] = from.map((start, i) => Math.round(start + (to[i] - start) * share));
  return (255 << 24) | (b << 16) | (g << 8) | r;
}

// A color for each byte of a picture: 1 is -1, 128 is 0, 255 is 1.
function signed(low, middle, high, discrete) {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let share = Math.max(-1, (byte - 128) / 127);
    if (discrete) share = share >= 0 ? 1 : -1;
    return blend(middle, share < 0 ? low : high, Math.abs(share));
  });
}

// Of more than two classes: each has a range of bytes, from undecided to sure.
function byClass(colors, middle, discrete) {
  const length = Math.floor(256 / colors.length);
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    const color = colors[Math.min(colors.length - 1, Math.floor(byte / length))];
    return blend(middle, color, discrete ? 1 : 0.25 + (0.75 * (byte % length)) / (length - 1));
  });
}

// Colors for the bytes of an output with so many classes, or of numbers and neurons (2).
export function colorsFor(nClasses, discrete) {
  return palette[`${nClasses > 2 ? nClasses : 2}${discrete ? "steps" : "smooth"}`];
}

export function readPalette() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["text", "muted", "line", "panel", "middle", "accent", ...CLASSES]) {
    palette[name] = style.getPropertyValue(`--${name}`).trim();
  }
  const middle = channel(palette.middle);
  const colors = CLASSES.map((name) => channel(palette[name]));
  for (const [name, discrete] of [["smooth", false], ["steps", true]]) {
    palette[`2${name}`] = signed(colors[0], middle, colors[1], discrete);
    for (let n = 3; n <= CLASSES.length; n++) {
      palette[`${n}${name}`] = byClass(colors.slice(0, n), middle, discrete);
    }
  }
}
