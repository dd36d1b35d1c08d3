// Charts that can be asked: where one comes on screen, ECharts draws it anew from the table behind it, and the value at a
// time is read by pointer or arrow keys. Without scripts, or where the drawing does not come, what stood there stays.
// One theme for all charts: the tokens of voltrail.css, in light and dark.

const lang = document.documentElement.lang;
const shapes = {
  day: { day: "numeric", month: "short", year: "numeric" },
  minute: { hour: "2-digit", minute: "2-digit" },
  second: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
};
const numbers = new Intl.NumberFormat(lang);
const number = (value) => numbers.format(value).replaceAll(",", lang.startsWith("zh") ? "\u2009" : ",");

const figures = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) {
    if (!isIntersecting) continue;
    figures.unobserve(target);
    draw(target);
  }
});
if (!navigator.connection?.saveData) document.querySelectorAll("figure[data-table]").forEach((one) => figures.observe(one));

async function draw(figure) {
  await import(figure.dataset.echarts); // puts itself into `echarts`
  const rows = read(document.getElementById(figure.dataset.table));
  const plot = figure.querySelector(".plot");
  const clock = new Intl.DateTimeFormat(lang, { ...shapes[figure.dataset.unit], hourCycle: "h23", timeZone: "UTC" });
  let chart, rule;

  function paint() {
    chart?.dispose();
    echarts.registerTheme("voltrail", theme());
    chart = echarts.init(plot, "voltrail", { renderer: "canvas" });
    chart.setOption(lineOver(rows, (time) => clock.format(time), plot.clientWidth > 480));
    rule = new echarts.graphic.Line({ invisible: true, silent: true, style: { stroke: token("soft"), lineDash: [3, 3] } });
    chart.getZr().add(rule);
    show(now());
  }

  function show(at) {
    const [x, y] = chart.convertToPixel("grid", [rows[at].time, rows[at].value]);
    const [, bottom] = chart.convertToPixel("grid", [rows[at].time, 0]);
    chart.dispatchAction({ type: "downplay", seriesIndex: 0, dataIndex: now() });
    chart.dispatchAction({ type: "highlight", seriesIndex: 0, dataIndex: at });
    rule.attr({ invisible: false, shape: { x1: x, x2: x, y1: y, y2: bottom } });
    figure.querySelector(".reading").textContent = rows[at].said;
    plot.setAttribute("aria-valuenow", at);
    plot.setAttribute("aria-valuetext", rows[at].said);
  }

  function now() {
    return Number(plot.getAttribute("aria-valuenow"));
  }

  figure.dataset.live = "";
  plot.hidden = false;
  plot.setAttribute("aria-valuemax", rows.length - 1);
  plot.setAttribute("aria-valuenow", rows.length - 1);
  new ResizeObserver(paint).observe(plot); // the first time at once
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  plot.addEventListener("pointermove", ({ offsetX }) => {
    const [time] = chart.convertFromPixel("grid", [offsetX, 0]);
    show(nearest(rows, time));
  });
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    show(Math.min(Math.max(now() + step, 0), rows.length - 1));
  });
}

// What the table says: a time and a number a row, and both in the words of the page.
function read(table) {
  return Array.from(table.tBodies[0].rows, ({ cells: [first, second] }) => ({
    time: Date.parse(first.querySelector("time").dateTime),
    value: Number(second.dataset.value),
    said: `${first.textContent.trim()} · ${second.textContent.trim()}`,
  }));
}

function nearest(rows, time) {
  return rows.reduce((best, { time: other }, at) => (Math.abs(other - time) < Math.abs(rows[best].time - time) ? at : best), 0);
}

function lineOver(rows, clock, isWide) {
  const [first, last] = [rows[0].time, rows.at(-1).time];
  const named = isWide ? [first, (first + last) / 2, last] : [first, last];
  return {
    useUTC: true,
    xAxis: { type: "time", min: first, max: last, axisLabel: { formatter: clock, customValues: named } },
    yAxis: { type: "value", min: 0, axisLabel: { formatter: number } },
    series: [{ type: "line", data: rows.map(({ time, value }) => [time, value]) }],
  };
}

// Values of ours in the terms of ECharts. Five colours, those of a code's segments, and labels in the page's own type.
function theme() {
  const label = { color: token("soft"), fontSize: 13 };
  const axis = { axisLabel: label, axisLine: { show: false }, axisTick: { show: false }, splitNumber: 4 };
  return {
    animation: false,
    color: ["accent", "type", "maker", "chem", "date"].map(token),
    backgroundColor: "transparent",
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: token("ink") },
    grid: { left: 4, right: 16, top: 12, bottom: 4, containLabel: true },
    timeAxis: { ...axis, axisLabel: { ...label, alignMinLabel: "left", alignMaxLabel: "right" }, splitLine: { show: false } },
    categoryAxis: { ...axis, splitLine: { show: false } },
    valueAxis: { ...axis, splitLine: { lineStyle: { color: token("line") } } },
    line: { showSymbol: false, symbol: "circle", symbolSize: 9, lineStyle: { width: 2 }, areaStyle: { color: token("accent-wash"), opacity: 0.75 } },
  };
}

function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
