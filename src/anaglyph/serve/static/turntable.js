// A model's picture: one PNG with all its views side by side, of which a square shows one. It turns under the
// pointer and while it has the focus; never where its user asked for less motion.

import { make, calm } from "./dom.js";
import { describe } from "./format.js";

const pace = 140; // milliseconds a view
let turning = null;

/** A square picture of an item; `view` is the one to rest on. */
export function picture(item, { view = 0, alt = describe(item) } = {}) {
  const frame = make("span", { class: "picture" });
  if (!item.thumbnail) {
    frame.classList.add("blank");
    frame.append(make("span", { text: item.facets.format || "?" }));
    return frame;
  }
  const image = make("img", { src: item.thumbnail, alt, loading: "lazy", decoding: "async", draggable: "false" });
  image.addEventListener("load", () => show(image, view), { once: true });
  image.addEventListener("error", () => frame.classList.add("blank"), { once: true });
  frame.append(image);
  frame.dataset.view = view;
  return frame;
}

const views = (image) => Math.max(1, Math.round(image.naturalWidth / Math.max(1, image.naturalHeight)));

function show(image, view) {
  const total = views(image);
  image.style.objectPosition = total > 1 ? `${(100 * (view % total)) / (total - 1)}% 0` : "50% 50%";
}

/** Turn the picture in an element until `stop`. */
export function turn(element) {
  stop();
  const frame = element.querySelector(".picture");
  const image = frame?.querySelector("img");
  if (!image || !image.complete || views(image) < 2 || calm()) return;
  let view = Number(frame.dataset.view);
  const timer = setInterval(() => show(image, ++view), pace);
  turning = { timer, image, rest: Number(frame.dataset.view) };
}

/** Back to rest. */
export function stop() {
  if (!turning) return;
  clearInterval(turning.timer);
  show(turning.image, turning.rest);
  turning = null;
}

/** Let the pictures in the tiles of a list turn. */
export function attend(list, selector) {
  const tile = (event) => event.target.closest(selector);
  list.addEventListener("pointerover", (event) => {
    const at = tile(event);
    if (at && !at.contains(event.relatedTarget) && event.pointerType !== "touch") turn(at);
  });
  list.addEventListener("pointerout", (event) => {
    const at = tile(event);
    if (at && !at.contains(event.relatedTarget)) stop();
  });
  list.addEventListener("focusin", (event) => {
    const at = tile(event);
    if (at && event.target.matches(":focus-visible")) turn(at);
  });
  list.addEventListener("focusout", stop);
}
