// Conditions of lessons on the figures of a frame.

// Whether [left, relation, right, times] is so, or all of a list of these; names are of figures.
export function holds(condition, frame) {
  if (Array.isArray(condition[0])) return condition.every((part) => holds(part, frame));
  const value = (name) => {
    if (typeof name === "number") return name;
    const [run, figure] = name.split(".");
    return frame[run]?.[figure] ?? Infinity; // one that is not finite travels as null
  };
  const [left, relation, right, times = 1] = condition;
  const [a, b] = [value(left), times * value(right)];
  return relation === "<" ? a < b : relation === ">" ? a > b : a === b;
}
