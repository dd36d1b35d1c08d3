// The pages of a supplier: a link that ends in #TOKEN fills its form in and sends it; an answer is signed here, with
// a key that is made in this browser or chosen, and never leaves it. What stands behind # is sent to no server.

const show = document.querySelector("#show");
if (show) {
  open();
  addEventListener("hashchange", open); // a link that is opened where this page is already
}

function open() {
  const token = location.hash.slice(1);
  if (!/^answer_[\w-]+$/.test(token)) return;
  show.querySelector("#token").value = token;
  history.replaceState(null, "", location.pathname + location.search);
  show.requestSubmit();
}

const form = document.querySelector("#sign-answer");
const problem = document.querySelector("#sign-problem");
if (form) {
  document.querySelector("#sign-scripts").hidden = true;
  form.hidden = false;
  form.addEventListener("submit", onSubmit);
}

async function onSubmit(event) {
  event.preventDefault();
  if (form.inert) return;
  problem.hidden = true;
  form.inert = true;
  try {
    await send(await keyOf(event.submitter?.value));
    location.assign(form.dataset.next);
  } catch (error) {
    form.inert = false;
    await tell(error);
    if (!error.rule) throw error; // a defect of ours: for the console too
  }
}

// The key that was chosen, or a new one, saved as a file before anything is signed with it.
async function keyOf(way) {
  const { newKey, readKey } = await import(form.dataset.signing);
  if (way === "file") {
    const chosen = form.querySelector("#key").files[0];
    if (!chosen) throw new Trouble("key.none");
    return readKey(await chosen.slice(0, 65536).text());
  }
  const pem = await newKey(`answers/${form.dataset.request}`, [{ name: "Ed25519" }]);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([pem], { type: "application/x-pem-file" }));
  link.download = `answer-${form.dataset.request}.pem`;
  link.click();
  return readKey(pem);
}

async function send(key) {
  const { signText } = await import(form.dataset.signing);
  const text = document.querySelector("#text").textContent;
  const signed = { text, algorithm: key.algorithm, public_key: key.publicKey, signature: await signText(key, text) };
  if (key.organisation !== "answers") signed.organisation = key.organisation;
  const headers = { Accept: "application/json", "Content-Type": "application/json", "X-CSRF-Token": form.dataset.csrf };
  const answer = await fetch("/answers", { method: "POST", body: JSON.stringify(signed), headers }).catch(() => null);
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
  const { marked } = await import(form.dataset.signing);
  const words = JSON.parse(form.dataset.words);
  const [plain, full] = problem.children;
  plain.replaceChildren(...marked(words[rule ?? "defect"] ?? said ?? rule));
  full.textContent = words[rule] ? (said ?? "") : "";
  problem.hidden = false;
  problem.focus();
}
