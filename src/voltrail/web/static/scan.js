// The page /scan: finds a label in what the camera sees, or in a photo, and leads to its battery. Pictures stay in this
// browser. The decoder is loaded when it is first needed; without camera or decoder the forms of the page do their work.

const panel = document.querySelector("#camera");
const words = JSON.parse(panel.dataset.words);
const [finder, video, said, picks, startButton, stopButton, torch, which, cameras] = ["finder", "video", "said", "picks", "start", "stop", "torch", "which", "cameras"].map((id) => document.getElementById(id));
const photo = document.querySelector("#photo");
const canvas = document.createElement("canvas");
const FORMATS = ["QRCode", "DataMatrix", "Code128"];
const WIDEST = 1280; // pixels of a picture of the camera; more takes longer and reads no better
const WIDEST_PHOTO = 2400;
const REST_MS = 60; // between two pictures, for the page to breathe
const PASSES = 3; // pictures in which a label that lies alone is seen alone, before others are asked about

let stream = null;
let decoder = null;

panel.hidden = false;
startButton.addEventListener("click", () => start());
stopButton.addEventListener("click", () => stop());
torch.addEventListener("click", switchTorch);
cameras.addEventListener("change", () => start(cameras.value));
photo.addEventListener("submit", onPhoto);
photo.querySelector("#file").addEventListener("change", () => photo.requestSubmit());
document.querySelector("#send").hidden = true;
document.querySelector("#stays").hidden = false;
addEventListener("pagehide", () => stop());
if (!navigator.mediaDevices?.getUserMedia) {
  tell(isSecureContext ? "none" : "insecure", true);
  startButton.hidden = true;
} else if (!document.querySelector("#found, .problem")) {
  startIfAllowed();
}

// Who has allowed the camera before is not asked again, so that one battery follows the other.
async function startIfAllowed() {
  const allowed = await navigator.permissions?.query({ name: "camera" }).catch(() => null);
  if (allowed?.state === "granted") start();
}

async function start(camera = null) {
  stop();
  tell("starting");
  startButton.hidden = true;
  try {
    [stream] = await Promise.all([open(camera), load()]);
  } catch (error) {
    stop();
    tell(reasonOf(error), true);
    return;
  }
  video.srcObject = stream;
  finder.hidden = stopButton.hidden = false;
  stream.getVideoTracks()[0].addEventListener("ended", () => {
    stop();
    tell("ended", true);
  });
  await video.play().catch(() => {});
  tell("looking");
  await offer();
  look(stream);
}

async function open(camera) {
  const asked = camera ? { deviceId: { exact: camera } } : { facingMode: { ideal: "environment" } };
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { ...asked, width: { ideal: WIDEST }, height: { ideal: 720 } } });
  } catch (error) {
    throw new Trouble({ NotAllowedError: "refused", SecurityError: "refused", NotFoundError: "none", OverconstrainedError: "none", NotReadableError: "busy", AbortError: "busy" }[error.name] ?? "failed");
  }
}

// The decoder of zxing-wasm: a script of its own, and its WebAssembly from the same host.
function load() {
  decoder ??= new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), { src: panel.dataset.decoder });
    script.addEventListener("load", resolve);
    script.addEventListener("error", reject);
    document.head.append(script);
  })
    .then(() => ZXingWASM.prepareZXingModule({ overrides: { locateFile: () => panel.dataset.wasm }, fireImmediately: true }))
    .catch(() => {
      decoder = null;
      throw new Trouble("decoder");
    });
  return decoder;
}

// What else the camera can: light, where it has one, and which of several.
async function offer() {
  const [track] = stream.getVideoTracks();
  torch.hidden = !track.getCapabilities?.().torch;
  const found = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
  which.hidden = found.length < 2;
  cameras.replaceChildren(...found.map(({ deviceId, label }, at) => new Option(label || `${words.camera} ${at + 1}`, deviceId)));
  cameras.value = track.getSettings().deviceId;
}

async function switchTorch() {
  const on = torch.getAttribute("aria-pressed") !== "true";
  await stream?.getVideoTracks()[0].applyConstraints({ advanced: [{ torch: on }] });
  torch.setAttribute("aria-pressed", on);
  torch.textContent = on ? words.dark : words.light;
}

// Look until a label was read. Several in view are asked about, but not because one of them came first.
async function look(mine) {
  let passes = 0;
  while (stream === mine) {
    const texts = video.videoWidth ? await read(video, video.videoWidth, video.videoHeight, WIDEST) : [];
    if (stream !== mine) return;
    passes = texts.length ? passes + 1 : 0;
    if (texts.length === 1 && passes >= PASSES) return go(texts[0]);
    if (texts.length > 1) return choose(texts);
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
  }
}

async function read(source, width, height, widest) {
  const scale = Math.min(1, widest / Math.max(width, height));
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  const found = await ZXingWASM.readBarcodes(pixels, { formats: FORMATS, maxNumberOfSymbols: 8, tryHarder: true });
  return [...new Set(found.filter(({ isValid, text }) => isValid && text).map(({ text }) => text))];
}

function choose(texts) {
  buzz();
  stop();
  tell("several");
  picks.replaceChildren(...texts.map((text) => {
    const [item, link] = [document.createElement("li"), document.createElement("a")];
    link.href = addressOf(text);
    link.className = "mono";
    link.textContent = text.replace(/^.*\/(?=.)/, "").slice(0, 80);
    item.append(link);
    return item;
  }));
  picks.hidden = false;
  picks.querySelector("a").focus();
}

function go(text) {
  buzz();
  stop();
  tell("found");
  location.assign(addressOf(text));
}

// Felt by a hand in a glove; browsers let only a page that was touched do it.
function buzz() {
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(60);
}

function addressOf(text) {
  const address = new URL(panel.dataset.address, location);
  address.searchParams.set("text", text.slice(0, 1000));
  return address.pathname + address.search;
}

// A photo is read here; where the decoder does not come, it is sent, and the server reads it.
async function onPhoto(event) {
  const file = photo.querySelector("#file").files[0];
  if (!file) return;
  event.preventDefault();
  stop();
  tell("reading");
  let texts;
  try {
    await load();
    const picture = await createImageBitmap(file);
    texts = await read(picture, picture.width, picture.height, WIDEST_PHOTO);
  } catch {
    photo.submit();
    return;
  }
  if (texts.length === 1) go(texts[0]);
  else if (texts.length) choose(texts);
  else tell("nothing", true);
}

function stop() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = video.srcObject = null;
  finder.hidden = stopButton.hidden = torch.hidden = which.hidden = picks.hidden = true;
  startButton.hidden = !navigator.mediaDevices?.getUserMedia;
  torch.setAttribute("aria-pressed", false);
  torch.textContent = words.light;
  said.textContent = "";
}

function tell(name, isTrouble = false) {
  said.textContent = words[name];
  said.classList.toggle("problem", isTrouble);
}

function reasonOf(error) {
  if (!(error instanceof Trouble)) throw error; // a defect of ours
  return error.message;
}

class Trouble extends Error {}
