// Keys of the whole page, and the dialog that lists them.

import { button, byId, make, openDialog } from "./dom.js";

const list = [
  ["/", "search by words"],
  ["Enter", "search; with Shift, add to the search"],
  ["← → ↑ ↓", "move through the models"],
  ["Enter", "open the model"],
  ["m", "more like this"],
  ["c", "compare: first one, then another"],
  ["f", "filters"],
  ["Esc", "close, or take back"],
  ["?", "this list"],
];
const viewer = [
  ["drag, ← → ↑ ↓", "turn"],
  ["wheel, + −", "nearer, farther"],
  ["w d u s r", "wireframe, dimensions, up axis, true sizes, reset"],
  ["p n", "previous, next"],
];

/** `escape()` is what Esc does where no dialog is open. */
export function startKeys(escape) {
  byId("help").addEventListener("click", showHelp);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") return escape();
    if (event.target.matches("input, select, textarea")) return;
    const act = { "/": () => focusWords(), "?": showHelp, f: toFilters }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

function focusWords() {
  const words = byId("words");
  words.focus();
  words.select();
}

/** Where the filters are always there, to the first of them. */
function toFilters() {
  if (byId("show-filters").offsetParent) byId("show-filters").click();
  else byId("filter-name")?.focus();
}

function showHelp() {
  const keys = (rows) =>
    make(
      "dl",
      { class: "keys" },
      rows.map(([key, does]) => [make("dt", {}, make("kbd", { text: key })), make("dd", { text: does })]),
    );
  const dialog = openDialog(
    { class: "card help", "aria-labelledby": "help-title" },
    make("h2", { id: "help-title", text: "Searching" }),
    make(
      "ul",
      { class: "hints" },
      [
        "Type words, drop or paste a picture, drop a 3D model, or choose “more like this”.",
        "A minus takes away: chair -wheels. Press + on a part to turn it to −, and give it a weight.",
        "“Combine” adds what comes next to what is there.",
        "Nothing leaves this machine, and no file is ever changed.",
      ].map((text) => make("li", { text })),
    ),
    make("h2", { text: "Keys" }),
    keys(list),
    make("h2", { text: "In 3D" }),
    keys(viewer),
    make(
      "p",
      { class: "buttons" },
      button("Close", () => dialog.close(), { autofocus: true }),
    ),
  );
}
