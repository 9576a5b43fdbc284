// Draws the call on one time axis: waveform, lanes and charts, with their left edges aligned.
//
// The waveform has the scroll bar and decides which part of the call is visible; the rest follows.

"use strict";

const SHORTEST_S = 5; // shortest visible part
const BAR = 56; // height of a speaker's waveform, px
const LEAST = 3; // least width of a bar, px

const view = { from: 0, to: Math.max(report.duration_s, 1), width: 1 };
let heldShown = false;

function x(seconds) {
  return ((seconds - view.from) / (view.to - view.from)) * view.width;
}

function timeAt(clientX) {
  const left = part.ruler.getBoundingClientRect().left;
  return view.from + ((clientX - left) / view.width) * (view.to - view.from);
}

// Returns even tick steps that leave room for their labels.
function ticks() {
  const room = (view.to - view.from) / (view.width / 80);
  const step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600].find((s) => s >= room) || 7200;
  const found = [];
  for (let t = Math.ceil(view.from / step) * step; t <= view.to; t += step) found.push(t);
  return found;
}

// The waveform.

let wave = null;

function unpack(text) {
  return Float32Array.from(atob(text), (c) => c.charCodeAt(0) / 255);
}

function drawnWave() {
  return WaveSurfer.create({
    container: part.wave,
    cspNonce: NONCE,
    peaks: waveform.peaks.map(unpack),
    duration: waveform.duration_s,
    splitChannels: report.speakers.map((speaker) => ({ ...waveColours(speaker), height: BAR })),
    height: BAR,
    cursorWidth: 0,
    interact: false,
    autoScroll: false,
    maxPeak: 1,
  });
}

function waveColours(speaker) {
  return { waveColor: colour(`${speaker}-fill`), progressColor: colour(`${speaker}-fill`) };
}

// The visible part of the call.

let steering = false; // ignore the waveform's scroll events meanwhile

function look(from, to) {
  const length = Math.max(view.full, 1);
  const span = Math.min(Math.max(to - from, Math.min(SHORTEST_S, length)), length);
  view.from = Math.min(Math.max(from, 0), length - span);
  view.to = view.from + span;
  if (wave && wave.getDecodedData()) {
    steering = true;
    wave.zoom(span < length ? view.width / span : 0);
    wave.setScroll(span < length ? (view.from * view.width) / span : 0);
    steering = false;
  }
  draw();
}

function zoom(factor) {
  const span = (view.to - view.from) / factor;
  const at = call.time >= view.from && call.time <= view.to ? call.time : (view.from + view.to) / 2;
  const share = (at - view.from) / (view.to - view.from);
  look(at - share * span, at + (1 - share) * span);
}

function show(seconds) {
  const span = view.to - view.from;
  if (seconds < view.from || seconds > view.to) look(seconds - span / 10, seconds + (9 * span) / 10);
}

// Lanes.

const LANES = {
  ruler: [22, drawRuler],
  turns: [30, drawTurns],
  overlaps: [16, drawOverlaps],
  silences: [16, drawSilences],
  cues: [26, drawCues],
};

function draw() {
  for (const [id, [height, paint]] of Object.entries(LANES)) {
    const canvas = part[id], ratio = devicePixelRatio || 1;
    canvas.width = Math.round(view.width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.blockSize = `${height}px`;
    const on = canvas.getContext("2d");
    on.scale(ratio, ratio);
    on.font = `12px ${getComputedStyle(document.body).fontFamily}`;
    paint(on, height);
  }
  drawCharts();
  place(call.time);
}

function drawRuler(on, height) {
  on.fillStyle = colour("soft");
  on.textBaseline = "middle";
  for (const t of ticks()) {
    const left = x(t), text = clock(t);
    on.fillRect(left, height - 5, 1, 5);
    const width = on.measureText(text).width;
    on.fillText(text, Math.min(Math.max(left - width / 2, 0), view.width - width), height / 2 - 2);
  }
}

// Visible items with their positions; short ones get the least width.
function* bars(things) {
  for (const it of things) {
    if (it.end_s < view.from || it.start_s > view.to) continue;
    const left = x(it.start_s);
    yield [it, left, Math.max(x(it.end_s) - left, LEAST)];
  }
}

function outline(on, left, top, width, height) {
  on.strokeRect(left + 0.75, top + 0.75, Math.max(width - 1.5, 1.5), height - 1.5);
}

function drawTurns(on, height) {
  on.lineWidth = 1.5;
  for (const [it, left, width] of bars(report.turns)) {
    const top = it.speaker === "agent" ? 2 : height / 2 + 1;
    on.fillStyle = on.strokeStyle = colour(`${it.speaker}-fill`);
    if (it.kind === "turn") on.fillRect(left, top, width, height / 2 - 3);
    else outline(on, left, top, width, height / 2 - 3);
  }
}

function drawOverlaps(on, height) {
  on.lineWidth = 1.5;
  for (const [it, left, width] of bars(report.overlaps)) {
    on.fillStyle = on.strokeStyle = colour(`${it.speaker}-fill`);
    if (it.kind === "overlap") on.fillRect(left, 2, width, height - 4);
    else outline(on, left, 2, width, height - 4);
  }
}

function drawSilences(on, height) {
  for (const [it, left, width] of bars(report.silences)) {
    on.fillStyle = colour({ pause: "line", "dead air": "ink", "not heard": "edge" }[it.kind]);
    on.fillRect(left, it.kind === "not heard" ? height / 2 - 1 : 2, width, it.kind === "not heard" ? 2 : height - 4);
  }
}

const cueBars = report.cues.map((cue) => ({ cue, start_s: cue.opened_s, end_s: cue.closed_s }));
const heldBars = report.held_back.map((held) => ({ held, start_s: held.at_s, end_s: held.at_s }));

function drawCues(on, height) {
  on.textBaseline = "middle";
  for (const [bar, left, width] of bars(cueBars)) {
    const title = bar.cue.title, wide = Math.max(width, 5);
    on.fillStyle = colour("accent");
    on.fillRect(left, 3, wide, height - 6);
    on.fillStyle = colour("paper");
    on.fillRect(left - 1, 3, 2, height - 6); // separates it from the one before
    // Its title inside the bar, or after it as far as the next one leaves room.
    const room = on.measureText(title).width + 10;
    const next = cueBars[cueBars.indexOf(bar) + 1];
    if (room < wide) {
      on.fillText(title, left + 6, height / 2);
    } else if (left + wide + room < (next ? Math.min(x(next.start_s), view.width) : view.width)) {
      on.fillStyle = colour("ink");
      on.fillText(title, left + wide + 6, height / 2);
    }
  }
  if (!heldShown) return;
  on.fillStyle = colour("paper");
  on.strokeStyle = colour("ink");
  on.lineWidth = 1.5;
  for (const [, left] of bars(heldBars)) {
    on.beginPath();
    on.moveTo(left, 5);
    on.lineTo(left + 6, height / 2);
    on.lineTo(left, height - 5);
    on.lineTo(left - 6, height / 2);
    on.closePath();
    on.fill();
    on.stroke();
  }
}

// Describes what is under the pointer.
const UNDER = {
  turns: (t, near) => report.turns.filter(near).map((it) => `${NAMES[it.speaker]}: ${it.kind}`),
  overlaps: (t, near) => report.overlaps.filter(near).map((it) => `${NAMES[it.speaker]} ${it.kind === "overlap" ? "interrupted" : "said “mm-hm”"}`),
  silences: (t, near) => report.silences.filter(near).map((it) => `${it.kind}, ${(it.end_s - it.start_s).toFixed(1)} s`),
  cues: (t, near) => [
    ...cueBars.filter(near).map(({ cue }) => cue.title),
    ...(heldShown ? heldBars.filter(near).map(({ held }) => `${held.title}: held back, ${held.reason}`) : []),
  ],
};

function under(id, t) {
  const slack = (6 * (view.to - view.from)) / view.width;
  const near = (it) => it.start_s - slack <= t && t <= it.end_s + slack;
  return id in UNDER ? UNDER[id](t, near).slice(0, 3) : [];
}

// The two vertical lines: playhead and pointer.

function across(line, seconds) {
  const inView = seconds >= view.from && seconds <= view.to;
  line.hidden = !inView;
  if (inView) line.style.transform = `translateX(${part.ruler.offsetLeft + x(seconds)}px)`;
}

function place(seconds) {
  across(part.playhead, seconds);
  if (part.hover.hidden) tellCharts(seconds);
}

function hover(event) {
  const t = timeAt(event.clientX);
  if (t < view.from || t > view.to) {
    leave();
    return;
  }
  across(part.hover, t);
  const label = part.hover.firstChild;
  const row = event.target.closest("canvas, .chart, #wave");
  label.textContent = [clock(t), ...under(row ? row.id : "", t)].join(" · ");
  label.classList.toggle("left", x(t) > view.width / 2);
  tellCharts(t);
  if (event.buttons & 1 && event.pointerType !== "touch") call.seek(t);
}

function leave() {
  part.hover.hidden = true;
  tellCharts(call.time);
}

function resize(width) {
  view.width = width;
  sizeCharts();
  look(view.from, view.to);
}

function startTimeline() {
  view.full = Math.max(report.duration_s, waveform ? waveform.duration_s : 0, 1);
  view.to = view.full;
  part.voices.replaceChildren(...report.speakers.map((s) => make(`p.${s}`, {}, NAMES[s])));
  const area = () => part.ruler.parentElement.clientWidth - part.ruler.offsetLeft;
  view.width = Math.max(area(), 50);
  startCharts();
  if (waveform) {
    wave = drawnWave();
    wave.on("scroll", (from, to) => {
      const span = view.to - view.from;
      if (steering || Math.abs(from - view.from) < (1.5 * span) / view.width) return;
      [view.from, view.to] = [from, from + span];
      draw();
    });
  } else {
    part.wave.hidden = part.voices.hidden = true;
  }
  new ResizeObserver(() => {
    const width = Math.max(area(), 50);
    if (width !== view.width && !before) resize(width);
  }).observe(part.timeline);
  part.timeline.addEventListener("pointermove", hover);
  part.timeline.addEventListener("pointerleave", leave);
  part.timeline.addEventListener("click", (event) => {
    const t = timeAt(event.clientX);
    if (!event.target.closest(".area") || t < view.from || t > view.to) return;
    call.seek(t);
    const cue = cueBars.findLast((bar) => bar.start_s <= t && t <= bar.end_s + (LEAST + 3) * (view.to - view.from) / view.width);
    if (event.target === part.cues && cue) chooseCue(cue.cue);
  });
  part.timeline.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.25 : 0.8);
  }, { passive: false });
  call.watch((t) => {
    if (call.playing) show(t);
    place(t);
  });
  draw();
}
