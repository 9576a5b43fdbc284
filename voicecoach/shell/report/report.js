// Builds the page and binds its keys.

"use strict";

// Light or dark: the system's setting until the reader chooses.

const dark = matchMedia("(prefers-color-scheme: dark)");
let chosen = null;

function theme(name) {
  document.documentElement.dataset.theme = name;
  part.theme.textContent = name === "dark" ? "Light" : "Dark";
  if (wave) wave.setOptions({ splitChannels: report.speakers.map((s) => ({ ...waveColours(s), height: BAR })) });
  draw();
  for (const plot of Object.values(plots)) plot.redraw(false, false);
}

const wanted = () => chosen || (dark.matches ? "dark" : "light");

// The page's header and footer.

function startText() {
  document.title = `${report.call} · call report`;
  part.call.textContent = report.call;
  part.facts.append(...report.facts.map((fact) =>
    make("div", {},
      make("dt", {}, fact.name),
      make("dd", {}, make("b", {}, fact.value), fact.at_s === null ? null : moment(fact.at_s),
        fact.note ? make("span.note", {}, fact.note) : null))));
  part.notes.hidden = !report.notes.length;
  part["note-list"].append(...report.notes.map((text) => make("li", { dir: "auto" }, text)));
  part.numbers.tBodies[0].append(...report.numbers.map(([what, agent, customer]) =>
    make("tr", {}, make("th", { scope: "row" }, what), make("td", {}, agent), make("td", {}, customer))));
  part.length.textContent = clock(report.duration_s);
  part.made.textContent = `Made by voicecoach ${voicecoach}. It needs no other file and no network.`;
}

// The player.

function startPlayer() {
  part.seek.max = report.duration_s;
  part.seek.addEventListener("input", () => call.seek(Number(part.seek.value)));
  part.play.addEventListener("click", () => call.toggle());
  part.speed.addEventListener("change", () => { if (call.audio) call.audio.playbackRate = Number(part.speed.value); });
  part.wider.addEventListener("click", () => zoom(0.5));
  part.closer.addEventListener("click", () => zoom(2));
  part.fit.addEventListener("click", () => look(0, view.full));
  part.theme.addEventListener("click", () => theme(chosen = wanted() === "dark" ? "light" : "dark"));
  part.print.addEventListener("click", () => print());
  dark.addEventListener("change", () => theme(wanted()));
  call.watch((time) => {
    part.now.textContent = clock(time);
    if (document.activeElement !== part.seek || call.playing) part.seek.value = time;
    part.seek.setAttribute("aria-valuetext", `${clock(time)} of ${clock(report.duration_s)}`);
  });
}

function startSound() {
  const audio = document.getElementById("audio");
  for (const it of [part.play, part.speed]) it.disabled = !audio;
  if (!audio) {
    part.silent.hidden = false;
    part.silent.textContent = "This report has no sound; a click still moves to that time.";
    return;
  }
  call.audio = audio;
  const playing = () => {
    part.play.textContent = audio.paused ? "Play" : "Pause";
    if (!audio.paused) tick();
  };
  const tick = () => {
    call.tell();
    if (!audio.paused) requestAnimationFrame(tick);
  };
  for (const name of ["play", "pause", "ended"]) audio.addEventListener(name, playing);
  for (const name of ["timeupdate", "seeked"]) audio.addEventListener(name, () => call.tell());
  audio.addEventListener("error", () => {
    part.silent.hidden = false;
    part.silent.textContent = "Cannot play the sound: put report.mp3 back beside this file.";
  });
}

// Keys, except while the reader types or uses a control.

const KEYS = {
  " ": () => call.toggle(),
  ArrowLeft: (event) => call.seek(call.time - (event.shiftKey ? 1 : 5)),
  ArrowRight: (event) => call.seek(call.time + (event.shiftKey ? 1 : 5)),
  n: () => step(1),
  p: () => step(-1),
  "+": () => zoom(2),
  "=": () => zoom(2),
  "-": () => zoom(0.5),
  0: () => look(0, view.full),
  h: () => part.held.click(),
};

function startKeys() {
  document.addEventListener("keydown", (event) => {
    const key = KEYS[event.key];
    if (!key || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest("input, select, textarea") || (event.key === " " && event.target.closest("button, summary"))) return;
    event.preventDefault();
    if (!(event.repeat && event.key === " ")) key(event);
  });
}

// Printed: the whole call, light, at the paper's width.

const PAPER = 504; // width of the time line, px: the style's width less its gutter
let before = null;

function startPrint() {
  addEventListener("beforeprint", () => {
    before = { view: { ...view }, closed: [...document.querySelectorAll("details:not([open])")] };
    for (const it of before.closed) it.open = true;
    document.documentElement.classList.add("paper");
    theme("light");
    part.main.append(part.said); // the summary first, the transcript last
    resize(PAPER);
    look(0, view.full);
  });
  addEventListener("afterprint", () => {
    for (const it of before.closed) it.open = false;
    document.documentElement.classList.remove("paper");
    part.columns.prepend(part.said);
    theme(wanted());
    resize(before.view.width);
    look(before.view.from, before.view.to);
    before = null;
  });
}

document.documentElement.dataset.theme = wanted();
startText();
startTimeline();
startWords();
startCard();
startSurvey();
startPlayer();
startKeys();
startPrint();
theme(wanted());
performance.mark("drawn");
// The sound is long and stands at the end of the page, so that the rest can be read while it loads.
addEventListener("DOMContentLoaded", () => {
  startSound();
  call.tell();
  document.documentElement.dataset.ready = "";
});
