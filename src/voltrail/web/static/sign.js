// Signs the lines that a page shows, with the key that is chosen, here; then hands them in. The key goes nowhere.
// Where the page names a new key (data-held), its file is asked for too: nobody shall lock themselves out.

const form = document.querySelector("#sign");
const problem = document.querySelector("#sign-problem");
const words = JSON.parse(form.dataset.words);
const lines = JSON.parse(form.dataset.lines);
const signing = import(form.dataset.signing);

document.querySelector("#sign-scripts").hidden = true;
form.hidden = false;
form.addEventListener("submit", onSubmit);

async function onSubmit(event) {
  event.preventDefault();
  if (form.inert) return;
  problem.hidden = true;
  form.inert = true;
  try {
    await handIn(await signed());
    location.assign(form.dataset.next);
  } catch (error) {
    form.inert = false;
    tell(error);
    if (!error.rule) throw error; // a defect of ours: for the console too
  }
}

async function signed() {
  const { readKey, signReport } = await signing;
  const key = await readKey(await text("#key"));
  if (key.organisation !== form.dataset.signer) throw new Trouble("key.other");
  if (form.dataset.held && (await readKey(await text("#held"))).vkey !== form.dataset.held) throw new Trouble("key.not_held");
  return signReport(form.dataset.origin, key, new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
}

async function text(selector) {
  const chosen = form.querySelector(selector).files[0];
  if (!chosen) throw new Trouble("key.none");
  return chosen.slice(0, 65536).text();
}

async function handIn(file) {
  const headers = { Accept: "application/json", "Content-Type": "application/voltrail-report" };
  const answer = await fetch("/reports?mode=all", { method: "POST", body: file, headers }).catch(() => null);
  const said = await answer?.json().catch(() => null);
  if (!said) throw new Trouble("network");
  if (!answer.ok) throw new Trouble(said.error.rule, `${said.error.message} ${said.error.fix}`);
}

// What stands in the way; `rule` says which words. Refusal of signing.js is another.
class Trouble extends Error {
  constructor(rule, said = "") {
    super(rule);
    Object.assign(this, { rule, said });
  }
}

async function tell({ rule, said }) {
  const { marked } = await signing;
  const [plain, full] = problem.children;
  plain.replaceChildren(...marked(words[rule ?? "defect"] ?? said ?? rule));
  full.textContent = words[rule] ? (said ?? "") : "";
  problem.hidden = false;
  problem.focus();
}
