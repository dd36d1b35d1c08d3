// Check a battery's evidence where you read it: in the browser, by the browser's own cryptography.
//
// Given are the evidence file (bytes), a policy (C2SP tlog-policy: which log and witnesses you believe) and the
// authority's keys ("VKEY", or "VKEY@FIRST-LAST" for those entries only); and whose history it should be, such as
// "battery:CODE", when that is known. Nothing else is asked of anybody.
// The steps are those of formats.md, "Evidence", in its order; tests/independent/verifier.py is the same in Python.
//
//   for await (const { name, ok, details } of verify(data, policy, authorities, subject)) ...
//
// `ok` is true when the step was computed and holds, false when it does not hold (then nothing follows), and null
// when it was not computed: the browser lacks the cryptography, or the evidence has nothing to compute it from. Then
// `details` are { why, rule }: the particulars in English, and the rule, named as `voltrail verify` names it.

const RULES = { form: "evidence.form", checkpoint: "evidence.checkpoint", entries: "evidence.inclusion",
  members: "evidence.commitment", links: "evidence.link", heads: "evidence.head", signatures: "evidence.signature" };
export const STEPS = Object.keys(RULES);

export async function* verify(data, policy, authorities, subject = null) {
  const run = { data, policy, authorities, subject };
  for (const name of STEPS) {
    let step;
    try {
      needSafety();
      step = { name, ok: true, details: await CHECKS[name](run) };
    } catch (error) {
      step = { name, ok: error instanceof NotComputed ? null : false, details: { why: error.message, rule: error.rule ?? RULES[name] } };
    }
    yield step;
    if (step.ok === false) return;
  }
}

class NotComputed extends Error {
  constructor(message, rule) {
    super(message);
    this.rule = rule;
  }
}

// What does not hold breaks the rule of its step, or one of its own.
function need(holds, otherwise, rule) {
  if (!holds) throw Object.assign(new Error(otherwise), { rule });
}

function needSafety() {
  const why = "This page was not loaded safely (https or this machine).";
  if (!globalThis.crypto?.subtle) throw new NotComputed(why, "browser.unsafe_page");
}

// ---------------------------------------------------------------------------------------------------------------
// 1. FORM. JSON written in one way only, so that no byte of the file can be changed unseen.
// A number here stands for base64 of that many bytes, ANY for base64 of any number; a function chooses by the value.

const [ANY, TEXT, COUNT, MAP] = ["bytes", "text", "count", "map"];
const LINK = { t: 16, k: COUNT, before: 32, at: COUNT, of: COUNT, proof: [32] };
const MEMBER = (value) => (value?.withheld === undefined ? { salt: 16, bytes: ANY } : { withheld: 32, why: TEXT });
const EVENT = { index: COUNT, entry: 73, proof: [32], members: [MEMBER],
  report: TEXT, position: COUNT, report_proof: [32], link: LINK };
const HEAD = (value) => (value === null ? null : { events: COUNT, salt: 16, position: COUNT, heads: COUNT, proof: [32],
  entry: 49, index: COUNT, entry_proof: [32] });
const CHAIN = { subject: TEXT, events: [EVENT], head: HEAD };
const CLOSED = { checkpoint: TEXT, entry_proof: [32] };
const EVIDENCE = (value) => ({ format: TEXT, subject: TEXT, checkpoint: TEXT, reports: MAP, events: [EVENT], head: HEAD,
  signers: [CHAIN], ...(value?.closed === undefined ? {} : { closed: [CLOSED] }) }); // logs before this one, if any

async function checkForm(run) {
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(run.data);
  const value = JSON.parse(text);
  need(JSON.stringify(value) === text, "The file is not laid out as it was written; some byte in it was changed.");
  const evidence = (run.evidence = take(value, EVIDENCE));
  need(evidence.format === "voltrail-evidence/1", `Evidence of the form ${evidence.format} is not known here.`);
  need(evidence.closed?.length !== 0, "Logs before this one are named, and there are none.");
  const other = `This is the evidence of ${evidence.subject}, not of ${run.subject}.`;
  need([null, evidence.subject].includes(run.subject), other, "evidence.subject");
  run.chains = [{ subject: evidence.subject, events: evidence.events, head: evidence.head }, ...evidence.signers];
  run.events = run.chains
    .flatMap((chain) => chain.events.map((event) => Object.assign(event, { subject: chain.subject })))
    .sort((one, other) => one.index - other.index);
  need(run.chains.every((chain) => chain.events.length), "A chain without events proves nothing.");
  return { bytes: run.data.length, subject: evidence.subject, events: evidence.events.length };
}

function take(value, form) {
  if (typeof form === "function") return take(value, form(value));
  if (Array.isArray(form)) {
    need(Array.isArray(value), "A list is missing.");
    return value.map((one) => take(one, form[0]));
  }
  if (form !== null && typeof form === "object") {
    const names = Object.keys(form);
    const same = isMap(value) && Object.keys(value).length === names.length && names.every((one) => Object.hasOwn(value, one));
    need(same, `Not just the members ${names.join(", ")}.`);
    return Object.fromEntries(names.map((name) => [name, take(value[name], form[name])]));
  }
  if (form === null) return value;
  if (form === TEXT) need(typeof value === "string", "A text is missing.");
  else if (form === MAP) need(isMap(value), "The reports are missing.");
  else if (form === COUNT) need(Number.isSafeInteger(value) && value >= 0, `${value} is not a count below 2^53.`);
  else {
    const bytes = fromBase64(value);
    need(form === ANY || bytes.length === form, `${value} is not base64 of ${form} bytes.`);
    return bytes;
  }
  return value;
}

function isMap(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fromBase64(text) {
  need(typeof text === "string", "Base64 is missing.");
  let binary = "";
  try {
    binary = atob(text);
  } catch {
    // said below
  }
  need(btoa(binary) === text, `${text.slice(0, 80)} is not base64 in its one canonical form.`);
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

// ---------------------------------------------------------------------------------------------------------------
// BYTES AND TREES (RFC 6962). Leaves and inner nodes are hashed apart, so that neither can pass for the other.

const utf8 = (text) => new TextEncoder().encode(text);
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const same = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

function join(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", join(...parts)));
}

function u64(count) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(count));
  return bytes;
}

function readU64(bytes, at) {
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at); // a BigInt: no bit of it is lost
}

// Return the root that a leaf leads to. The last hash of a proof is the half of the tree that the leaf is not in.
async function rootOf(leaf, index, size, proof) {
  need(index < size, `There is no leaf ${index} in a tree of ${size}.`);
  const isLeft = []; // on the way up from the leaf: whether it is in the left half
  while (size > 1) {
    let half = 1; // the left half is the largest power of two below the size
    while (half * 2 < size) half *= 2;
    isLeft.unshift(index < half);
    [index, size] = index < half ? [index, half] : [index - half, size - half];
  }
  need(proof.length === isLeft.length, "A proof has too many hashes or too few.");
  let hash = await sha256(LEAF, leaf);
  for (const [at, other] of proof.entries()) {
    hash = isLeft[at] ? await sha256(NODE, hash, other) : await sha256(NODE, other, hash);
  }
  return hash;
}

// ---------------------------------------------------------------------------------------------------------------
// KEYS AND SIGNED NOTES (C2SP signed-note, tlog-checkpoint, tlog-cosignature).

const P256 = "ecdsa-p256-sha256";
const KINDS = [
  { name: "ed25519", type: Uint8Array.of(1), length: 32 },
  { name: "cosignature", type: Uint8Array.of(4), length: 32 },
  { name: "ml-dsa-44", type: Uint8Array.of(6), length: 1312 }, // not in WebCrypto: see checkCheckpoint
  { name: P256, type: join(Uint8Array.of(0xff), utf8(P256)), length: 65 },
];

async function makeKey(name, material, id = null) {
  const kind = KINDS.find(({ type }) => same(material.slice(0, type.length), type));
  need(kind && material.length === kind.type.length + kind.length, `The key ${name} is of no known type.`);
  const own = hex((await sha256(utf8(`${name}\n`), material)).slice(0, 4));
  need(id === null || id === own, `The key ${name} does not have the id ${id}.`);
  return { name, id: own, kind: kind.name, bytes: material.slice(kind.type.length), holder: holderOf(name) };
}

async function readVkey(vkey) {
  const [, name, id, material] = vkey.match(/^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/) ?? [];
  need(name, `${vkey.slice(0, 60)} is not a key: NAME+ID+KEY.`);
  return makeKey(name, fromBase64(material), id);
}

function holderOf(name) {
  return name.slice(0, Math.max(0, name.lastIndexOf("/")));
}

const NOTE = /^[^\0-\x1f]+\n(0|[1-9][0-9]{0,15})\n\S+\n([^\0-\x1f]+\n)*\n(\u2014 [^\s+\0-\x1f]+ \S+\n)+$/;

// Return what a note in checkpoint form says, and its signatures; nothing of it is to be believed yet.
function readNote(note) {
  need(NOTE.test(note), `Not a signed checkpoint: ${note.slice(0, 80)}`);
  const end = note.lastIndexOf("\n\n");
  const [origin, size, root, ...more] = note.slice(0, end).split("\n");
  const signatures = note.slice(end + 2, -1).split("\n").map((line) => {
    const [, name, encoded] = line.split(" ");
    const bytes = fromBase64(encoded);
    return { name, id: hex(bytes.slice(0, 4)), bytes: bytes.slice(4) };
  });
  const stated = { origin, size: Number(size), root: fromBase64(root), more };
  need(Number.isSafeInteger(stated.size) && stated.root.length === 32, `Not a checkpoint: ${note.slice(0, 80)}`);
  return { ...stated, body: utf8(note.slice(0, end + 1)), signatures };
}

function lacking(algorithm) {
  return new NotComputed(`${algorithm} is not in this browser's cryptography.`, "browser.algorithm");
}

async function checkSignature(key, body, signature) {
  let algorithm = { name: "Ed25519" };
  let use = algorithm;
  if (key.kind === "ml-dsa-44") throw lacking("ML-DSA-44");
  if (key.kind === "cosignature") { // begins with the time, which is signed too
    need(signature.length > 8, `The signature of ${key.name} is too short.`);
    body = join(utf8(`cosignature/v1\ntime ${readU64(signature, 0)}\n`), body);
    signature = signature.slice(8);
  } else if (key.kind === P256) {
    algorithm = { name: "ECDSA", namedCurve: "P-256" };
    use = { name: "ECDSA", hash: "SHA-256" };
    signature = fromDer(signature);
  }
  let holds;
  try {
    const imported = await crypto.subtle.importKey("raw", key.bytes, algorithm, false, ["verify"]);
    holds = await crypto.subtle.verify(use, imported, signature, body);
  } catch (error) {
    if (error.name === "NotSupportedError") throw lacking(algorithm.name);
    throw new Error(`The key ${key.name} is not one of its curve.`);
  }
  need(holds, `The signature of ${key.name} does not hold.`);
}

// Return r and s, 32 bytes each, of an ECDSA signature in DER, which writes each of them in one way only.
function fromDer(der) {
  const numbers = [];
  let at = 2;
  while (numbers.length < 2) {
    const number = der.slice(at + 2, at + 2 + der[at + 1]);
    const isShortest = number[0] < 0x80 && (number[0] !== 0 || number[1] >= 0x80);
    need(der[at] === 2 && isShortest && number.length <= 33, "The signature is not DER.");
    numbers.push(number[0] === 0 ? number.slice(1) : number);
    at += 2 + number.length;
  }
  const isWhole = der[0] === 0x30 && der[1] === der.length - 2 && at === der.length;
  need(isWhole && numbers.every((number) => number.length <= 32), "The signature is not DER.");
  return join(...numbers.flatMap((number) => [new Uint8Array(32 - number.length), number]));
}

// ---------------------------------------------------------------------------------------------------------------
// 2. CHECKPOINT. The log of the policy signed it, and a quorum of the policy's witnesses saw it. A line by an
// ML-DSA-44 key cannot be computed here: it is passed over and never counts, not for the log and not as a witness.

async function checkCheckpoint(run) {
  const note = readNote(run.evidence.checkpoint);
  run.logs = await joinLogs(run.evidence.closed ?? [], note);
  const { logs, witnesses, isQuorum } = await readPolicy(run.policy);
  const known = [...logs.filter((key) => key.name === note.origin).map((key) => ["", key]), ...witnesses];
  const seen = new Set(); // by name; "" stands for the log
  const passedOver = new Map();
  for (const signature of note.signatures) {
    const found = known.filter(([, key]) => key.name === signature.name && key.id === signature.id);
    for (const [name, key] of found) {
      try {
        await checkSignature(key, note.body, signature.bytes);
        seen.add(name);
      } catch (error) {
        if (!(error instanceof NotComputed)) throw error;
        if (!passedOver.has(name)) passedOver.set(name, error);
      }
    }
  }
  checkSpelling(note.signatures, known);
  const all = new Set([...seen, ...passedOver.keys()]);
  need(all.has(""), `No log of the policy signed for ${note.origin}.`);
  need(isQuorum(all), "Not yet witnessed: the policy's quorum is not met.", "evidence.quorum");
  if (!seen.has("") || !isQuorum(seen)) throw [...passedOver.values()][0];
  seen.delete("");
  const key = logs.find((one) => one.kind !== "ml-dsa-44" && note.signatures.some(({ name, id }) => name === one.name && id === one.id));
  return { origin: note.origin, key: `${key.name}+${key.id}`, size: note.size, root: btoa(String.fromCharCode(...note.root)), witnesses: [...seen],
    passedOver: passedOver.size, closed: run.logs.length - 1 };
}

// A line of a key we know, put under another name or id, must be missed, not passed over as a stranger's.
function checkSpelling(signatures, known) {
  const strange = signatures.filter((line) => !known.some(([, key]) => key.name === line.name && key.id === line.id));
  const absent = known.filter(([, key]) => !signatures.some((line) => key.name === line.name && key.id === line.id));
  const misspelt = strange.some((line) => absent.some(([, key]) => key.name === line.name || key.id === line.id));
  need(!misspelt, "A signature is under another name or key.");
  need(!strange.length || !absent.some(([name]) => name === ""), "A line is of an unknown key, and the log's is missing.");
}

// Return all logs of the record, the newest last: closed ones are proved by the first entry of the next.
async function joinLogs(closed, newest) {
  const notes = [...closed.map((log) => readNote(log.checkpoint)), newest];
  const first = newest.origin.replace(/\/([2-9]|[1-9][0-9]{1,3})$/, "");
  let base = 0;
  const logs = notes.map(({ origin, size, root }, number) => {
    const own = number ? `${first}/${number + 1}` : first;
    const otherwise = `${origin} stands where ${own} should: the logs do not follow one another.`;
    need(origin === own, otherwise, "evidence.succession");
    base += size;
    return { origin, size, root, base: base - size };
  });
  need(Number.isSafeInteger(base), "More entries than can be counted here.");
  for (const [number, { checkpoint, entry_proof }] of closed.entries()) {
    const next = logs[number + 1];
    const entry = join(Uint8Array.of(3), await sha256(utf8(checkpoint)));
    const root = await rootOf(entry, 0, next.size, entry_proof);
    need(same(root, next.root), `${next.origin} does not begin with the log before.`, "evidence.succession");
  }
  return logs;
}

async function readPolicy(text) {
  const logs = [];
  const witnesses = new Map();
  const rules = new Map([["none", () => true]]);
  const members = new Set(["none"]);
  let isQuorum = null;
  for (const line of text.split("\n")) {
    const [word, name, ...rest] = line.match(/[^ \t]+/g) ?? ["#"];
    const isNew = name !== undefined && !rules.has(name);
    if (word === "log") logs.push(await readVkey(name ?? ""));
    else if (word === "witness" && isNew) {
      witnesses.set(name, await readVkey(rest[0] ?? ""));
      rules.set(name, (seen) => seen.has(name));
    } else if (word === "group" && isNew) {
      const [wanted, ...of] = rest;
      const count = { any: 1, all: of.length }[wanted] ?? Number(wanted);
      const isGroup = of.every((one) => rules.has(one) && !members.has(one)) && new Set(of).size === of.length;
      need(isGroup && Number.isInteger(count) && count >= 1 && count <= of.length, `No such group: ${line}`);
      of.forEach((one) => members.add(one));
      rules.set(name, (seen) => of.filter((one) => rules.get(one)(seen)).length >= count);
    } else if (word === "quorum" && rules.has(name) && !isQuorum) isQuorum = rules.get(name);
    else need(word.startsWith("#"), `Not a line of a policy: ${line}`);
  }
  need(isQuorum, "The policy has no quorum line.");
  need(new Set([...witnesses.values()].map((key) => hex(key.bytes))).size === witnesses.size, "Two witnesses with one key.");
  return { logs, witnesses, isQuorum };
}

// ---------------------------------------------------------------------------------------------------------------
// 3. ENTRIES. Each stands in its log at its place, and the log's own time never runs back.

async function checkEntries(run) {
  let before = 0n;
  for (const event of run.events) {
    need(event.entry[0] === 1, `Entry ${event.index} is not one of an event.`);
    await checkInLog(run.logs, event.entry, event.index, event.proof);
    const received = readU64(event.entry, 1);
    need(before <= received, "The log's own time runs backwards.");
    before = received;
  }
  return { entries: new Set(run.events.map((event) => event.index)).size };
}

// An index counts the entries of all logs, one log after the other.
function logAt(logs, index) {
  const log = logs.find(({ base, size }) => index < base + size);
  need(log, `Entry ${index} is beyond the end of the log.`);
  return log;
}

async function checkInLog(logs, entry, index, proof) {
  const log = logAt(logs, index);
  need(same(await rootOf(entry, index - log.base, log.size, proof), log.root), `Entry ${index} is not in the log.`);
}

// ---------------------------------------------------------------------------------------------------------------
// 4. MEMBERS. Shown ones are hashed with their salt, withheld ones are given as hashes; together they make the
// commitment c. It stands in the entry, and in the report that the reporter signed, made out to that log.

async function checkMembers(run) {
  run.reports = new Map();
  for (const [digest, text] of Object.entries(run.evidence.reports)) {
    const report = readNote(text);
    const [, origin, owner] = report.origin.match(/^(.+)\/report\/([^/]+)$/s) ?? [];
    const isReport = owner && report.signatures.length === 1 && report.size && !report.more.length;
    const isSo = isReport && hex(await sha256(report.body)) === digest;
    need(isSo, `Report ${digest} is not what it is called.`, "evidence.report");
    run.reports.set(digest, { ...report, digest, origin, owner, signature: report.signatures[0], places: new Map() });
  }
  let withheld = 0;
  for (const event of run.events) {
    const report = run.reports.get(event.report);
    need(report, `The report of entry ${event.index} is missing.`, "evidence.report");
    const isToThis = report.origin === logAt(run.logs, event.index).origin;
    need(isToThis, `The report of entry ${event.index} is to another log.`, "evidence.report");
    const digests = await Promise.all(event.members.map((one) => one.withheld ?? sha256(one.salt, one.bytes)));
    const c = event.entry.slice(9, 41);
    need(same(c, await sha256(utf8("voltrail.event"), ...digests)), `Entry ${event.index}: its members are not those in the log.`);
    const root = await rootOf(c, event.position, report.size, event.report_proof);
    need(same(root, report.root), `Entry ${event.index} is not in the report that was signed.`, "evidence.report");
    report.places.set(event.index, event.position);
    readMembers(event);
    withheld += event.members.filter((one) => one.withheld).length;
  }
  run.reports.forEach(checkPlaces);
  return { events: run.events.length, reports: run.reports.size, withheld };
}

function readMembers(event) {
  const shown = event.members.filter((one) => one.bytes);
  const reasons = event.members.filter((one) => one.withheld).map((one) => one.why);
  event.fields = new Map(shown.map(({ bytes }) => {
    const [, name, value] = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes).match(/^"(\w+)":(.+)$/s) ?? [];
    return [name, JSON.parse(value)];
  }));
  const isPlain = event.fields.size === shown.length && reasons.every((why) => why === "access" || why === "erased");
  need(isPlain, `Entry ${event.index}: a member stands twice or is ill-formed.`);
  event.withheld = reasons.length;
}

// The events that were accepted of one report stand next to each other, in its order.
function checkPlaces(report) {
  const places = [...report.places];
  need(places.length, `Report ${report.digest} is given, and no event is from it.`, "evidence.report");
  for (const [number, [index, position]] of places.slice(1).entries()) {
    const [indexBefore, positionBefore] = places[number];
    const isNext = index > indexBefore && index - indexBefore <= position - positionBefore;
    need(isNext, `Report ${report.digest}: its events do not stand in the log in its order.`, "evidence.report");
  }
}

// ---------------------------------------------------------------------------------------------------------------
// 5. LINKS. Each subject's events are numbered in the log itself, k = 1, 2, …, and each hashes in all before it.

async function checkLinks(run) {
  for (const chain of run.chains) {
    chain.heads = [new Uint8Array(32)];
    let last = -1;
    for (const [number, event] of chain.events.entries()) {
      const { t, k, before, at, of, proof } = event.link;
      const head = chain.heads[number];
      const follows = k === number + 1 && same(before, head) && event.index > last;
      need(follows, `Entry ${event.index} does not follow as number ${number + 1}: an event is missing or repeated.`);
      const leaf = join(await sha256(t, utf8(chain.subject)), u64(k), head);
      need(same(await rootOf(leaf, at, of, proof), event.entry.slice(41)), `Entry ${event.index} is not link ${k} of ${chain.subject}.`);
      need(mayName(event, chain.subject), `Entry ${event.index} is not about ${chain.subject}.`);
      event.isNamed = !event.withheld || namedIn(event.fields).includes(chain.subject);
      chain.heads.push(await sha256(head, event.entry));
      last = event.index;
    }
  }
  const unnamed = run.evidence.events.filter((event) => !event.isNamed).length;
  return { events: run.evidence.events.length, chains: run.chains.length, unnamed };
}

function batteriesIn(fields) {
  const codes = Array.isArray(fields.get("codes")) ? fields.get("codes") : [];
  const named = [fields.get("code"), ...codes].filter((code) => code !== undefined).map((code) => `battery:${code}`);
  return fields.has("vin") ? [...named, `vehicle:${fields.get("vin")}`] : named;
}

function listIn(fields, member) {
  return Array.isArray(fields.get(member)) ? fields.get(member) : [];
}

// What went into a process and what came out of it stands in lists; a lot that an event is about by itself, in `lot`.
function lotsIn(fields) {
  const among = [...listIn(fields, "inputs"), ...listIn(fields, "outputs")].map((one) => one?.lot);
  return [fields.get("lot"), ...among, ...listIn(fields, "lots")]
    .filter((lot) => lot !== undefined).map((lot) => `lot:${lot}`);
}

// Kinds about a model whose name does not begin with it.
const OF_MODELS = ["document", "points", "answer", "campaign", "test", "stage"];

const OTHERS = [["organisation", "organisation"], ["model", "model_id"], ["site", "site"]];

// Every subject that shown members name; for a kind of its own, where only some of them are its subjects.
function namedIn(fields, topic = null) {
  const others = OTHERS.filter(([about, member]) => fields.has(member) && [about, "corrected"].includes(topic ?? about));
  const told = others.map(([about, member]) => `${about}:${fields.get(member)}`);
  const last = told.findIndex((one) => one.startsWith("site:")); // sites come after lots
  const before = last < 0 ? told : told.slice(0, last);
  return [...batteriesIn(fields), ...before, ...lotsIn(fields), ...told.slice(before.length)];
}

const OF_LOTS = ["lot_processed", "recycled", "dismantled", "corrected", undefined];

// Whether the members agree with the link: which one of how many subjects this is. A whole line says it exactly.
function mayName({ fields, withheld, link: { at, of } }, subject) {
  if (!withheld) {
    const about = String(fields.get("kind")).replace(/^(role|key)_/, "organisation_").split("_")[0];
    const topic = OF_MODELS.includes(about) ? "model" : about;
    const named = namedIn(fields, topic);
    return named.length === of && named[at] === subject;
  }
  if (!fields.has("code") || !fields.has("codes")) {
    const first = fields.has("code") ? [`battery:${fields.get("code")}`] : [];
    return of >= first.length && [subject, undefined].includes(first[at]) && (at === 0 || !first.includes(subject));
  }
  const named = batteriesIn(fields);
  const further = withheld + lotsIn(fields).length + OTHERS.filter(([, member]) => fields.has(member)).length;
  const most = OF_LOTS.includes(fields.get("kind")) ? of : named.length + further; // how many lots is not shown
  if (at >= named.length && subject.startsWith("battery:")) return false;
  return named.length <= of && of <= most && [subject, undefined].includes(named[at]);
}

// ---------------------------------------------------------------------------------------------------------------
// 6. HEADS. Once a day the log commits to how many events each subject has: so none can be left out at the end.

async function checkHeads(run) {
  for (const chain of run.chains.filter(({ head }) => head)) {
    const { events, salt, position, heads, proof, entry, index, entry_proof } = chain.head;
    chain.size = logAt(run.logs, index).base + Number(readU64(entry, 1)); // of the record, when the heads were taken
    const covered = chain.events.filter((event) => event.index < chain.size).length;
    need(events > 0 && events === covered && chain.size <= index, `The head of ${chain.subject} is of another time.`);
    const place = await sha256(utf8("voltrail.head"), utf8(chain.subject));
    const leaf = join(place, await sha256(salt, u64(events), chain.heads[events]));
    const root = await rootOf(leaf, position, heads, proof);
    const isSaid = entry[0] === 2 && readU64(entry, 9) === BigInt(heads) && same(root, entry.slice(17));
    need(isSaid, `The head of ${chain.subject} is not among the heads.`);
    await checkInLog(run.logs, entry, index, entry_proof);
  }
  const [{ head, size }] = run.chains;
  const noHead = "The evidence has no head: there may be further events, and these may have been corrected since.";
  if (!head) throw new NotComputed(noHead, "evidence.no_head");
  return { events: head.events, last: size - 1, after: run.evidence.events.length - head.events };
}

// ---------------------------------------------------------------------------------------------------------------
// 7. SIGNATURES. Whose count? The authority's keys, which you gave; and keys that the record shows: added at a lower
// index, not revoked between. What each is worth is said in words, from the strongest to the weakest.

export const WORTH = [
  "signed by the authority",
  "signed; key proved by the record",
  "signed; key in the record, a later revocation not ruled out",
  "signed; key status not proved",
];
const [BY_AUTHORITY, PROVED, NOT_RULED_OUT, NOT_PROVED] = WORTH.keys();
const ABOUT_KEYS = ["key_added", "key_revoked"];
const ABOUT_TRUST = [...ABOUT_KEYS, "organisation_registered", "role_granted", "role_revoked"];
const asProof = (worth) => Math.max(worth, PROVED); // what a key is worth that was added under this

async function checkSignatures(run) {
  const given = await Promise.all(run.authorities.map(async (authority) => {
    const [, vkey, first, last] = authority.match(/^(.+?)(?:@(\d+)-(\d+))?$/) ?? [];
    return { ...(await readVkey(vkey ?? "")), first: Number(first ?? 0), last: Number(last ?? Infinity) };
  }));
  const organisations = new Map(run.chains.map((chain) => [chain.subject, {
    keys: new Map(), // by id, as far as the chain has been read
    granted: null, // what the role of authority is worth that the chain shows, if it has it now
    doubt: -1, // the last event that may have been about a key without showing it
    until: Math.max(chain.size ?? 0, chain.events.at(-1).index), // before here the chain is whole
  }]));
  checkSigners(run);
  const trust = { given, host: `${run.logs[0].origin}/host`, organisations, held: new Set() };
  const judged = new Map();
  for (const event of run.events) { // as the record stood when each came in
    if (!judged.has(event.index)) judged.set(event.index, await judge(event, run.reports.get(event.report), trust));
    event.worth = judged.get(event.index);
    learn(organisations.get(event.subject), event);
  }
  const signers = new Set(run.evidence.events.map((event) => run.reports.get(event.report).signature.name));
  return {
    reports: run.reports.size,
    signers: [...signers].sort(),
    weakest: Math.max(...run.evidence.events.map((event) => event.worth)),
    events: run.evidence.events.map(({ index, fields, worth, isNamed }) => (
      { index, kind: fields.get("kind"), occurredAt: fields.get("occurred_at"), worth: WORTH[worth], isNamed })),
  };
}

function checkSigners({ chains, reports }) {
  const speaking = [...reports.values()].flatMap(({ owner, signature }) => [owner, holderOf(signature.name)]);
  const subjects = chains.map((chain) => chain.subject);
  need(new Set(subjects).size === subjects.length, "A chain is given twice.", "evidence.signers");
  const isNeeded = subjects.slice(1).every((subject) => speaking.some((name) => subject === `organisation:${name}`));
  need(isNeeded, "A signer is given who signed nothing here.", "evidence.signers");
}

// Read one more event of a chain. A correction changes none of this: keys and roles are ended by further events.
function learn(organisation, { index, fields, withheld, worth }) {
  const kind = fields.get("kind");
  const id = String(fields.get("key_id"));
  if (kind === "key_added") organisation.keys.set(id, { fields, added: index, worth, revoked: null });
  if (kind === "key_revoked" && organisation.keys.has(id)) organisation.keys.get(id).revoked = index;
  if (kind === "role_granted" && fields.get("role") === "authority") organisation.granted = worth;
  if (kind === "role_revoked" && fields.get("role") === "authority") organisation.granted = null;
  if (withheld && (kind === undefined || ABOUT_KEYS.includes(kind))) organisation.doubt = index;
}

async function judge(event, report, trust) {
  const holder = holderOf(report.signature.name);
  const kind = event.fields.get("kind");
  const isByHost = holder !== report.owner; // in the name of somebody who was signed in
  const mayHost = holder === trust.host && !ABOUT_TRUST.includes(kind);
  need(!isByHost || mayHost, `Entry ${event.index}: ${holder} may not sign it for ${report.owner}.`);
  let worth = await judgeKey(event, report, holder, trust);
  if (ABOUT_TRUST.includes(kind)) worth = Math.max(worth, maySpeak(event, holder, kind, trust));
  if (isByHost) worth = Math.max(worth, hostMay(event, report.owner, trust));
  return worth;
}

async function judgeKey(event, report, holder, { given, organisations, held }) {
  const { name, id } = report.signature;
  const mine = given.find((key) => key.name === name && key.id === id && key.first <= event.index && event.index <= key.last);
  if (mine) {
    await checkOnce(mine, report, held);
    return BY_AUTHORITY;
  }
  const organisation = organisations.get(`organisation:${holder}`);
  if (!organisation) {
    need(!given.some((key) => key.holder === holder), `Entry ${event.index}: ${name} is not a key the authority was given with.`);
    return NOT_PROVED;
  }
  const shown = organisation.keys.get(name.slice(holder.length + 1));
  need(shown, `Entry ${event.index}: the key ${name} had not been added before.`);
  const revoked = `Entry ${event.index}: the key ${name} had been revoked at entry ${shown.revoked}.`;
  need(shown.revoked === null, revoked, "evidence.key_revoked");
  const kind = KINDS.find((one) => one.name === shown.fields.get("algorithm") && [P256, "ed25519"].includes(one.name));
  need(kind, `Entry ${event.index}: the key ${name} is not shown.`);
  await checkOnce(await makeKey(name, join(kind.type, fromBase64(shown.fields.get("public_key")))), report, held);
  const isSure = organisation.until >= event.index && organisation.doubt <= shown.added;
  return Math.max(isSure ? PROVED : NOT_RULED_OUT, asProof(shown.worth));
}

async function checkOnce(key, report, held) {
  need(key.id === report.signature.id, `The signature of ${key.name} is by another key.`);
  const what = `${report.digest} ${key.id} ${hex(key.bytes)}`;
  if (!held.has(what)) await checkSignature(key, report.body, report.signature.bytes);
  held.add(what);
}

// Return how well it is shown that this signer may say who is who.
function maySpeak(event, holder, kind, { given, organisations }) {
  const about = event.fields.get("organisation");
  if (given.some((key) => key.holder === holder)) return BY_AUTHORITY;
  if (ABOUT_KEYS.includes(kind) && [holder, undefined].includes(about)) return about ? PROVED : NOT_PROVED;
  const organisation = organisations.get(`organisation:${holder}`);
  if (!organisation) return NOT_PROVED;
  need(organisation.granted !== null, `Entry ${event.index}: ${holder} may not report ${kind} about ${about}.`);
  return asProof(organisation.granted);
}

// Return how well it is shown that the organisation had no key of its own, or one that lets the host sign.
function hostMay(event, owner, { organisations }) {
  const organisation = organisations.get(`organisation:${owner}`);
  if (!organisation) return NOT_PROVED;
  const keys = [...organisation.keys.values()].filter((key) => key.revoked === null);
  const isAllowed = !keys.length || keys.some((key) => key.fields.get("host_may_sign") === true);
  need(isAllowed, `Entry ${event.index}: ${owner} had a key of its own, and the host signed.`);
  return organisation.until >= event.index && organisation.doubt < 0 ? PROVED : NOT_RULED_OUT;
}

const CHECKS = { form: checkForm, checkpoint: checkCheckpoint, entries: checkEntries, members: checkMembers,
  links: checkLinks, heads: checkHeads, signatures: checkSignatures };
