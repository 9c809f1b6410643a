// The week grid: mouse, touch and keyboard change the rows of the form, and the server says what they come to.

import { add, allRows, newRow, placeOf, take, windowOf } from "./schedule-rows.js";
import { DAY, DAYS, STEP, clock, moved, strokeOf, withEnd, withStart, words } from "./schedule-windows.js";

const LINE = 60;
const EDGE_PIXELS = 8;

const form = document.querySelector("#schedule");
const grid = document.querySelector("#grid");
const [blocks, draft, cursorMark, rows, status] = ["blocks", "draft", "cursor", "rows", "grid-status"].map((id) => document.getElementById(id));

let cursor = { day: 0, minute: 540 };
let anchor = null; // where a window was begun by keyboard
let held = null; // { row, day } of the window that is selected
let stroke = null; // what the pointer does: { kind, start, window?, row? }
let asked = 0;
let timer;
let dirty = false;

function replace(place, window) {
  take(place);
  add([window]);
  select(window);
}

// What is selected, by its hours, because rows are joined and split

let selectedWindow = null;

function select(window) {
  selectedWindow = window;
  showSelection();
}

const placeIn = (block) => ({ row: block.dataset.row, day: Number(block.dataset.day) });

function showSelection() {
  held = selectedWindow && placeOf(selectedWindow);
  for (const block of blocks.querySelectorAll("[data-row]")) {
    block.classList.toggle("held", Boolean(held) && placeIn(block).row === held.row && placeIn(block).day === held.day);
  }
  document.querySelector("#selection").hidden = !held;
  if (held) document.querySelector("#selected").textContent = words(selectedWindow);
}

// The server says what the rows come to

function changed(delay = 0) {
  dirty = true;
  clearTimeout(timer);
  timer = setTimeout(preview, delay);
}

async function preview() {
  const number = ++asked;
  try {
    const response = await fetch(`${form.action}/preview`, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (!response.ok) throw new Error(String(response.status));
    const answer = await response.json();
    if (number === asked) show(answer);
  } catch {
    say("The preview cannot be reached now. What is drawn is kept on this page.");
  }
}

function show(answer) {
  document.querySelector("#words").textContent = answer.words;
  blocks.innerHTML = answer.grid;
  document.querySelector("#next-changes").innerHTML = answer.next_changes;
  for (const row of allRows()) {
    const error = answer.errors[row.dataset.row] ?? "";
    row.classList.toggle("wrong", Boolean(error));
    row.querySelector(".error").textContent = error;
    for (const input of row.querySelectorAll(".clock input")) input.setAttribute("aria-invalid", String(Boolean(error)));
  }
  showSelection();
}

function say(text) {
  status.textContent = text;
}

// Strokes: from one quarter of an hour to another

const isNight = () => document.querySelector('[name="stroke"]:checked').value === "night";

function strokeWindows(at) {
  const { kind, start, window } = stroke;
  if (kind === "draw") return strokeOf(start, at, isNight());
  if (kind === "end") return [withEnd(window, at)];
  if (kind === "start") return [withStart(window, at)];
  return [moved(window, at.day - start.day, at.minute - start.minute)];
}

function drawDraft(windows) {
  const rect = (day, from, to) => `<rect x="${from}" y="${(day % 7) * LINE + 6}" width="${to - from}" height="${LINE - 12}"/>`;
  draft.innerHTML = windows.map(({ day, from, to }) => (to > from ? rect(day, from, to) : rect(day, from, DAY) + rect(day + 1, 0, to))).join("");
}

// Mouse and touch

function place(event) {
  const box = grid.getBoundingClientRect();
  const within = (value, most) => Math.max(0, Math.min(most, value));
  const minute = within(((event.clientX - box.left) / box.width) * DAY, DAY - 1);
  const day = within(Math.floor(((event.clientY - box.top) / box.height) * 7), 6);
  return { day, minute: Math.floor(minute / STEP) * STEP };
}

function edgeOf(block, event) {
  const box = block.getBoundingClientRect();
  const { day, from, to } = windowOf(placeIn(block));
  const isTail = Number(block.getAttribute("y")) !== day * LINE + 6;
  const near = Math.min(EDGE_PIXELS, box.width / 4);
  if (!isTail && event.clientX - box.left < near) return "start";
  return (isTail || to > from) && box.right - event.clientX < near ? "end" : "move";
}

grid.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  const block = event.target.closest(".block[data-row]");
  const window = block && windowOf(placeIn(block));
  const start = place(event);
  cursor = start;
  stroke = { kind: "draw", start, moved: false };
  if (window) stroke = { kind: edgeOf(block, event), start, held: placeIn(block), window, moved: false };
  grid.setPointerCapture(event.pointerId);
});

grid.addEventListener("pointermove", (event) => {
  if (!stroke) return;
  const at = place(event);
  if (at.day !== stroke.start.day || at.minute !== stroke.start.minute) stroke.moved = true;
  stroke.at = at;
  if (stroke.moved) drawDraft(strokeWindows(at));
});

grid.addEventListener("pointerup", () => {
  if (!stroke) return;
  const { kind, window, held: from, moved: hasMoved, at } = stroke;
  if (hasMoved && kind === "draw") finish(strokeWindows(at));
  else if (hasMoved) {
    replace(from, strokeWindows(at)[0]);
    changed();
  } else select(window ?? null);
  stroke = null;
  draft.innerHTML = "";
});

grid.addEventListener("pointercancel", () => {
  stroke = null;
  draft.innerHTML = "";
});

function finish(windows) {
  add(windows);
  select(windows.length === 1 ? windows[0] : null);
  say(`Drawn: ${windows.map(words).join(", ")}`);
  changed();
}

// Keyboard

const STEPS = { ArrowLeft: [0, -STEP], ArrowRight: [0, STEP], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

function blockUnder({ day, minute }) {
  return [...blocks.querySelectorAll("[data-row]")].find((block) => {
    const [x, y, width] = ["x", "y", "width"].map((name) => Number(block.getAttribute(name)));
    return Math.floor(y / LINE) === day && x <= minute && minute < x + width && windowOf(placeIn(block));
  });
}

function step(days, minutes, shift) {
  if (selectedWindow && held) {
    const { from, to } = selectedWindow;
    const end = to + minutes;
    const isGood = end !== from && end > 0 && end <= DAY;
    const next = shift && !days ? (isGood ? { ...selectedWindow, to: end } : selectedWindow) : moved(selectedWindow, days, minutes);
    cursor = { day: next.day, minute: Math.floor(next.from / STEP) * STEP };
    replace(held, next);
    say(words(next));
    changed();
  } else {
    cursor = { day: (cursor.day + days + 7) % 7, minute: Math.max(0, Math.min(DAY - STEP, cursor.minute + minutes)) };
    if (anchor) drawDraft(strokeOf(anchor, cursor, isNight()));
    say(anchor ? strokeOf(anchor, cursor, isNight()).map(words).join(", ") : `${words({ day: cursor.day, from: cursor.minute, to: cursor.minute + STEP })}${blockUnder(cursor) ? ", in a window" : ""}`);
  }
  showCursor();
}

function enter() {
  const block = blockUnder(cursor);
  if (anchor) {
    finish(strokeOf(anchor, cursor, isNight()));
    release();
    select(null);
  } else if (selectedWindow) select(null);
  else if (block) {
    select(windowOf(placeIn(block)));
    say(`${words(selectedWindow)} is held`);
  } else {
    anchor = cursor;
    drawDraft(strokeOf(anchor, cursor, isNight()));
    say(`Begun at ${clock(cursor.minute)}: move, then press Enter`);
  }
}

function remove() {
  const block = blockUnder(cursor);
  const place = held ?? (block && placeIn(block));
  if (!place) return;
  say(`Deleted: ${words(windowOf(place))}`);
  take(place);
  select(null);
  changed();
}

function release() {
  anchor = null;
  draft.innerHTML = "";
}

function showCursor() {
  cursorMark.setAttribute("x", cursor.minute);
  cursorMark.setAttribute("y", cursor.day * LINE);
}

grid.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const keys = {
    Enter: enter,
    Delete: remove,
    Backspace: remove,
    Escape: () => (release(), select(null), say("Let go")),
    Home: () => step(0, -DAY),
    End: () => step(0, DAY),
  };
  const steps = STEPS[event.key];
  if (!steps && !keys[event.key]) return;
  event.preventDefault();
  if (steps) step(...steps, event.shiftKey);
  else keys[event.key]();
});

// Buttons and typing

document.querySelector("#selection").addEventListener("click", (event) => {
  const act = event.target.dataset.act;
  if (!act || !held) return;
  if (act === "delete") remove();
  else {
    add(DAYS.slice(0, act === "weekdays" ? 5 : 7).map((_, day) => ({ ...selectedWindow, day })));
    changed();
  }
});

rows.addEventListener("click", (event) => {
  const row = event.target.closest("[data-removes]") && event.target.closest(".row");
  if (!row) return;
  row.remove();
  if (!allRows().length) newRow();
  changed();
});

document.querySelector("#add").addEventListener("click", () => newRow().querySelector("input").focus());
form.addEventListener("input", (event) => event.target.name !== "stroke" && changed(250));
form.addEventListener("submit", () => (dirty = false));
window.addEventListener("beforeunload", (event) => dirty && event.preventDefault());

for (const element of form.querySelectorAll("#tools, #add, [data-removes]")) element.hidden = false;
showCursor();
