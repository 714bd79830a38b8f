"use strict";

const COLOURS = 6;
const byId = (id) => document.getElementById(id);

let layout = null;
/** The button of each space, in the order of floors, rows and spaces. */
let cells = [];
let taken = "";

function say(text) {
  byId("answer").textContent = text;
}

function make(name, text, attributes = {}) {
  const element = document.createElement(name);
  if (text !== null) element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

/** Ask the API; say what it answers. */
async function ask(path, body) {
  try {
    const reply = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const answer = await reply.json();
    if (!reply.ok) say(`Refused: ${answer.detail}`);
    else if (path === "/park") say(`Parked: ${place(answer)}`);
    else say(`Unparked: ${place(body)}, ${answer.kind}`);
  } catch {
    say("The server does not answer.");
  }
}

function place({ floor, row, space }) {
  return `floor ${floor}, row ${row}, space ${space}`;
}

function drawLayout() {
  byId("vehicles").replaceChildren(
    ...layout.vehicles.map((vehicle) => {
      const button = make("button", `Park ${vehicle}`, { type: "button" });
      button.addEventListener("click", () => ask("/park", { vehicle }));
      return button;
    }),
  );
  cells = [];
  taken = "";
  if (layout.floors === null) {
    byId("help").textContent = "This garage has more spaces than can be shown one by one.";
    byId("floors").replaceChildren();
    return;
  }
  byId("floors").replaceChildren(...layout.floors.flatMap((rows, number) => drawFloor(rows, number + 1)));
}

function drawFloor(rows, floor) {
  return [make("h3", `Floor ${floor}`), ...rows.map((row, number) => drawRow(row, floor, number + 1))];
}

function drawRow({ kind, spaces }, floor, row) {
  const line = make("div", null, { class: `row k${kind % COLOURS}` });
  const group = make("div", null, {
    class: "cells",
    role: "group",
    "aria-label": `Floor ${floor}, row ${row}, ${layout.kinds[kind]}`,
  });
  for (let space = 1; space <= spaces; space += 1) {
    const cell = make("button", null, { type: "button", "aria-pressed": "false", tabindex: space === 1 ? 0 : -1 });
    const where = { floor, row, space };
    cell.name = place(where);
    cell.setAttribute("aria-label", `Space ${space}, free`);
    cell.title = cell.name;
    cell.addEventListener("click", () => {
      if (cell.getAttribute("aria-pressed") === "true") ask("/unpark", where);
      else say(`${cell.name} is free.`);
    });
    group.append(cell);
    cells.push({ cell, space });
  }
  group.addEventListener("keydown", move);
  line.append(make("span", `row ${row}, ${layout.kinds[kind]}`), group);
  return line;
}

/** Arrow keys, Home and End move within a row, of which one space takes the Tab key. */
function move(event) {
  const row = [...event.currentTarget.children];
  const now = row.indexOf(event.target);
  const next = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: row.length - 1 }[event.key];
  if (next === undefined || now < 0) return;
  event.preventDefault();
  const target = row[Math.max(0, Math.min(next, row.length - 1))];
  row[now].tabIndex = -1;
  target.tabIndex = 0;
  target.focus();
}

function drawState(state) {
  for (const [name, rate] of Object.entries(state.rates)) byId(`rate-${name}`).textContent = rate.toLocaleString("en");
  byId("kinds").replaceChildren(
    ...Object.entries(state.spaces).map(([kind, count]) => {
      const line = make("tr", null);
      const bar = make("progress", null, { value: count.taken, max: count.taken + count.free, "aria-label": `${kind}: taken` });
      const picture = make("td", null);
      picture.append(bar);
      line.append(make("th", kind, { scope: "row" }), make("td", count.taken), make("td", count.free), picture);
      return line;
    }),
  );
  drawShares(state.shares);
  if (state.taken !== null) drawTaken(state.taken);
}

function drawShares(shares) {
  const lines = Object.entries(shares).flatMap(([operation, stages]) =>
    Object.entries(stages).map(([stage, share]) => {
      const line = make("tr", null);
      const picture = make("td", null);
      picture.append(make("progress", null, { value: share, max: 1, "aria-label": `${operation} ${stage}: share` }));
      line.append(make("td", operation), make("td", stage), make("td", `${Math.round(100 * share)} %`), picture);
      return line;
    }),
  );
  if (lines.length) byId("shares").replaceChildren(...lines);
}

function drawTaken(digits) {
  for (let number = 0; number < digits.length; number += 1) {
    if (digits[number] === taken[number]) continue;
    const isTaken = digits[number] === "1";
    const { cell, space } = cells[number];
    cell.setAttribute("aria-pressed", String(isTaken));
    cell.setAttribute("aria-label", `Space ${space}, ${isTaken ? "taken: unpark" : "free"}`);
  }
  taken = digits;
}

function listen() {
  const events = new EventSource("/page/events");
  const connection = byId("connection");
  events.addEventListener("layout", (event) => {
    layout = JSON.parse(event.data);
    drawLayout();
    connection.textContent = "Live";
  });
  events.addEventListener("state", (event) => drawState(JSON.parse(event.data)));
  events.addEventListener("end", () => {
    events.close();
    connection.textContent = "The server has ended. Load the page again when it runs.";
  });
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) {
      connection.textContent = "The server refuses: too many pages are open. Load this one again later.";
    } else {
      connection.textContent = "The connection is lost; trying again…";
    }
  });
}

byId("unpark").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = new FormData(event.currentTarget);
  ask("/unpark", Object.fromEntries([...form].map(([key, value]) => [key, Number(value)])));
});

listen();
