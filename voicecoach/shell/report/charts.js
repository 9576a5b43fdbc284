// Draws the signals: uPlot draws each chart for the visible part of the call.

"use strict";

const Y = 40; // room for the values at the left, px
const series = report.series;
const times = series.agitation.map((_, i) => i * series.step_s);

const signed = (v) => (v > 0 ? `+${v}` : `${v}`);
const CHARTS = {
  agitation: {
    lines: [["agitation", "customer"]],
    range: () => [0, 1],
    splits: [0, 0.5, 1],
    tell: (at) => (at("agitation") === null ? "" : `${at("agitation").toFixed(2)}, ${Math.round(100 * at("confidence"))}% confident`),
  },
  pace: {
    lines: [["rate_syl_s", "agent"], ["baseline_rate_syl_s", "soft", [5, 4]]],
    range: () => [2, Math.max(7, ...series.rate_syl_s.filter((v) => v !== null).slice(0, 10000))],
    splits: [2, 4, 6, 8],
    tell: (at) => (at("rate_syl_s") === null ? "" : `${at("rate_syl_s").toFixed(1)}, baseline ${at("baseline_rate_syl_s") === null ? "not known" : at("baseline_rate_syl_s").toFixed(1)}`),
  },
  level: {
    lines: [["agent_level_db", "agent"], ["customer_level_db", "customer"]],
    range: () => around("agent_level_db", "customer_level_db", 8),
    tell: (at) => both(at("agent_level_db"), at("customer_level_db"), "dB"),
  },
  pitch: {
    lines: [["agent_f0_semitones", "agent"], ["customer_f0_semitones", "customer"]],
    range: () => around("agent_f0_semitones", "customer_f0_semitones", 6),
    tell: (at) => both(at("agent_f0_semitones"), at("customer_f0_semitones"), "st"),
  },
};
const plots = {};

// A range symmetric about the baseline.
function around(one, other, least) {
  const far = Math.max(least, ...[one, other].flatMap((n) => series[n].map((v) => Math.abs(v || 0))));
  const even = 4 * Math.ceil(far / 4);
  return [-even, even];
}

function both(agent, customer, unit) {
  const said = [["agent", agent], ["customer", customer]].filter(([, v]) => v !== null);
  return said.map(([who, v]) => `${who} ${signed(Number(v.toFixed(1)))} ${unit}`).join(", ");
}

// The less confident the estimate, the paler the customer's line.
function sure(u, alpha) {
  const gradient = u.ctx.createLinearGradient(u.bbox.left, 0, u.bbox.left + u.bbox.width, 0);
  const [r, g, b] = rgb(colour("customer"));
  const steps = 200;
  for (let i = 0; i <= steps; i++) {
    const from = view.from + ((view.to - view.from) * i) / steps;
    const at = Math.min(Math.round(from / series.step_s), times.length - 1);
    const confidence = series.confidence[at] ?? 0;
    gradient.addColorStop(i / steps, `rgba(${r},${g},${b},${alpha * (0.25 + 0.75 * confidence)})`);
  }
  return gradient;
}

function rgb(hex) {
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
}

function startCharts() {
  for (const [id, chart] of Object.entries(CHARTS)) {
    const [low, high] = chart.range();
    const splits = chart.splits || [low / 2, 0, high / 2];
    const estimate = id === "agitation";
    plots[id] = new uPlot({
      width: view.width + Y,
      height: 84,
      padding: [6, 0, 6, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false, range: () => [view.from, view.to] }, y: { range: [low, high] } },
      axes: [
        { show: true, size: 0, ticks: { show: false }, splits: ticks, values: () => [], grid: { stroke: () => colour("line"), width: 1 } },
        { size: Y, ticks: { show: false }, splits: () => splits.filter((v) => v >= low && v <= high), values: (u, vs) => vs.map((v) => (chart.splits ? `${v}` : signed(v))), stroke: () => colour("soft"), grid: { stroke: () => colour("line"), width: 1 }, font: "12px system-ui, sans-serif", gap: 6 },
      ],
      series: [
        {},
        ...chart.lines.map(([, name, dash]) => ({
          stroke: estimate ? (u) => sure(u, 1) : () => colour(name),
          fill: estimate ? (u) => sure(u, 0.25) : undefined,
          width: dash ? 1 : 1.75,
          dash,
          points: { show: false },
        })),
      ],
    }, [times, ...chart.lines.map(([name]) => series[name])], part[id]);
  }
}

function sizeCharts() {
  for (const plot of Object.values(plots)) plot.setSize({ width: view.width + Y, height: 84 });
}

function drawCharts() {
  for (const plot of Object.values(plots)) plot.setScale("x", { min: view.from, max: view.to });
}

// Writes the values at a time beside the charts' names.
function tellCharts(seconds) {
  const i = Math.round(seconds / series.step_s);
  for (const [id, chart] of Object.entries(CHARTS)) {
    const text = chart.tell((name) => series[name][i] ?? null);
    const shown = part[`${id}-now`];
    if (shown.textContent !== text) shown.textContent = text;
  }
}
