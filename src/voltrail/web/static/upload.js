// A file on its way: told before it is sent when it is too large, and how far it is while it goes.
// Without scripts the same form sends the same file, and the answer comes as a page.

const BOOK = /\.(xlsx|xlsm|xlsb|xls)$/i;

// Send a file to where a form goes; `tell` hears how much of it has gone, from 0 to 1. The answer's address and text.
export function upload(action, csrf, file, tell) {
  const body = new FormData();
  body.append("csrf", csrf);
  body.append("file", file, file.name);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", action);
    request.setRequestHeader("Accept", "text/html");
    request.upload.addEventListener("progress", (event) => event.lengthComputable && tell(event.loaded / event.total));
    request.addEventListener("load", () => resolve({ address: request.responseURL, text: request.responseText }));
    request.addEventListener("error", reject);
    request.send(body);
  });
}

const form = document.querySelector("#upload");
if (form) takeOver(form);

function takeOver(form) {
  const input = form.querySelector("#file");
  const [doing, problem] = [form.querySelector("#doing"), form.querySelector("#problem")];
  const words = JSON.parse(form.dataset.words);
  const part = form.querySelector(".drop");

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.inert) return;
    const file = input.files[0];
    if (!file) return say(words.none);
    const most = Number(BOOK.test(file.name) ? form.dataset.mostBook : form.dataset.mostText);
    if (file.size > most) return say(words.large.replace("{most}", most >> 20));
    problem.hidden = true;
    form.inert = true;
    doing.hidden = false;
    try {
      const answer = await upload(form.action, form.querySelector("[name=csrf]").value, file, (share) => {
        doing.children[0].textContent = words.sending.replace("{done}", Math.floor(share * 100));
        Object.assign(doing.children[1], { value: share, max: 1 });
      });
      if (new URL(answer.address).pathname !== new URL(form.action).pathname) return location.assign(answer.address);
      const said = new DOMParser().parseFromString(answer.text, "text/html").querySelector("#problem, main");
      problem.replaceChildren(...document.adoptNode(said).childNodes);
      problem.hidden = false;
      problem.focus();
    } catch {
      say(words.network);
    }
    form.inert = false;
    doing.hidden = true;
  });
  input.addEventListener("change", () => (problem.hidden = true));
  for (const name of ["dragover", "dragleave", "drop"])
    part.addEventListener(name, (event) => {
      event.preventDefault();
      part.classList.toggle("over", name === "dragover");
      if (name === "drop" && event.dataTransfer.files[0]) input.files = event.dataTransfer.files;
    });

  function say(text) {
    problem.textContent = text;
    problem.hidden = false;
    problem.focus();
  }
}
