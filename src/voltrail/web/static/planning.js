// A page of numbers to move (a swap station, the outlook) answers while they are: each change asks the server for the
// page anew, and takes the parts that say what came out. A field left empty has what its placeholder says. The address says what is shown. Without scripts the form's button does it.

const form = document.querySelector(".planner-form");
const told = document.getElementById("told");
const WAIT_MS = 120; // so long nothing may move before it is asked
const SLOW_MS = 300; // from then on it is shown that an answer is awaited
const CALM_MS = 400; // the cheapest size is looked for once nothing moves: it may take seconds
let timer, asking, later, looking;

for (const slider of form.querySelectorAll("[data-moves]")) {
  const field = form.elements[slider.dataset.moves];
  slider.hidden = false;
  slider.addEventListener("input", () => {
    field.value = slider.value;
  });
  field.addEventListener("input", () => {
    const typed = field.value.trim() || field.placeholder;
    if (typed && !Number.isNaN(Number(typed))) slider.value = typed;
  });
}

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(ask, WAIT_MS);
});

// The cheapest size, which comes after what is asked first; once known of a demand the server gives it at once.
function lookLater() {
  clearTimeout(later);
  looking?.abort();
  const part = document.getElementById("cheapest");
  if (part === null || "there" in part.dataset) return;
  later = setTimeout(async () => {
    looking = new AbortController();
    part.querySelector(".looking").hidden = false;
    part.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(part.dataset.later, { signal: looking.signal, headers: { Accept: "text/html" } });
      const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("cheapest");
      if (found === null) return;
      const here = part.contains(document.activeElement);
      part.replaceWith(found);
      if (here) Object.assign(found, { tabIndex: -1 }).focus();
    } catch {
      part.removeAttribute("aria-busy"); // the link stands: who wants it asks again
      part.querySelector(".looking").hidden = true;
    }
  }, CALM_MS);
}

async function ask() {
  clearTimeout(later);
  looking?.abort();
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  const filled = [...new FormData(form)].filter(([, value]) => value.trim());
  const address = `${form.getAttribute("action")}?${new URLSearchParams(filled)}`;
  const slow = setTimeout(() => form.parentElement.setAttribute("aria-busy", "true"), SLOW_MS);
  signal.addEventListener("abort", () => clearTimeout(slow));
  try {
    const answer = await fetch(address, { signal, headers: { Accept: "text/html" } });
    show(new DOMParser().parseFromString(await answer.text(), "text/html"), address);
  } catch (error) {
    if (error.name !== "AbortError") location.assign(address); // the browser says what is wrong
    return;
  }
  clearTimeout(slow);
  form.parentElement.removeAttribute("aria-busy");
}

function show(page, address) {
  if (!page.querySelector(".planner")) return location.assign(address); // a page of another kind: show it whole
  const open = [...document.querySelectorAll(".planner-detail details")].map((one) => one.open);
  for (const part of document.querySelectorAll("[data-part]")) part.replaceWith(page.getElementById(part.id));
  document.querySelectorAll(".planner-detail details").forEach((one, at) => (one.open = open[at] ?? false));
  for (const one of page.querySelectorAll(".planner-form [name][id]")) {
    const here = document.getElementById(one.id);
    here?.toggleAttribute("aria-invalid", one.hasAttribute("aria-invalid"));
    if (one.placeholder && here) here.placeholder = one.placeholder;
  }
  for (const one of page.querySelectorAll(".planner-form [data-moves]")) {
    form.querySelector(`[data-moves="${one.dataset.moves}"]`).value = one.value;
  }
  for (const name of [".lang", ".themes"]) document.querySelector(name).replaceWith(page.querySelector(name)); // they lead back here
  told.textContent = document.querySelector("h1").textContent;
  history.replaceState(null, "", address);
  lookLater();
}

lookLater();
