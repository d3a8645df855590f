// The grid: a tile per hit, the line below which nothing is close, and moving through it by keys.

import { breakable, make, icon, unseen, byId } from "./dom.js";
import { details, score } from "./format.js";
import { attend, picture } from "./turntable.js";

let actions = {};
let best = 1;
let far = false;

/** `actions`: open(item), like(item), compare(item). */
export function startGrid(given) {
  actions = given;
  const grid = byId("grid");
  attend(grid, ".tile");
  grid.addEventListener("keydown", move);
  grid.addEventListener("focusin", (event) => rove(event.target.closest(".tile")));
}

/** Empty the grid. */
export function clearGrid() {
  far = false;
  best = 1;
  byId("grid").replaceChildren();
}

/** Add hits: {item, score, view, close}; score is null where nothing was asked. */
export function addHits(hits) {
  const grid = byId("grid");
  const first = !grid.querySelector(".tile");
  if (first && hits.length) best = Math.max(hits[0].score ?? 0, 1e-6);
  for (const hit of hits) {
    if (hit.close === false && !far) {
      far = true;
      grid.append(nothingClose(first && hit === hits[0]));
    }
    grid.append(tile(hit));
  }
  if (first) rove(grid.querySelector(".tile"));
}

function nothingClose(all) {
  const text = all
    ? "Nothing close. These are the nearest there are."
    : "Nothing close from here on; the nearest of the rest.";
  return make("li", { class: "nothing", text });
}

function tile(hit) {
  const { item } = hit;
  const under =
    hit.score === null
      ? make("span", { class: "where", text: item.facets.category ?? item.folder })
      : make("span", { class: "score" }, meter(hit.score), unseen("score "), make("span", { text: score(hit.score) }));
  const open = make(
    "button",
    { type: "button", class: "open", on: { click: () => actions.open(item) } },
    picture(item, { view: hit.view ?? 0, alt: "" }),
    make("span", { class: "name", title: item.path }, breakable(item.name)),
    unseen(`, ${details(item)}, `),
    under,
  );
  const element = make(
    "li",
    { class: "tile", "data-id": item.id },
    open,
    make(
      "span",
      { class: "over" },
      small("like", "More like this", item, () => actions.like(item)),
      small("compare", "Compare", item, () => actions.compare(item)),
    ),
  );
  if (hit.close === false) element.classList.add("far");
  const telling = item.problems.filter((problem) => problem.severity !== "note");
  if (telling.length) element.append(flag(telling));
  return element;
}

function small(symbol, label, item, listener) {
  return make(
    "button",
    { type: "button", class: "small", title: label, "data-act": symbol, on: { click: listener } },
    icon(symbol),
    unseen(`${label}: ${item.name}`),
  );
}

function meter(value) {
  const bar = make("i", { class: "meter", "aria-hidden": "true" }, make("b"));
  bar.firstChild.style.width = `${Math.max(0, Math.min(100, (100 * value) / best))}%`;
  return bar;
}

/** That something is wrong with a file; mere notes are left to the viewer. */
function flag(problems) {
  const worst = problems.some((problem) => problem.severity === "serious") ? "serious" : "warning";
  const text = `${problems.length} ${problems.length === 1 ? "finding" : "findings"}`;
  return make("span", { class: `flag ${worst}`, title: problems[0].reason, text });
}

/** Only one tile is reached by Tab; arrows move between them. */
function rove(to) {
  if (!to) return;
  for (const other of byId("grid").querySelectorAll(".tile")) {
    for (const control of other.querySelectorAll("button")) control.tabIndex = other === to ? 0 : -1;
  }
}

function move(event) {
  const at = event.target.closest(".tile");
  if (!at || event.ctrlKey || event.metaKey || event.altKey) return;
  const tiles = [...byId("grid").querySelectorAll(".tile")];
  const row = tiles.indexOf(at);
  const top = at.offsetTop;
  const columns = Math.max(1, tiles.filter((other) => other.offsetTop === top).length);
  const steps = {
    ArrowRight: 1,
    ArrowLeft: -1,
    ArrowDown: columns,
    ArrowUp: -columns,
    Home: -row,
    End: tiles.length - 1 - row,
  };
  if (event.key in steps) {
    const next = tiles[Math.max(0, Math.min(tiles.length - 1, row + steps[event.key]))];
    event.preventDefault();
    next.querySelector(".open").focus();
  } else if (event.key === "m" || event.key === "c") {
    at.querySelector(`[data-act="${event.key === "m" ? "like" : "compare"}"]`).click();
  }
}
