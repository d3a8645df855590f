// The parts of a query as chips: what it is, its weight, towards or away, and the way out.

import { cropPicture } from "./crop.js";
import { make, icon, iconButton, unseen, byId } from "./dom.js";
import { fileOf } from "./query.js";

const weights = [0.25, 0.5, 1, 2, 4];
const kinds = { text: "Words", image: "Picture", model: "Model", like: "Like" };

/** Draw the chips; `change(parts)` is called with new ones, `combining` says whether the next one is added. */
export function showParts(parts, { change, combining, setCombining, thumbnail }) {
  const row = byId("parts");
  row.hidden = !parts.length;
  row.replaceChildren(
    ...parts.map((part, index) =>
      chip(part, {
        thumbnail,
        replace: (next) => change(parts.map((other, place) => (place === index ? next : other))),
        remove: () => change(parts.filter((_, place) => place !== index)),
      }),
    ),
  );
  if (!parts.length) return;
  row.append(
    make("button", {
      type: "button",
      class: "plain combine",
      "aria-pressed": String(combining),
      text: "Combine",
      title: "Add what comes next to these parts instead of starting anew",
      on: { click: () => setCombining(!combining) },
    }),
    make("button", { type: "button", class: "plain", text: "Clear", on: { click: () => change([]) } }),
  );
}

function chip(part, { replace, remove, thumbnail }) {
  const sign = part.negative ? "Away from" : "Towards";
  const name = `${kinds[part.kind]}: ${part.label}`;
  const select = make(
    "select",
    {
      "aria-label": `Weight of ${name}`,
      title: "Weight",
      on: {
        change: (event) => replace({ ...part, weight: Number(event.target.value) }),
      },
    },
    [...new Set([...weights, part.weight])]
      .sort((a, b) => a - b)
      .map((weight) => make("option", { value: weight, selected: weight === part.weight, text: `× ${weight}` })),
  );
  return make(
    "div",
    { class: part.negative ? "chip away" : "chip", "data-kind": part.kind },
    make(
      "button",
      {
        type: "button",
        class: "sign",
        "aria-pressed": String(part.negative),
        title: `${sign}; press to turn`,
        on: { click: () => replace({ ...part, negative: !part.negative }) },
      },
      make("span", { "aria-hidden": "true", text: part.negative ? "−" : "+" }),
      unseen(`Search away from ${name}`),
    ),
    face(part, thumbnail, replace),
    make("span", { class: "label", text: part.kind === "like" ? `like ${part.label}` : part.label, title: part.label }),
    select,
    iconButton("close", `Remove ${name}`, remove),
  );
}

/** What stands for a part: the picture itself, the item's picture, or a symbol. */
function face(part, thumbnail, replace) {
  if (part.kind === "image") {
    const crop = () => cropPicture(fileOf(part), part.box, (box) => replace({ ...part, box })).catch(() => {}); // the server says what is wrong with it
    return make(
      "button",
      {
        type: "button",
        class: "face",
        title: "Search for a part of this picture",
        "data-crop": "",
        on: { click: crop },
      },
      preview(fileOf(part), part.box),
      unseen(`Search for a part of ${part.label}`),
    );
  }
  if (part.kind === "like")
    return make("span", { class: "face" }, make("img", { src: thumbnail(part.value), alt: "", class: "strip" }));
  return make("span", { class: "face" }, icon(part.kind === "text" ? "search" : "model"));
}

/** A dropped picture or the box of it, cut to a square; drawn, so that no address is needed for it. */
function preview(file, [left, top, right, bottom] = [0, 0, 1, 1], side = 64) {
  const canvas = make("canvas", { width: side, height: side, "aria-hidden": "true" });
  createImageBitmap(file).then(
    (bitmap) => {
      const [width, height] = [(right - left) * bitmap.width, (bottom - top) * bitmap.height];
      const edge = Math.min(width, height);
      const from = [left * bitmap.width + (width - edge) / 2, top * bitmap.height + (height - edge) / 2];
      canvas.getContext("2d").drawImage(bitmap, ...from, edge, edge, 0, 0, side, side);
      bitmap.close();
    },
    () => canvas.classList.add("blank"),
  ); // the server says what is wrong with it
  return canvas;
}
