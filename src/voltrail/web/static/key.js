// Makes a key here, gives its file to whoever made it, and writes its public part into the form. Nothing is sent.

const part = document.querySelector("#make-key");
const words = JSON.parse(part.dataset.words);
const signing = import(part.dataset.signing);
const [said, link] = [part.querySelector("#key-said"), part.querySelector("#key-file")];

part.hidden = false;
part.querySelector("button").addEventListener("click", onClick);

async function onClick() {
  const { newKey, readKey } = await signing;
  const organisation = part.dataset.organisation ?? document.querySelector("#organisation").value.trim();
  const name = part.querySelector("#key-name").value.trim();
  if (!organisation) return say("organisation");
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(name)) return say("name");
  try {
    const pem = await newKey(`${organisation}/${name}`);
    document.querySelector("#vkey").value = (await readKey(pem)).vkey;
    link.href = URL.createObjectURL(new Blob([pem], { type: "application/x-pem-file" }));
    link.download = `${organisation}-${name}.pem`;
    link.parentElement.hidden = false;
    link.click();
    say("made");
  } catch (error) {
    say(error.rule ?? "defect");
    if (!error.rule) throw error;
  }
}

async function say(what) {
  const { marked } = await signing;
  said.replaceChildren(...marked(words[what] ?? what));
  said.hidden = false;
}
