// The page: reads its address, asks the server, and shows what comes back.

import * as api from "./api.js";
import { admit, startAsking } from "./ask.js";
import { byId, button, make, openDialog, say } from "./dom.js";
import { showDuplicates } from "./duplicates.js";
import { showChosen, showFacets } from "./facets.js";
import { count, models } from "./format.js";
import { addHits, clearGrid, startGrid } from "./grid.js";
import { indexAgain } from "./indexing.js";
import { startKeys } from "./keys.js";
import { showParts } from "./parts.js";
import { showProblems } from "./problems.js";
import { fileOf, filterCount, fromAddress, likePart, toAddress } from "./query.js";
import { closeViewer, startComparing, view } from "./viewer.js";

const limit = 48;
const pages = { "/": "models", "/duplicates": "duplicates", "/problems": "problems" };
let state = fromAddress("");
let status = null;
let shown = [];
let next = null;
let combining = false;
let asking = null;
let facetCounts = {};

/** Change the query: a step in the browser's history. */
function go(change) {
  location.hash = `#${toAddress({ ...state, ...change })}`;
}

function ask(parts, { combine = false, text = false } = {}) {
  const most = status?.limits.parts ?? 8;
  const rest = text ? state.parts.filter((part) => part.kind !== "text") : [];
  const kept = combine || combining ? state.parts : rest;
  const all = [...kept, ...parts];
  if (all.length > most) return say(`A search has at most ${most} parts; remove one first.`, { error: true });
  return go({ parts: all });
}

const like = (item) => ask([likePart(item)]);
const comparing = startComparing((items) => view(items, actions));
const actions = {
  like,
  compare: (item) => comparing.choose(item),
  open: (item) => view([item], actions),
  neighbour: (item, step) => shown[shown.findIndex((other) => other.id === item.id) + step],
  get status() {
    return status;
  },
};

/** Ask for the first page of what the address says. */
async function load() {
  asking?.abort();
  const mine = (asking = new AbortController());
  const results = byId("results");
  results.setAttribute("aria-busy", "true");
  try {
    const answer = await fetchPage(0, true, mine.signal);
    if (mine.signal.aborted) return;
    facetCounts = answer.facets ?? {};
    shown = [];
    clearGrid();
    append(answer);
    drawFilters();
    byId("count").textContent = sentence(answer);
  } catch (reason) {
    if (reason.name === "AbortError") return;
    failed(reason);
  } finally {
    if (asking === mine) results.removeAttribute("aria-busy");
  }
}

async function more() {
  byId("more").disabled = true;
  try {
    append(await fetchPage(next, false, asking?.signal));
  } catch (reason) {
    if (reason.name !== "AbortError") failed(reason);
  } finally {
    byId("more").disabled = false;
  }
}

async function fetchPage(offset, facets, signal) {
  if (state.parts.length) return api.search(state, { limit, offset, facets }, fileOf, signal);
  const answer = await api.items(state.filters, { limit, offset, facets }, signal);
  return { ...answer, hits: answer.items.map((item) => ({ item, score: null, view: null })) };
}

function append(answer) {
  const first = shown.length;
  shown.push(...answer.hits.map((hit) => hit.item));
  addHits(answer.hits);
  next = answer.next ?? null;
  byId("more-line").hidden = next === null;
  byId("more").textContent = `Show more (${count(shown.length)} of ${count(answer.total)})`;
  if (first) byId("grid").querySelector(`[data-id="${shown[first]?.id}"] .open`)?.focus();
  for (const note of answer.notes ?? []) say(note);
}

function sentence(answer) {
  const total = models(answer.total);
  if (!answer.total)
    return filterCount(state.filters) ? "No model passes these filters." : "There are no models in this index.";
  if (!state.parts.length) return filterCount(state.filters) ? `${total} pass the filters` : total;
  return answer.close ? `${total}, the closest first` : `Nothing close among ${total}`;
}

function failed(reason) {
  clearGrid();
  shown = [];
  byId("more-line").hidden = true;
  byId("count").textContent = reason.message;
  if (reason.status === 401) askForToken();
}

function drawFilters() {
  const change = (filters) => go({ filters });
  showFacets.again = drawFilters;
  showFacets(facetCounts, state.filters, change);
  showChosen(state.filters, change);
}

function drawParts() {
  showParts(state.parts, {
    change: (parts) => go({ parts }),
    combining,
    setCombining: (value) => {
      combining = value;
      drawParts();
      byId("parts").querySelector(".combine").focus();
    },
    thumbnail: api.thumbnail,
  });
  const words = combining ? [] : state.parts.filter((part) => part.kind === "text");
  byId("words").value = words.map(typed).join(" ");
}

/** A part as it would be typed. */
function typed(part) {
  if (!part.negative) return part.value;
  return /\s/u.test(part.value) ? `-"${part.value}"` : `-${part.value}`;
}

/** Show the page that the address names. */
function route() {
  const [path, query] = split(location.hash);
  const page = pages[path] ?? "models";
  for (const name of Object.values(pages)) byId(`page-${name}`).hidden = name !== page;
  for (const link of document.querySelectorAll(".pages a")) {
    if (link.dataset.page === page) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const open = (items) => view(items, { ...actions, neighbour: undefined });
  if (page === "duplicates") showDuplicates({ open, status });
  else if (page === "problems") showProblems({ open, status });
  else {
    state = fromAddress(query);
    if (!state.parts.length) combining = false;
    drawParts();
    load();
  }
  document.title =
    page === "models"
      ? ["Anaglyph", ...state.parts.map((part) => part.label)].reverse().join(" · ")
      : `${page[0].toUpperCase()}${page.slice(1)} · Anaglyph`;
}

function split(hash) {
  const text = hash.replace(/^#/u, "") || "/";
  const mark = text.indexOf("?");
  return mark < 0 ? [text, ""] : [text.slice(0, mark), text.slice(mark + 1)];
}

function foot() {
  const may = status.authorized ? "keep, ignore and tag: allowed" : "read-only";
  const parts = [models(status.items.ready), `model “${status.model}”`, may, `Anaglyph ${status.version}`];
  byId("foot").replaceChildren(
    ...parts.map((text) => make("span", { text })),
    status.write && !status.authorized
      ? make("button", { type: "button", class: "link", text: "Give the token to review", on: { click: askForToken } })
      : "",
    indexAgain(status, start) ?? "",
  );
}

function askForToken() {
  const input = make("input", { type: "password", autocomplete: "off", "aria-label": "Token", placeholder: "Token" });
  const dialog = openDialog(
    { class: "card", "aria-labelledby": "token-title" },
    make("h2", { id: "token-title", text: "This server asks for its token" }),
    make("p", { text: "It stands in the address that “anaglyph serve” printed." }),
    input,
    make(
      "p",
      { class: "buttons" },
      button(
        "Open",
        async () => {
          try {
            await api.openSession(input.value);
            dialog.close();
            await start();
          } catch (reason) {
            say(reason.message, { error: true });
          }
        },
        { class: "plain strong" },
      ),
    ),
  );
}

function exportHits(format) {
  api.exported(state, format, fileOf, status.limits.page).then(
    (blob) => {
      const address = URL.createObjectURL(blob);
      make("a", { href: address, download: `anaglyph.${format}` }).click();
      setTimeout(() => URL.revokeObjectURL(address), 10_000);
    },
    (reason) => say(reason.message, { error: true }),
  );
}

/** The address that `anaglyph serve` prints brings the token along; it becomes a cookie and leaves the address. */
async function takeToken() {
  const token = /^#token=(.+)$/u.exec(location.hash)?.[1];
  if (!token) return;
  history.replaceState(null, "", "#/");
  await api.openSession(decodeURIComponent(token));
}

async function start() {
  try {
    await takeToken();
    status = await api.status();
  } catch (reason) {
    failed(reason);
    return;
  }
  admit(status);
  foot();
  route();
}

function once() {
  startGrid(actions);
  startAsking(ask, () => state.parts.length > 0);
  startKeys(() => {
    if (!byId("message").hidden) byId("message").hidden = true;
    else if (comparing.active()) comparing.end();
    else if (document.body.classList.contains("filtering")) byId("show-filters").click();
  });
  byId("more").addEventListener("click", more);
  byId("show-filters").addEventListener("click", (event) => {
    const on = document.body.classList.toggle("filtering");
    event.currentTarget.setAttribute("aria-expanded", String(on));
    if (on) byId("side").querySelector("input")?.focus();
    else event.currentTarget.focus();
  });
  for (const control of document.querySelectorAll("[data-export]")) {
    control.title = `Save these results as ${control.dataset.export.toUpperCase()}`;
    control.addEventListener("click", () => exportHits(control.dataset.export));
  }
  addEventListener("hashchange", () => {
    closeViewer();
    if (status) route();
  });
  start();
}

once();
