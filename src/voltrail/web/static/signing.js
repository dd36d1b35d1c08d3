// Sign a report where its lines are: in the browser, with a key that never leaves it.
//
// The bytes are those of `voltrail report`: formats.md, "Report". The same lines and the same key give the same note,
// so a report that is sent twice, from here or from the command line, is one report with one receipt.
//
//   const key = await readKey(await keyFile.text());
//   const file = await signReport(origin, key, bytes, (done, of) => ...);

export const MAX_FILE_BYTES = 64 << 20;
export const MAX_LINES = 100_000;
const MAX_LINE_BYTES = 65_536;
const SALT_BYTES = 16;
const LINES_AT_ONCE = 500; // hashed side by side; between, the page can show how far it is

// What is wrong with a file or a key: `rule` says which words the page has for it, `line` counts from 1.
export class Refusal extends Error {
  constructor(rule, line = null, mendable = false) {
    super(rule);
    Object.assign(this, { rule, line, mendable });
  }
}

// ------------------------------------------------------------------------------------------------- lines

// The lines of a file, each without its LF; what the registry would refuse of the whole is refused here, unsent.
export function splitLines(data) {
  if (data.length > MAX_FILE_BYTES) throw new Refusal("report.too_large");
  if (data.includes(0)) throw new Refusal("report.not_text", lineAt(data, data.indexOf(0)));
  if (data[0] === 0xef && data[1] === 0xbb && data[2] === 0xbf) throw new Refusal("line.bom", null, true);
  if (data.includes(CR)) throw new Refusal("line.cr", lineAt(data, data.indexOf(CR)), true);
  if (!data.length) throw new Refusal("report.empty");
  if (data.at(-1) !== LF) throw new Refusal("report.unfinished", null, true);
  const lines = [];
  for (let start = 0, end; start < data.length; start = end + 1) {
    end = data.indexOf(LF, start);
    lines.push(data.subarray(start, end));
    if (end === start) throw new Refusal("line.empty", lines.length, true);
    if (end - start > MAX_LINE_BYTES) throw new Refusal("line.length", lines.length);
  }
  if (lines.length > MAX_LINES) throw new Refusal("report.too_long");
  return lines;
}

// The same lines without what an editor puts around them: byte order mark, carriage returns, empty lines.
export function mendLines(data) {
  const text = new TextDecoder("utf-8").decode(data); // takes a byte order mark away
  return bytes(text.split(/\r?\n|\r/).filter((line) => line.trim()).map((line) => `${line}\n`).join(""));
}

// The members of a line: exact bytes from each key's opening quote to the end of its value. Whether the line is in
// the strict form is the registry's to say: it knows each way of breaking it, and names it.
export function members(line) {
  const found = [];
  let depth = 0, quoted = false, start = 1;
  const end = line.length - 1;
  for (let at = 1; at < end; at++) {
    const byte = line[at];
    if (quoted) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) quoted = false;
    } else if (byte === QUOTE) quoted = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
    else if (byte === COMMA && depth === 0) {
      found.push(line.subarray(start, at));
      start = at + 1;
    }
  }
  if (end > start) found.push(line.subarray(start, end));
  return found;
}

const [LF, CR, QUOTE, COMMA, BACKSLASH] = [0x0a, 0x0d, 0x22, 0x2c, 0x5c];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];

function lineAt(data, position) {
  let line = 1;
  for (let at = 0; at < position; at++) if (data[at] === LF) line++;
  return line;
}

// --------------------------------------------------------------------------------------------------- key

// A key from its PEM file: a line `Voltrail-Key: NAME`, then PKCS #8 without a password; Ed25519 or P-256.
export async function readKey(pem) {
  if (!globalThis.crypto?.subtle) throw new Refusal("key.unsafe_page");
  const name = /^Voltrail-Key: (\S+)$/m.exec(pem)?.[1];
  const body = /-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----/.exec(pem)?.[1];
  if (!body) throw new Refusal(pem.includes("ENCRYPTED PRIVATE KEY") ? "key.password" : "key.pem");
  if (!name?.includes("/")) throw new Refusal("key.name");
  const der = from64(body.replace(/\s/g, ""));
  const kind = await importKey(der);
  const publicKey = await kind.publicKey();
  const id = (await sha256(concat(bytes(`${name}\n`), kind.type, publicKey))).subarray(0, 4);
  const hex = [...id].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return {
    name,
    vkey: `${name}+${hex}+${to64(concat(kind.type, publicKey))}`, // what others need: as voltrail key new prints it
    organisation: name.slice(0, name.lastIndexOf("/")),
    algorithm: kind.algorithm,
    publicKey: to64(publicKey),
    id,
    sign: kind.sign,
    seed: await sha256(bytes(`Voltrail-Key: ${name}\n${asPem(der)}`)),
  };
}

// A new key as its PEM file; where the browser has no Ed25519, of P-256.
export async function newKey(name, algorithms = [{ name: "Ed25519" }, { name: "ECDSA", namedCurve: "P-256" }]) {
  if (!globalThis.crypto?.subtle) throw new Refusal("key.unsafe_page");
  for (const algorithm of algorithms) {
    const pair = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]).catch(() => null);
    if (!pair) continue;
    const der = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
    return `Voltrail-Key: ${name}\n${asPem(der)}`;
  }
  throw new Refusal("key.algorithm");
}

async function importKey(der) {
  for (const [algorithm, make] of [[{ name: "Ed25519" }, ed25519], [{ name: "ECDSA", namedCurve: "P-256" }, p256]]) {
    const key = await crypto.subtle.importKey("pkcs8", der, algorithm, true, ["sign"]).catch(() => null);
    if (key) return make(key);
  }
  throw new Refusal("key.algorithm");
}

function ed25519(key) {
  return {
    algorithm: "ed25519",
    type: Uint8Array.of(1),
    publicKey: async () => fromUrl64((await crypto.subtle.exportKey("jwk", key)).x),
    sign: async (data) => new Uint8Array(await crypto.subtle.sign("Ed25519", key, data)),
  };
}

function p256(key) {
  return {
    algorithm: "ecdsa-p256-sha256",
    type: concat(Uint8Array.of(0xff), bytes("ecdsa-p256-sha256")),
    publicKey: async () => {
      const { x, y } = await crypto.subtle.exportKey("jwk", key);
      return concat(Uint8Array.of(4), fromUrl64(x), fromUrl64(y));
    },
    sign: async (data) => asDer(new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, data))),
  };
}

// A P-256 signature as it stands in notes: the browser gives r and s side by side, DER is a SEQUENCE of INTEGERs.
function asDer(signature) {
  const integers = [signature.subarray(0, 32), signature.subarray(32)].map((given) => {
    let start = given.findIndex((byte) => byte !== 0);
    if (start < 0) start = given.length - 1;
    const number = given[start] & 0x80 ? concat(Uint8Array.of(0), given.subarray(start)) : given.subarray(start);
    return concat(Uint8Array.of(2, number.length), number);
  });
  const body = concat(...integers);
  return concat(Uint8Array.of(0x30, body.length), body);
}

function asPem(der) {
  return `-----BEGIN PRIVATE KEY-----\n${to64(der).replace(/.{1,64}/g, "$&\n")}-----END PRIVATE KEY-----\n`;
}

// ------------------------------------------------------------------------------------------------ report

// The signed report file over these lines, as bytes. `secret` is derived from the key and the lines, so that a retry
// is the same report.
export async function signReport(origin, key, data, progress = () => {}) {
  const lines = splitLines(data);
  const secret = (await hmac(key.seed, concat(bytes(`${key.organisation}\n`), await sha256(data)))).subarray(0, 16);
  const root = await reportRoot(await commitLines(secret, lines, progress));
  const text = `${origin}/report/${key.organisation}\n${lines.length}\n${to64(root)}\n`;
  const signature = to64(concat(key.id, await key.sign(bytes(text))));
  return concat(bytes(`${text}\n\u2014 ${key.name} ${signature}\n\nsecret ${to64(secret)}\n\n`), data);
}

// A bare signature over a text in UTF-8, in base64.
export async function signText(key, text) {
  return to64(await key.sign(bytes(text)));
}

export async function commitLines(secret, lines, progress = () => {}) {
  const commitments = [];
  for (let start = 0; start < lines.length; start += LINES_AT_ONCE) {
    const block = lines.slice(start, start + LINES_AT_ONCE);
    commitments.push(...(await Promise.all(block.map((line, at) => commitLine(secret, start + at, members(line))))));
    progress(commitments.length, lines.length);
  }
  return commitments;
}

async function commitLine(secret, number, parts) {
  const drawn = shake256(concat(SALT, secret, u32(number)), SALT_BYTES * parts.length);
  const digests = parts.map((part, at) => sha256(concat(drawn.subarray(SALT_BYTES * at, SALT_BYTES * (at + 1)), part)));
  return sha256(concat(EVENT, ...(await Promise.all(digests))));
}

// RFC 6962: level by level; the last of an odd number goes up as it is.
export async function reportRoot(commitments) {
  let level = await Promise.all(commitments.map((one) => sha256(concat(Uint8Array.of(0), one))));
  while (level.length > 1) {
    const pairs = [];
    for (let at = 0; at + 1 < level.length; at += 2) pairs.push(sha256(concat(Uint8Array.of(1), level[at], level[at + 1])));
    level = await Promise.all(level.length % 2 ? [...pairs, level.at(-1)] : pairs);
  }
  return level[0];
}

// ------------------------------------------------------------- SHAKE-256 (FIPS 202), which browsers do not have

const RATE_BYTES = 136;
const LANES = 25; // of 64 bits, each kept as two halves of 32: the low one at 2 i, the high one at 2 i + 1

export function shake256(message, length) {
  const state = new Int32Array(2 * LANES);
  const block = new Uint8Array(state.buffer); // little-endian, as every browser's machine is
  const padded = new Uint8Array((Math.floor(message.length / RATE_BYTES) + 1) * RATE_BYTES);
  padded.set(message);
  padded[message.length] ^= 0x1f;
  padded[padded.length - 1] ^= 0x80;
  for (let start = 0; start < padded.length; start += RATE_BYTES) {
    for (let at = 0; at < RATE_BYTES; at++) block[at] ^= padded[start + at];
    permute(state);
  }
  const out = new Uint8Array(length);
  for (let start = 0; start < length; start += RATE_BYTES) {
    if (start) permute(state);
    out.set(block.subarray(0, Math.min(RATE_BYTES, length - start)), start);
  }
  return out;
}

// Keccak-f[1600]: 24 rounds of theta, rho and pi, chi, iota.
function permute(state) {
  const moved = new Int32Array(2 * LANES), column = new Int32Array(10);
  for (const [low, high] of ROUNDS) {
    for (let at = 0; at < 10; at++) column[at] = state[at] ^ state[at + 10] ^ state[at + 20] ^ state[at + 30] ^ state[at + 40];
    for (let x = 0; x < 5; x++) {
      const left = 2 * ((x + 4) % 5), right = 2 * ((x + 1) % 5);
      const dLow = column[left] ^ ((column[right] << 1) | (column[right + 1] >>> 31));
      const dHigh = column[left + 1] ^ ((column[right + 1] << 1) | (column[right] >>> 31));
      for (let lane = 2 * x; lane < 50; lane += 10) {
        state[lane] ^= dLow;
        state[lane + 1] ^= dHigh;
      }
    }
    for (let lane = 0; lane < LANES; lane++) {
      const by = TURNS[lane] % 32, swap = TURNS[lane] >= 32 ? 1 : 0;
      const low32 = state[2 * lane + swap], high32 = state[2 * lane + 1 - swap], to = 2 * TARGETS[lane];
      moved[to] = by ? (low32 << by) | (high32 >>> (32 - by)) : low32;
      moved[to + 1] = by ? (high32 << by) | (low32 >>> (32 - by)) : high32;
    }
    for (let row = 0; row < 50; row += 10)
      for (let at = 0; at < 10; at++) state[row + at] = moved[row + at] ^ (~moved[row + ((at + 2) % 10)] & moved[row + ((at + 4) % 10)]);
    state[0] ^= low;
    state[1] ^= high;
  }
}

// How far each lane turns and where it goes (lane x + 5 y to y + 5 (2 x + 3 y)), and what each round adds.
const TURNS = new Int32Array(LANES), TARGETS = new Int32Array(LANES);
for (let step = 0, x = 1, y = 0; step < 24; step++) {
  TURNS[x + 5 * y] = (((step + 1) * (step + 2)) / 2) % 64;
  [x, y] = [y, (2 * x + 3 * y) % 5];
}
for (let x = 0; x < 5; x++) for (let y = 0; y < 5; y++) TARGETS[x + 5 * y] = y + 5 * ((2 * x + 3 * y) % 5);
const ROUNDS = (() => {
  let register = 1;
  const bit = () => {
    const out = register & 1;
    register = register & 0x80 ? ((register << 1) ^ 0x171) : register << 1;
    return out;
  };
  return Array.from({ length: 24 }, () => {
    const halves = [0, 0];
    for (let j = 0; j < 7; j++) if (bit()) halves[j === 6 ? 1 : 0] |= 1 << ((2 ** j - 1) % 32);
    return halves;
  });
})();

// ------------------------------------------------------------------------------------------------- bytes

const bytes = (text) => new TextEncoder().encode(text);
const SALT = bytes("voltrail.salt"), EVENT = bytes("voltrail.event");

function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function u32(number) {
  return Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number);
}

// What is to be said about signing, for a page: what stands between backticks, as code.
export function marked(sentence) {
  const code = (text) => Object.assign(document.createElement("code"), { textContent: text });
  return sentence.split("`").map((part, at) => (at % 2 ? code(part) : part));
}

async function sha256(data) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}

async function hmac(secret, data) {
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, data));
}

function to64(data) {
  return btoa(String.fromCharCode(...data));
}

function from64(text) {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw new Refusal("key.pem");
  }
}

function fromUrl64(text) {
  return from64(text.replaceAll("-", "+").replaceAll("_", "/"));
}
