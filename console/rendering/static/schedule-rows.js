// The rows of the form, in which windows are typed. They are what counts: the grid changes them, the server draws them.

import { clock, minuteOf } from "./schedule-windows.js";

const rows = document.getElementById("rows");
let numbers = 0;

export const allRows = () => [...rows.querySelectorAll(".row")];
const fields = (row) => ({ boxes: [...row.querySelectorAll("[type=checkbox]")], from: row.querySelector("[name^=from]"), to: row.querySelector("[name^=to]") });
const byNumber = (number) => rows.querySelector(`.row[data-row="${CSS.escape(number)}"]`);

export function newRow() {
  const html = document.querySelector("#row").innerHTML.replaceAll("NUMBER", String(5000 + numbers++));
  rows.insertAdjacentHTML("beforeend", html);
  const row = rows.lastElementChild;
  row.querySelector("[data-removes]").hidden = false;
  return row;
}

const rowOf = (from, to) => allRows().find((row) => minuteOf(fields(row).from.value) === from && minuteOf(fields(row).to.value) === to);

function isBlank(row) {
  const { boxes, from, to } = fields(row);
  return !boxes.some((box) => box.checked) && !from.value && !to.value;
}

export function add(windows) {
  for (const { day, from, to } of windows) {
    const row = rowOf(from, to) ?? allRows().find(isBlank) ?? newRow();
    const typed = fields(row);
    typed.from.value = clock(from);
    typed.to.value = clock(to);
    typed.boxes[day].checked = true;
  }
}

export function take({ row, day }) {
  const element = byNumber(row);
  const { boxes, from, to } = fields(element);
  boxes[day].checked = false;
  if (boxes.some((box) => box.checked)) return;
  from.value = to.value = "";
  if (allRows().length > 1) element.remove();
}

// null where the row is gone and the server has not drawn that yet.
export function windowOf({ row, day }) {
  const element = byNumber(row);
  if (!element) return null;
  const { from, to } = fields(element);
  return { day, from: minuteOf(from.value), to: minuteOf(to.value) };
}

// Where a window of these hours is typed, because rows are joined and split.
export function placeOf({ day, from, to }) {
  const row = rowOf(from, to);
  return row && fields(row).boxes[day].checked ? { row: row.dataset.row, day } : null;
}
