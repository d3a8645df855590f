// What the index knows of an item: numbers, findings, tags.

import * as api from "./api.js";
import { button, iconButton, make, say } from "./dom.js";
import { box, bytes, count, day, number, words } from "./format.js";

/** A list of facts; with the right to write, tags can be changed. */
export function facts(item, { status, tagged }) {
  const facets = item.facets;
  const rows = [
    ["Category", facets.category],
    ["Format", `${facets.format}, ${bytes(item.bytes)}`],
    ["Faces", facets.faces ? `${count(facets.faces)}, on ${count(facets.vertices)} vertices` : null],
    ["Width × height × depth", facets.faces ? box(facets.size) : null],
    ["Area", facets.area === null ? null : number(facets.area)],
    ["Volume", facets.volume === null ? (facets.faces ? "none: the surface is open" : null) : number(facets.volume)],
    [
      "Surface",
      [facets.watertight ? "watertight" : null, facets.textured ? "textured" : facets.coloured ? "coloured" : null]
        .filter(Boolean)
        .join(", ") || null,
    ],
    ["Changed", day(item.modified)],
    ["Indexed", day(item.added)],
  ].filter(([, value]) => value);
  return [
    make(
      "dl",
      { class: "facts" },
      rows.map(([name, value]) => [make("dt", { text: name }), make("dd", { text: value })]),
    ),
    item.problems.length > 0 &&
      make(
        "div",
        { class: "findings" },
        make("h3", { text: "Findings" }),
        make(
          "ul",
          {},
          item.problems.map((problem) =>
            make(
              "li",
              { class: problem.severity },
              make("strong", { text: `${words(problem.category)} · ${problem.severity}` }),
              make("span", { text: problem.reason }),
            ),
          ),
        ),
      ),
    ignored(item, status),
    tags(item, status, tagged),
  ];
}

/** The way back for an item that was left out of duplicates; the page of duplicates no longer shows it. */
function ignored(item, status) {
  if (!item.ignored) return null;
  const line = make("p", { class: "left-out" }, make("span", { text: "Left out of duplicates." }));
  if (status.authorized) {
    line.append(
      button("Take in again", () =>
        api.ignore([item.id], false).then(
          ({ items }) => {
            Object.assign(item, items[0]);
            line.remove();
          },
          (reason) => say(reason.message, { error: true }),
        ),
      ),
    );
  }
  return line;
}

/** Tags, and a field for a new one where they may be changed. */
export function tags(item, status, tagged) {
  const holder = make("div", { class: "tags" });
  const change = async (edit) => {
    try {
      const { items } = await api.tag([item.id], edit);
      Object.assign(item, items[0]);
      draw();
      tagged?.(item);
    } catch (reason) {
      say(reason.message, { error: true });
    }
  };
  const draw = () => {
    const may = status.authorized;
    const list = item.tags.map((tag) =>
      make(
        "li",
        { class: "tag" },
        make("span", { text: tag }),
        may && iconButton("close", `Remove the tag ${tag}`, () => change({ remove: [tag] })),
      ),
    );
    holder.replaceChildren(
      ...[list.length > 0 && make("ul", { "aria-label": "Tags" }, list), may && field(change, item)].filter(Boolean),
    );
  };
  draw();
  return holder;
}

function field(change, item) {
  const input = make("input", {
    type: "text",
    maxlength: 100,
    placeholder: "New tag",
    "aria-label": `New tag for ${item.name}`,
  });
  const add = () => input.value.trim() && change({ add: [input.value.trim()] });
  input.addEventListener("keydown", (event) => event.key === "Enter" && add());
  return make("p", { class: "new-tag" }, input, button("Tag", add));
}
