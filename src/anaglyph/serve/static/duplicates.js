// Review of duplicates: groups side by side. Nothing here touches a file; it writes tags and "ignored" into
// the index.

import * as api from "./api.js";
import { button, byId, icon, make, say, unseen } from "./dom.js";
import { box, bytes, count, percent } from "./format.js";
import { tags } from "./facts.js";
import { attend, picture } from "./turntable.js";

const page = 20;
const keep = "keep";
const kinds = { exact: "Exact copies", near: "Near duplicates" };

/** Fill the page. `actions`: open(items), status. */
export async function showDuplicates(actions, kind = "exact") {
  const holder = byId("page-duplicates");
  const list = make("div", { class: "groups" });
  const line = make("p", { class: "count", role: "status", text: "Looking for duplicates …" });
  holder.replaceChildren(
    make(
      "div",
      { class: "page-head" },
      make("h1", { id: "duplicates-title", text: "Duplicates" }),
      make(
        "div",
        { class: "switch", role: "group", "aria-label": "Kind of duplicates" },
        Object.entries(kinds).map(([name, label]) =>
          button(label, () => showDuplicates(actions, name), { "aria-pressed": String(name === kind) }),
        ),
      ),
    ),
    readOnly(actions.status),
    line,
    list,
  );
  attend(list, ".twin");
  await more(actions, kind, list, line, 0);
}

/** Why the buttons do nothing, where they do nothing. */
function readOnly({ write, authorized }) {
  if (authorized)
    return make("p", {
      class: "note",
      text: "Keep, ignore and tags are notes in the index. Files are never moved, changed or deleted.",
    });
  const why = write
    ? "Open the address that “anaglyph serve” printed, or give its token, to keep, ignore and tag."
    : "This server is read-only: groups can be looked at, not reviewed. Start it with --write to keep, ignore and tag.";
  return make("p", { class: "note locked", id: "locked", text: why });
}

async function more(actions, kind, list, line, offset) {
  let answer;
  try {
    answer = await api.duplicates({ kind, limit: page, offset });
  } catch (reason) {
    line.textContent = reason.message;
    return;
  }
  line.textContent = answer.total
    ? `${count(answer.total)} ${answer.total === 1 ? "group" : "groups"}`
    : kind === "exact"
      ? "No file is here twice."
      : "No models are nearly the same.";
  list.append(...answer.groups.map((group, row) => card(group, offset + row + 1, actions)));
  if (answer.next !== null && answer.next !== undefined) {
    const line2 = make(
      "p",
      { class: "more" },
      button(
        "Show more",
        () => {
          line2.remove();
          more(actions, kind, list, line, answer.next);
        },
        { class: "wide" },
      ),
    );
    list.append(line2);
  }
}

function card(group, number, actions) {
  const exact = group.kind === "exact";
  const size = group.items.reduce((sum, item) => sum + item.bytes, 0);
  const title = exact ? "Exact copies" : "Nearly the same";
  const element = make(
    "section",
    {
      class: group.items.length > 2 ? "group long" : "group",
      "data-kind": group.kind,
      "aria-label": `Group ${number}: ${title}`,
    },
    make(
      "div",
      { class: "group-head" },
      make("h2", { text: title }),
      make("span", { text: `${count(group.size)} files, ${bytes(size)}` }),
      make("span", { class: "push" }),
      make(
        "button",
        {
          type: "button",
          class: "plain",
          title: "The first two side by side in 3D",
          on: { click: () => actions.open(group.items.slice(0, 2)) },
        },
        icon("compare"),
        "Compare in 3D",
      ),
    ),
    make(
      "ul",
      { class: "twins" },
      group.items.map((item, row) => twin(item, actions, exact ? null : row ? group.similarities[row] : "first")),
    ),
  );
  return element;
}

/** `alike`: cosine with the first of the group, "first" for that one, null for copies. */
function twin(item, actions, alike) {
  const element = make("li", { class: "twin", "data-id": item.id });
  const may = actions.status.authorized;
  const run = async (work) => {
    try {
      const { items } = await work();
      Object.assign(item, items[0]);
      draw();
    } catch (reason) {
      say(reason.message, { error: true });
    }
  };
  const act = (label, pressed, listener) =>
    make(
      "button",
      {
        type: "button",
        class: "plain",
        "aria-pressed": String(pressed),
        disabled: !may,
        title: may ? undefined : byId("locked")?.textContent,
        "data-act": label.toLowerCase(),
        on: { click: listener },
      },
      label,
      unseen(` ${item.name}`),
    );
  const draw = () => {
    const kept = item.tags.includes(keep);
    element.classList.toggle("kept", kept);
    element.classList.toggle("ignored", item.ignored);
    element.replaceChildren(
      make(
        "button",
        { type: "button", class: "open", "aria-label": `Open ${item.name}`, on: { click: () => actions.open([item]) } },
        picture(item, { alt: "" }),
      ),
      make("strong", { class: "name", text: item.name, title: item.path }),
      make("span", { class: "where", text: item.folder }),
      alike !== null &&
        make("span", { class: "alike", text: alike === "first" ? "the first" : `${percent(alike)} like the first` }),
      make("span", { class: "numbers", text: `${bytes(item.bytes)} · ${count(item.facets.faces)} faces` }),
      make("span", { class: "numbers", text: box(item.facets.size) }),
      make(
        "span",
        { class: "acts" },
        act("Keep", kept, () => run(() => api.tag([item.id], kept ? { remove: [keep] } : { add: [keep] }))),
        act("Ignore", item.ignored, () => run(() => api.ignore([item.id], !item.ignored))),
      ),
      tags(item, actions.status),
    );
  };
  draw();
  return element;
}
