// Filters beside the grid: values with counts, ranges, letters of the path; and the chips of those in use.

import { button, byId, iconButton, make } from "./dom.js";
import { count, number, words } from "./format.js";
import { withFilter } from "./query.js";

const lists = [
  ["category", "categories", "Category"],
  ["format", "formats", "Format"],
  ["tag", "tags", "Tags"],
  ["problem", "problems", "Findings"],
];
const flags = [
  ["watertight", "Watertight", "Open surface"],
  ["coloured", "Coloured", "Without colours"],
  ["textured", "Textured", "Without textures"],
];
const ranges = [
  ["faces", "Faces"],
  ["vertices", "Vertices"],
  ["longest", "Longest side"],
  ["width", "Width"],
  ["height", "Height"],
  ["depth", "Depth"],
  ["proportions", "Height over width"],
  ["area", "Area"],
  ["volume", "Volume"],
  ["bytes", "Bytes"],
];
const shown = 7;
const opened = new Set(["category", "format", "folder", "surface"]);
const unfolded = new Set();

/** Draw the filters; `change(filters)` is called with new ones. */
export function showFacets(counts, filters, change) {
  const side = byId("side");
  const focused = document.activeElement?.closest("#side") ? document.activeElement.id : null;
  const parts = [
    make(
      "div",
      { class: "side-head" },
      make("h2", { text: "Filters" }),
      button("Done", () => byId("show-filters").click(), { class: "plain close-side" }),
    ),
    nameFilter(filters, change),
    ...lists.map(([facet, name, title]) => listFilter(counts[facet] ?? [], facet, name, title, filters, change)),
    folderFilter(counts.folder ?? [], filters, change),
    flagFilter(counts, filters, change),
    rangeFilter(filters, change),
  ];
  side.replaceChildren(...parts.filter(Boolean));
  if (focused) byId(focused)?.focus({ preventScroll: true });
}

function section(id, title, ...content) {
  const details = make(
    "details",
    { open: opened.has(id), on: { toggle: (event) => opened[event.target.open ? "add" : "delete"](id) } },
    make("summary", { id: `facet-${id}`, text: title }),
    ...content,
  );
  return details;
}

function nameFilter(filters, change) {
  const input = make("input", {
    id: "filter-name",
    type: "search",
    maxlength: 200,
    value: filters.name ?? "",
    placeholder: "Part of the path",
    "aria-label": "Path holds",
  });
  input.addEventListener("change", () => change(withFilter(filters, "name", input.value.trim() || undefined)));
  return make("p", { class: "name-filter" }, input);
}

/** Values with check boxes; any of them may hold. */
function listFilter(values, facet, name, title, filters, change) {
  const chosen = new Set(filters[name] ?? []);
  const missing = [...chosen]
    .filter((value) => !values.some((each) => each.value === value))
    .map((value) => ({ value, count: 0 }));
  const all = [...values, ...missing];
  if (!all.length) return null;
  const few = unfolded.has(facet) ? all : all.filter((each, row) => row < shown || chosen.has(each.value));
  const rows = few.map(({ value, count: total }, row) =>
    check(`${facet}-${row}`, facet === "problem" ? words(value) : value, total, chosen.has(value), (on) => {
      if (on) chosen.add(value);
      else chosen.delete(value);
      change(withFilter(filters, name, [...chosen]));
    }),
  );
  const rest = all.length - few.length;
  return section(
    facet,
    title,
    make("ul", { class: "values" }, rows),
    rest > 0 &&
      button(
        `${count(rest)} more`,
        () => {
          unfolded.add(facet);
          showFacets.again?.();
        },
        { class: "plain small-text" },
      ),
  );
}

function check(id, text, total, on, listener) {
  return make(
    "li",
    {},
    make(
      "label",
      { class: "check" },
      make("input", {
        id: `check-${id}`,
        type: "checkbox",
        checked: on,
        on: { change: (event) => listener(event.target.checked) },
      }),
      make("span", { class: "value", text, title: text }),
      make("span", { class: "total", text: count(total) }),
    ),
  );
}

/** One folder and what lies below it. */
function folderFilter(values, filters, change) {
  const within = filters.folder ?? "";
  const below = values.filter((each) => each.value !== within && each.value !== "");
  if (!below.length && !within) return null;
  const up = within.includes("/") ? within.slice(0, within.lastIndexOf("/")) : undefined;
  const few = unfolded.has("folder") ? below : below.slice(0, shown);
  return section(
    "folder",
    "Folder",
    within &&
      make(
        "p",
        { class: "within" },
        button(`← ${up ?? "all folders"}`, () => change(withFilter(filters, "folder", up))),
        make("span", { text: within }),
      ),
    make(
      "ul",
      { class: "values" },
      few.map((each, row) =>
        make(
          "li",
          {},
          make(
            "button",
            {
              type: "button",
              class: "check",
              id: `folder-${row}`,
              on: { click: () => change(withFilter(filters, "folder", each.value)) },
            },
            make("span", { class: "value", text: each.value, title: each.value }),
            make("span", { class: "total", text: count(each.count) }),
          ),
        ),
      ),
    ),
    below.length > few.length &&
      button(
        `${count(below.length - few.length)} more`,
        () => {
          unfolded.add("folder");
          showFacets.again?.();
        },
        { class: "plain small-text" },
      ),
  );
}

function flagFilter(counts, filters, change) {
  const rows = flags.map(([name, yes, no]) => {
    const total = (value) => (counts[name] ?? []).find((each) => each.value.toLowerCase() === value)?.count ?? 0;
    const option = (value, text) =>
      make("option", {
        value: String(value),
        selected: filters[name] === value,
        text: `${text} (${count(total(String(value)))})`,
      });
    const select = make(
      "select",
      { id: `flag-${name}`, "aria-label": yes },
      make("option", { value: "", text: `${yes}: either` }),
      option(true, yes),
      option(false, no),
    );
    select.addEventListener("change", () =>
      change(withFilter(filters, name, select.value === "" ? undefined : select.value === "true")),
    );
    return make("li", {}, select);
  });
  return section("surface", "Surface", make("ul", { class: "values" }, rows));
}

function rangeFilter(filters, change) {
  const rows = ranges.map(([name, title]) => {
    const [least, most] = filters.ranges?.[name] ?? [null, null];
    const input = (value, which) =>
      make("input", {
        id: `range-${name}-${which}`,
        type: "number",
        step: "any",
        value: value ?? undefined,
        placeholder: which,
        "aria-label": `${title}, ${which}`,
      });
    const [from, to] = [input(least, "least"), input(most, "most")];
    const read = (field) => (field.value === "" ? null : Number(field.value));
    const apply = () => {
      const next = { ...filters.ranges };
      if (read(from) === null && read(to) === null) delete next[name];
      else next[name] = [read(from), read(to)];
      change(withFilter(filters, "ranges", next));
    };
    for (const field of [from, to]) field.addEventListener("change", apply);
    return make(
      "div",
      { class: "range", role: "group", "aria-label": title },
      make("span", { text: title }),
      from,
      make("span", { class: "to", "aria-hidden": "true", text: "to" }),
      to,
    );
  });
  return section("ranges", "Size and numbers", ...rows);
}

/** The filters in use as chips that take them out. */
export function showChosen(filters, change) {
  const chip = (text, next) =>
    make(
      "li",
      { class: "chosen-one" },
      make("span", { text }),
      iconButton("close", `Remove the filter ${text}`, () => change(next)),
    );
  const chips = [];
  for (const [, name, title] of lists)
    for (const value of filters[name] ?? []) {
      chips.push(
        chip(
          `${title}: ${value}`,
          withFilter(
            filters,
            name,
            filters[name].filter((other) => other !== value),
          ),
        ),
      );
    }
  for (const [name, yes, no] of flags)
    if (filters[name] !== undefined) chips.push(chip(filters[name] ? yes : no, withFilter(filters, name, undefined)));
  if (filters.folder) chips.push(chip(`Folder: ${filters.folder}`, withFilter(filters, "folder", undefined)));
  if (filters.name) chips.push(chip(`Path holds “${filters.name}”`, withFilter(filters, "name", undefined)));
  for (const [name, [least, most]] of Object.entries(filters.ranges ?? {})) {
    const title = ranges.find(([known]) => known === name)?.[1] ?? name;
    const rest = { ...filters.ranges };
    delete rest[name];
    const said =
      least === null
        ? `≤ ${number(most)}`
        : most === null
          ? `≥ ${number(least)}`
          : `${number(least)} to ${number(most)}`;
    chips.push(chip(`${title} ${said}`, withFilter(filters, "ranges", rest)));
  }
  if (chips.length > 1)
    chips.push(
      make(
        "li",
        {},
        button("Clear all", () => change({})),
      ),
    );
  byId("chosen").replaceChildren(...chips);
}
