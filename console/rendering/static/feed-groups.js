// Commands of one brand, action and cause that follow each other become one entry that opens: "7 campaigns of Rowan
// Books paused". `data-group` names brand, action and cause; the server says it of every command.

const FROM = 3;
const APART_MS = 60_000;

export function timeOf(item) {
  return Date.parse(item.querySelector("time").dateTime);
}

// All commands of the list, in or out of groups, newest first.
export function commandsOf(list) {
  return [...list.querySelectorAll("li[data-group]:not(.group)")];
}

// Puts a command at its place: before the first that is not newer.
export function insertCommand(list, item) {
  const older = commandsOf(list).find((it) => timeOf(it) <= timeOf(item));
  const top = older?.closest(".group") ?? older ?? null;
  const isWithin = older && top !== older && older.previousElementSibling && belongTogether(older, item);
  if (isWithin) older.before(item);
  else list.insertBefore(item, top);
  if (!("groups" in list.dataset)) return;
  if (isWithin) describe(top);
  else join(list, item);
}

export function groupAll(list) {
  for (const item of [...list.children]) if (item.parentNode === list) join(list, item);
}

// Takes away the oldest.
export function removeOldest(list) {
  const item = commandsOf(list).at(-1);
  const group = item.closest(".group");
  item.remove();
  if (!group) return;
  if (group.querySelector("ol").children.length) describe(group);
  else group.remove();
}

function belongTogether(one, other) {
  return one.dataset.group === other.dataset.group && Math.abs(timeOf(one) - timeOf(other)) <= APART_MS;
}

// The command beside which another entry of the list would stand: of a group its nearest.
function edge(entry, end) {
  if (!entry?.classList.contains("group")) return entry;
  const items = entry.querySelector("ol");
  return end === "last" ? items.lastElementChild : items.firstElementChild;
}

function join(list, item) {
  if (item.classList.contains("group")) return;
  const run = [item];
  let before = item.previousElementSibling;
  while (before && belongTogether(edge(before, "last"), run[0])) {
    if (before.classList.contains("group")) return takeIn(before, run, "append");
    run.unshift(before);
    before = before.previousElementSibling;
  }
  let after = item.nextElementSibling;
  while (after && belongTogether(edge(after, "first"), run.at(-1))) {
    if (after.classList.contains("group")) return takeIn(after, run, "prepend");
    run.push(after);
    after = after.nextElementSibling;
  }
  if (run.length < FROM) return;
  const group = document.createElement("li");
  group.className = "group";
  group.dataset.group = item.dataset.group;
  const details = group.appendChild(document.createElement("details"));
  details.append(document.createElement("summary"), document.createElement("ol"));
  details.lastElementChild.className = list.className;
  list.insertBefore(group, run[0]);
  takeIn(group, run, "append");
}

function takeIn(group, run, how) {
  group.querySelector("ol")[how](...run);
  describe(group);
}

// Time, badge and cause are those of the newest command; the brand's name is that of its link.
function describe(group) {
  const items = group.querySelector("ol").children;
  const newest = items[0];
  const words = document.createElement("span");
  words.className = "feed-words";
  const count = document.createElement("strong");
  const campaigns = new Set([...items].map((it) => it.dataset.campaign)).size;
  count.textContent = `${campaigns} campaign${campaigns === 1 ? "" : "s"}`;
  const name = document.createElement("bdi");
  name.textContent = newest.querySelector("[data-brand]").textContent;
  words.append(count, " of ", name, newest.dataset.action === "pause" ? " paused" : " may run");
  const copies = [":scope > .muted", ":scope > .badge", ":scope > .feed-cause"].map((it) =>
    newest.querySelector(it).cloneNode(true),
  );
  const time = copies[0].querySelector("time");
  copies[0].replaceChildren(time);
  group.querySelector("summary").replaceChildren(copies[0], copies[1], words, copies[2]);
}
