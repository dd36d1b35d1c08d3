// The page /report with scripts: it signs plain lines here, shows how far it is, and puts the answer in place.
// Without scripts the same form sends a signed file, and the same answer comes as a page.

const form = document.querySelector("#report");
const [fileInput, keyInput] = [form.querySelector("#file"), form.querySelector("#key")];
const [doing, problem] = [form.querySelector("#doing"), form.querySelector("#problem")];
const words = JSON.parse(form.dataset.words);
const numbers = new Intl.NumberFormat(form.dataset.language);
const MEDIA_TYPE = "application/voltrail-report";
const csrf = form.querySelector("[name=csrf]")?.value; // there for who is signed in
const csrfOfPage = form.dataset.csrf; // there for who is signed in, with a key too
const SHEET = /\.(csv|xlsx|xlsm|xls)$/i;
const signing = import(form.dataset.signing);

for (const part of form.querySelectorAll("[data-needs-scripts]")) part.hidden = false;
for (const part of form.querySelectorAll("[data-without-scripts]")) part.hidden = true;
form.addEventListener("submit", onSubmit);
for (const part of form.querySelectorAll(".drop")) makeDroppable(part, part.querySelector("input"));
for (const input of [fileInput, keyInput]) input.addEventListener("change", () => (problem.hidden = true));
takeOver();

async function onSubmit(event) {
  event.preventDefault();
  if (form.inert) return;
  if (SHEET.test(fileInput.files[0]?.name ?? "")) return sendSheet(fileInput.files[0]);
  await hand(event.submitter?.value ?? "check");
}

// Read, sign where needed, ask or send; whatever goes wrong is said beside the form, and everything chosen is kept.
async function hand(what) {
  problem.hidden = true;
  busy(words.reading);
  let answer;
  try {
    const { file, signedHere } = await report();
    busy(what === "check" ? words.asking : words.sending);
    const body = new FormData();
    body.append("do", what);
    if (csrf) body.append("csrf", csrf);
    body.append("file", file, "day.report");
    answer = { page: await post(body), signedHere };
  } catch (error) {
    answer = { trouble: error };
  }
  ready();
  if (answer.page !== undefined) return show(answer.page, answer.signedHere);
  tell(answer.trouble.rule ? answer.trouble : new Trouble("defect"));
  if (!answer.trouble.rule) throw answer.trouble; // a defect of ours: for the console too
}

// A spreadsheet is not signed here: it goes to the page of files, which reads it; for who is signed in.
async function sendSheet(file) {
  problem.hidden = true;
  if (!form.dataset.files || !csrfOfPage) return tell(new Trouble("report.spreadsheet", fileInput));
  const { upload } = await import(form.dataset.upload);
  busy(words.sheet.replace("{done}", 0));
  try {
    const answer = await upload(form.dataset.files, csrfOfPage, file, (share) =>
      busy(words.sheet.replace("{done}", Math.floor(share * 100)), share, 1),
    );
    if (new URL(answer.address).pathname !== new URL(form.dataset.files, location).pathname) return location.assign(answer.address);
    ready();
    show(answer.text);
  } catch {
    ready();
    tell(new Trouble("network"));
  }
}

async function post(body) {
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" } });
    return await answer.text();
  } catch {
    throw new Trouble("network");
  }
}

// What stands in the way of sending; `rule` says which words, `at` which field. Refusal of signing.js is another.
class Trouble extends Error {
  constructor(rule, at = null) {
    super(rule);
    Object.assign(this, { rule, at });
  }
}

// The signed file: the one chosen, or the lines chosen and signed with the key chosen.
async function report() {
  const { MAX_FILE_BYTES, readKey, signReport, splitLines } = await signing;
  const chosen = fileInput.files[0];
  if (!chosen) throw new Trouble("report.none", fileInput);
  if (chosen.size > MAX_FILE_BYTES) throw new Trouble("report.too_large", fileInput);
  const data = await read(fileInput);
  if (isSigned(data)) return { file: new Blob([data], { type: MEDIA_TYPE }), signedHere: false };
  splitLines(data); // what is wrong with the lines is said before a key is asked for
  if (!keyInput.files[0] && csrf) return { file: new Blob([data]), signedHere: true }; // the host signs
  if (!keyInput.files[0]) throw new Trouble("key.none", keyInput);
  const key = await readKey(new TextDecoder().decode(await read(keyInput)));
  const signed = await signReport(form.dataset.origin, key, data, (done, of) => busy(words.signing, done, of));
  return { file: new Blob([signed], { type: MEDIA_TYPE }), signedHere: true };
}

async function read(input) {
  try {
    return new Uint8Array(await input.files[0].slice(0, 65 << 20).arrayBuffer());
  } catch {
    throw new Trouble("report.changed", input); // as when it was saved again since it was chosen
  }
}

// A signed file begins with its note: origin, an em dash before the signature, the secret.
function isSigned(data) {
  return /^[^{\n]+\/report\/[^\n]+\n\d+\n[^\n]+\n\n\u2014 /.test(new TextDecoder().decode(data.subarray(0, 4096)));
}

// Put the answer where the last one stood. An answer that is another page, as of a proxy, is told by its heading.
function show(html, signedHere) {
  const page = new DOMParser().parseFromString(html, "text/html");
  let result = page.querySelector("#result");
  if (!result) {
    result = Object.assign(document.createElement("section"), { id: "result", className: "panel failed", tabIndex: -1 });
    result.append(...page.querySelectorAll("main h1, main h2, main p:not(.sub)"));
    if (!result.textContent.trim()) return tell(new Trouble("network"));
  }
  document.querySelector("#result").replaceWith(document.adoptNode(result));
  takeOver(signedHere);
  result.focus();
}

// What an answer offers only where scripts run: files of any size, and refused lines mended in place.
function takeOver(signedHere = false) {
  for (const link of document.querySelectorAll('#result a[href^="data:"]')) link.href = asBlob(link.href);
  const again = document.querySelector("#again");
  if (!again || !signedHere) return;
  again.hidden = false;
  again.addEventListener("click", () => {
    choose(fileInput, new File([document.querySelector("#mend").value.trim() + "\n"], "mended.jsonl"));
    hand("send");
  });
}

function asBlob(link) {
  const [head, body] = link.slice("data:".length).split(";base64,");
  return URL.createObjectURL(new Blob([Uint8Array.from(atob(body), (one) => one.charCodeAt(0))], { type: head }));
}

function choose(input, file) {
  const transfer = new DataTransfer();
  transfer.items.add(file);
  input.files = transfer.files;
  input.dispatchEvent(new Event("change"));
}

function makeDroppable(part, input) {
  for (const name of ["dragover", "dragleave", "drop"])
    part.addEventListener(name, (event) => {
      event.preventDefault();
      part.classList.toggle("over", name === "dragover");
      if (name === "drop" && event.dataTransfer.files[0]) choose(input, event.dataTransfer.files[0]);
    });
}

async function tell({ rule, line, mendable, at }) {
  const { marked } = await signing;
  const [text, button] = problem.children;
  text.replaceChildren(line ? `${words.line.replace("{number}", numbers.format(line))} · ` : "", ...marked(words[rule] ?? rule));
  button.hidden = !mendable;
  button.onclick = mend;
  problem.hidden = false;
  (at ?? problem).focus();
}

async function mend() {
  const { mendLines } = await signing;
  const chosen = fileInput.files[0];
  choose(fileInput, new File([mendLines(new Uint8Array(await chosen.arrayBuffer()))], chosen.name));
}

function busy(text, value, max) {
  form.inert = true;
  doing.hidden = false;
  const [said, bar] = doing.children;
  said.textContent = text.replace("{done}", numbers.format(value ?? 0)).replace("{of}", numbers.format(max ?? 0));
  if (max) Object.assign(bar, { value, max });
  else bar.removeAttribute("value");
}

function ready() {
  form.inert = false;
  doing.hidden = true;
}
