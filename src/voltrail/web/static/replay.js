// A simulated day, played: the line through the picture and the station at that moment move with the time. Nothing moves
// by itself; where the reader wants little motion, time goes on in quarters of an hour. Without scripts the picture stays.

const panel = document.getElementById("replay");
const play = document.getElementById("play");
const at = document.getElementById("at");
const speed = document.getElementById("speed");
const scene = document.getElementById("scene");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const numbers = new Intl.NumberFormat(document.documentElement.lang);
const WIDTH = Number(panel.dataset.width);
const DAY_MIN = 1440;
const CALM_MIN = 15;
const TRUCK = 26;

const answer = await fetch(panel.dataset.day, { headers: { Accept: "application/json" } });
if (answer.ok) begin((await answer.json()).day);

function begin(day) {
  const slots = Array.from({ length: day.slots }, (_, slot) => ({
    stays: day.stays.filter((one) => one.slot === slot),
    ...cell(slot, day.slots),
  }));
  const trucks = svg("g", { transform: "translate(0 66)" });
  scene.append(trucks);
  let playing = false;
  let last;

  function show() {
    const now = Number(at.value);
    const x = (now / DAY_MIN) * WIDTH;
    const line = document.getElementById("playhead");
    line.setAttribute("transform", `translate(${x} 0)`);
    line.setAttribute("visibility", "visible");
    for (const { stays, fill, frame } of slots) {
      const stay = stays.find((one) => one.from_min <= now && now < one.to_min);
      const charge = stay ? along(stay.points, now) : 0;
      fill.setAttribute("y", 4 + 48 * (1 - charge));
      fill.setAttribute("height", 48 * charge);
      fill.setAttribute("class", `charge c${Math.min(Math.floor(charge * 5), 4)}`);
      frame.classList.toggle("empty", !stay);
      frame.classList.toggle("plugged", Boolean(stay?.charger.some(([from, to]) => from <= now && now < to)));
    }
    const waiting = step(day.queue, now);
    const inside = day.visits.filter((one) => one.began_min !== null && one.began_min <= now && now < (one.ended_min ?? DAY_MIN));
    const shown = Math.min(waiting, Math.floor(WIDTH / TRUCK) - day.bays - 1);
    trucks.replaceChildren(
      ...Array.from({ length: day.bays }, (_, bay) => truck(bay, inside.some((one) => one.bay === bay) ? "bay" : "bay free")),
      ...Array.from({ length: shown }, (_, place) => truck(day.bays + 1 + place, "queue")),
    );
    const clock = `${String(Math.floor(now / 60) % 24).padStart(2, "0")}:${String(Math.floor(now % 60)).padStart(2, "0")}`;
    const said = [
      clock,
      filled(panel.dataset.waiting, waiting),
      filled(panel.dataset.ready, step(day.ready, now)),
      filled(panel.dataset.power, Math.round(step(day.power, now))),
    ].join(" · ");
    document.getElementById("reading").textContent = said;
    at.setAttribute("aria-valuetext", said);
  }

  function frame(time) {
    if (!playing) return;
    const minutes = ((time - last) / 1000 / Number(speed.value)) * 60;
    if (!calm.matches || minutes >= CALM_MIN) {
      at.value = Math.min(Number(at.value) + minutes, DAY_MIN);
      last = time;
      show();
    }
    if (Number(at.value) >= DAY_MIN) return set(false);
    requestAnimationFrame(frame);
  }

  function set(plays) {
    playing = plays;
    play.textContent = playing ? panel.dataset.pause : panel.dataset.play;
    if (!playing) return;
    if (Number(at.value) >= DAY_MIN) at.value = 0;
    last = performance.now();
    requestAnimationFrame(frame);
  }

  at.step = "any"; // or the time played would be rounded to nothing
  play.addEventListener("click", () => set(!playing));
  at.addEventListener("input", show);
  at.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -60, PageUp: 60 }[event.key];
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    at.value = Math.round(Number(at.value)) + step;
    show();
  });
  at.value = 8 * 60;
  for (const one of [panel.querySelector(".player"), document.getElementById("reading"), scene]) {
    one.hidden = false;
    one.removeAttribute("hidden"); // an SVG has no such property
  }
  show();
}

function cell(slot, slots) {
  const width = Math.min(WIDTH / slots, 40);
  const place = { x: slot * width + width * 0.1, width: width * 0.8 };
  const frame = svg("rect", { ...place, y: 4, height: 48, class: "frame" });
  const fill = svg("rect", { ...place, y: 4, height: 0 });
  scene.append(fill, frame);
  return { fill, frame };
}

function truck(place, kind) {
  return svg("rect", { x: place * TRUCK + 2, y: 6, width: TRUCK - 6, height: 18, rx: 3, class: `truck ${kind}` });
}

// The charge between two breakpoints, and what stays as it is until the next.
function along(points, now) {
  const next = points.findIndex(([minute]) => minute > now);
  if (next <= 0) return points.at(next)[1];
  const [[begins, low], [ends, high]] = [points[next - 1], points[next]];
  return low + ((now - begins) / (ends - begins)) * (high - low);
}

function step(points, now) {
  return points.findLast(([minute]) => minute <= now)?.[1] ?? 0;
}

function filled(text, number) {
  return text.replace("{number}", numbers.format(number));
}

function svg(name, attributes) {
  const one = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
  return one;
}
