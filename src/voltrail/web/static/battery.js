// The panel "verified in your browser": fetches the evidence, and shows each step as verify.js computes it.
// No tick is set for what was not computed. The words stand in the page, in its language; numbers go in here.

const panel = document.getElementById("verification");
const part = (selector) => panel.querySelector(selector);
const AT_ONCE_EVENTS = 200;
const rules = JSON.parse(panel.dataset.rules); // what each says in the language of the page, unless that is English
const isChinese = document.documentElement.lang.startsWith("zh");

function number(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, isChinese ? "\u2009" : ",");
}

function fill(sentence, values) {
  return sentence.replace(/{(\w+)}/g, (_, name) => (typeof values[name] === "number" ? number(values[name]) : values[name]));
}

async function load(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json, text/plain" }, cache: "no-store" }).catch(
    (error) => { throw Object.assign(error, { rule: "browser.unreachable" }); });
  if (answer.ok) return new Uint8Array(await answer.arrayBuffer());
  const said = await answer.json().catch(() => ({}));
  const { message, rule } = said.error ?? { message: `HTTP ${answer.status}`, rule: "http.error" };
  throw Object.assign(new Error(message), { rule });
}

// A long life's evidence has megabytes: nobody is made to load that for a look at the page.
async function whenAsked() {
  if (Number(panel.dataset.events) <= AT_ONCE_EVENTS) return;
  const start = part("#start");
  start.hidden = false;
  await new Promise((go) => start.querySelector("button").addEventListener("click", go, { once: true }));
  start.hidden = true;
}

async function check() {
  await whenAsked();
  const { code, verifier } = panel.dataset;
  const text = async (path) => new TextDecoder().decode(await load(path));
  let given;
  try {
    given = await Promise.all([import(verifier), load(`/b/${code}/evidence`), text("/log/policy"), text("/log/authorities")]);
  } catch (error) {
    return giveUp(error);
  }
  const [{ verify }, evidence, policy, authorities] = given;
  part(".steps").hidden = false;
  const done = {};
  for await (const step of verify(evidence, policy, authorities.split("\n").filter(Boolean), `battery:${code}`)) {
    show(step);
    done[step.name] = step;
    if (step.ok === false) return refuse(step.name, step.details);
  }
  await printFingerprints(evidence, done.checkpoint);
  const events = new Map((done.signatures.details.events ?? []).map((event) => [event.index, event]));
  const differing = shownEvents().find((shown) => events.has(shown.index) && !isSame(shown, events.get(shown.index)));
  if (differing) return refuse("", { why: fill(panel.dataset.differs, differing) });
  if (Object.values(done).some(({ name, ok }) => ok === null && name !== "heads")) {
    return conclude("unknown", panel.dataset.partly);
  }
  shownEvents().filter(({ index }) => events.has(index)).forEach(tick);
  conclude("verified", words(done));
}

// The sentence of what is proved, in the words of formats.md, and what limits it.
function words({ heads, links }) {
  const { holds, noHead, after, unnamed } = panel.dataset;
  const said = [heads.ok ? fill(holds, heads.details) : noHead];
  if (heads.ok && heads.details.after) said.push(fill(after, heads.details));
  if (links.details.unnamed) said.push(fill(unnamed, links.details));
  return said.join(" ");
}

function show({ name, ok, details }) {
  const item = part(`[data-step=${name}]`);
  item.dataset.ok = String(ok);
  if (!ok) {
    if (ok === false) item.append(...explain(details));
    else if (details.rule === "evidence.no_head") item.textContent = panel.dataset.noHead;
    else item.append(small(panel.dataset.notComputed), ...explain(details));
    return;
  }
  const sentence = name === "signatures" && details.weakest > 1 ? item.dataset.weaker : item.dataset.held;
  item.textContent = fill(sentence, { ...details, signers: details.signers?.length });
  if (details.witnesses?.length) {
    item.append(small(fill(item.dataset.witnessed, { witnesses: details.witnesses.length })));
  }
}

function small(text, more = {}) {
  return Object.assign(document.createElement("small"), { textContent: text }, more);
}

// What is wrong: in the language of the page, then the particulars, which there are in English only.
function explain({ why, rule }) {
  if (!rules[rule]) return [small(why, { lang: "en-GB" })];
  return [small(rules[rule]), small(why, { lang: "en-GB", className: "details" })];
}

async function printFingerprints(evidence, { details }) {
  if (!crypto.subtle) return;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", evidence));
  part("[data-print=evidence]").textContent = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  part("[data-print=key]").textContent = details.key ?? "—";
  part(".prints").hidden = false;
}

function shownEvents() {
  return Array.from(document.querySelectorAll("#life > li"), (item) => (
    { item, index: Number(item.dataset.index), kind: item.dataset.kind, occurredAt: item.dataset.occurred }));
}

function isSame(shown, proved) {
  return shown.kind === proved.kind && shown.occurredAt === proved.occurredAt;
}

function tick({ item }) {
  const said = document.createElement("span"); // the mark itself is drawn by the style sheet
  said.className = "unseen";
  said.textContent = ` · ${document.getElementById("life").dataset.checked}`;
  item.querySelector(".meta").append(said);
  item.classList.add("checked");
  document.getElementById("legend").hidden = false;
}

function refuse(name, { why, rule }) {
  const place = Array.from(panel.querySelectorAll("[data-step]")).findIndex((item) => item.dataset.step === name) + 1;
  const banner = document.getElementById("refused");
  const step = place ? fill(panel.dataset.failed, { number: place }) : "";
  banner.querySelector("span").textContent = step + (rules[rule] ?? why);
  banner.querySelector("small").textContent = rules[rule] ? why : "";
  banner.hidden = false;
  document.documentElement.classList.add("refuted");
  conclude("refused", step || why);
}

function giveUp({ message, rule = "browser.defect" }) {
  conclude("unknown", panel.dataset.unfetched + (rules[rule] ?? message));
  if (rules[rule]) part(".verdict").append(small(message, { lang: "en-GB", className: "details" }));
}

function conclude(state, sentence) {
  panel.dataset.state = state;
  part("h2").textContent = panel.dataset[state];
  const verdict = part(".verdict");
  verdict.textContent = sentence;
  verdict.hidden = false;
  const mark = document.getElementById("mark"); // beside the battery's phase, at the top
  mark.textContent = panel.dataset[state];
  mark.dataset.state = state;
  mark.hidden = false;
}

check().catch(giveUp);
