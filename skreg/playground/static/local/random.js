// The random numbers of the package: NumPy's RandomState (MT19937), and the trainer's hashes.

// M. Matsumoto, T. Nishimura (1998), "Mersenne twister"; the methods are those of RandomState.
export class RandomState {
  constructor(seed) {
    this.state = new Uint32Array(624);
    this.state[0] = seed;
    for (let i = 1; i < 624; i++) {
      const before = this.state[i - 1] ^ (this.state[i - 1] >>> 30);
      this.state[i] = Math.imul(1812433253, before) + i;
    }
    this.place = 624;
    this.kept = null; // a normal number that waits
  }

  copy() {
    const copied = Object.assign(Object.create(RandomState.prototype), this);
    copied.state = this.state.slice();
    return copied;
  }

  uint32() {
    if (this.place === 624) this.twist();
    let y = this.state[this.place++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  twist() {
    const s = this.state;
    for (let i = 0; i < 624; i++) {
      const y = (s[i] & 0x80000000) | (s[(i + 1) % 624] & 0x7fffffff);
      s[i] = s[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.place = 0;
  }

  // In [0, 1), of 53 bits.
  random() {
    const [high, low] = [this.uint32() >>> 5, this.uint32() >>> 6];
    return (high * 67108864 + low) / 9007199254740992;
  }

  uniform(low, high) {
    return low + (high - low) * this.random();
  }

  // G. Marsaglia, T. Bray (1964), the polar method; they come in pairs.
  normal(mean, deviation) {
    if (this.kept !== null) {
      const kept = this.kept;
      this.kept = null;
      return mean + deviation * kept;
    }
    let a, b, square;
    do {
      a = 2 * this.random() - 1;
      b = 2 * this.random() - 1;
      square = a * a + b * b;
    } while (square >= 1 || square === 0);
    const factor = Math.sqrt((-2 * Math.log(square)) / square);
    this.kept = factor * a;
    return mean + deviation * factor * b;
  }

  // A whole number from 0 to most.
  upTo(most) {
    const mask = most === 0 ? 0 : 0xffffffff >>> Math.clz32(most);
    for (;;) {
      const value = (this.uint32() & mask) >>> 0;
      if (value <= most) return value;
    }
  }

  permutation(n) {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.upTo(i);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }

  // RandomState.tomaxint: [upper, lower] half of a number below 2⁶³.
  toMaxInt() {
    const [high, low] = [this.uint32(), this.uint32()];
    return [high >>> 1, ((high << 31) | (low >>> 1)) >>> 0];
  }
}

// 64-bit integers as two halves; a result is left in `upper` and `lower`.
let upper = 0;
let lower = 0;

function multiply(aHigh, aLow, bHigh, bLow) {
  const [a0, a1, b0, b1] = [aLow & 0xffff, aLow >>> 16, bLow & 0xffff, bLow >>> 16];
  const first = a0 * b0;
  const middle = a0 * b1 + a1 * b0 + Math.floor(first / 65536);
  lower = ((middle % 65536) * 65536 + (first & 0xffff)) >>> 0;
  upper = (a1 * b1 + Math.floor(middle / 65536) + Math.imul(aHigh, bLow) + Math.imul(aLow, bHigh)) >>> 0;
}

function add(aHigh, aLow, bHigh, bLow) {
  const sum = aLow + bLow;
  lower = sum >>> 0;
  upper = (aHigh + bHigh + (sum > 0xffffffff ? 1 : 0)) >>> 0;
}

const GOLDEN = [0x9e3779b9, 0x7f4a7c15];

// The last steps of splitmix64 (G. Steele, D. Lea, C. Flood, 2014).
function mix64(high, low) {
  multiply(high ^ (high >>> 30), low ^ ((low >>> 30) | (high << 2)), 0xbf58476d, 0x1ce4e5b9);
  multiply(upper ^ (upper >>> 27), lower ^ ((lower >>> 27) | (upper << 5)), 0x94d049bb, 0x133111eb);
  [upper, lower] = [(upper ^ (upper >>> 31)) >>> 0, (lower ^ ((lower >>> 31) | (upper << 1))) >>> 0];
}

// The trainer's shuffle: the permutation of 0, 1, … that belongs to a 64-bit seed.
export function shuffle(order, [seedHigh, seedLow]) {
  for (let i = 0; i < order.length; i++) {
    add(seedHigh, seedLow, ...GOLDEN);
    [seedHigh, seedLow] = [upper, lower];
    mix64(seedHigh, seedLow);
    const j = Math.floor((upper * 2097152 + (lower >>> 11)) * (1 / 9007199254740992) * (i + 1));
    order[i] = order[j];
    order[j] = i;
  }
}

// What dropout's masks of one layer in one step hang on; the seed is below 2³².
export function dropoutKey(seed, step, layer) {
  add(0, seed, ...GOLDEN);
  mix64(upper, lower);
  const [high, low] = [upper, lower];
  multiply(...GOLDEN, 0, 256 * step + layer + 1);
  add(high, low, upper, lower);
  mix64(upper, lower);
  return [upper, lower];
}

// The key of a row of the batch.
export function rowKey([high, low], row) {
  add(high, low, 0, row);
  mix64(upper, lower);
  return lower;
}

// The last steps of MurmurHash3 for 32 bits (A. Appleby, 2011).
export function mix32(x) {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
