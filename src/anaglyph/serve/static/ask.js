// What comes in: words, and pictures and models that are chosen, dropped, pasted or photographed.

import { byId, say } from "./dom.js";
import { filePart, textParts } from "./query.js";
import { takePhoto } from "./camera.js";

const pictures = new Set(["image/png", "image/jpeg", "image/webp"]);
let limits = { picture_bytes: Infinity, upload_bytes: Infinity, text: 1000 };
let formats = [];
let reads = new Set(["text", "image", "model", "like"]);

/** `ask(parts, {combine})` starts a search with parts, or adds them. */
export function startAsking(ask, hasParts) {
  const words = byId("words");
  byId("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    ask(textParts(words.value), { text: true });
  });
  words.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.shiftKey) return;
    event.preventDefault();
    ask(textParts(words.value), { combine: true });
  });
  const take = (files, combine) => {
    const parts = [...files].map(partOf).filter(Boolean);
    if (parts.length) ask(parts, { combine });
  };
  for (const [button, input] of [
    ["choose-picture", "picture-file"],
    ["choose-model", "model-file"],
  ]) {
    byId(button).addEventListener("click", () => byId(input).click());
    byId(input).addEventListener("change", (event) => {
      take(event.target.files);
      event.target.value = ""; // the same file may be chosen again
    });
  }
  byId("use-camera").addEventListener("click", () => takePhoto((file) => take([file])));
  document.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files ?? [];
    if (!files.length) return;
    event.preventDefault();
    take(files);
  });
  watchDrops(take, hasParts);
}

/** What the server said it takes. */
export function admit(status) {
  limits = status.limits;
  formats = status.formats;
  reads = new Set(status.reads);
  byId("model-file").accept = formats.map((format) => `.${format}`).join(",");
  byId("words").maxLength = limits.text;
  byId("words").disabled = !reads.has("text");
  for (const name of ["choose-picture", "use-camera"]) byId(name).disabled = !reads.has("image");
  byId("choose-model").disabled = !reads.has("model");
}

function partOf(file) {
  const suffix = file.name.includes(".") ? file.name.split(".").pop().toLowerCase() : "";
  const kind = pictures.has(file.type) ? "image" : formats.includes(suffix) ? "model" : null;
  if (!kind) {
    say(`${file.name}: neither a picture (PNG, JPEG, WebP) nor a 3D model (${formats.join(", ")}).`, { error: true });
    return null;
  }
  if (!reads.has(kind)) {
    say(`The model of this index reads no ${kind === "image" ? "pictures" : "3D models"}.`, { error: true });
    return null;
  }
  const most = kind === "image" ? limits.picture_bytes : limits.upload_bytes;
  if (file.size > most) {
    say(`${file.name} has ${Math.ceil(file.size / 1e6)} MB; at most ${Math.floor(most / 1e6)} MB can be searched by.`, {
      error: true,
    });
    return null;
  }
  return filePart(kind, file);
}

function watchDrops(take, hasParts) {
  const veil = byId("drop");
  const adding = veil.querySelector('[data-drop="add"]');
  const brings = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    adding.hidden = !hasParts();
    veil.hidden = false;
  });
  addEventListener("dragover", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    const zone = event.target.closest?.(".zone");
    for (const each of veil.children) each.classList.toggle("over", each === zone);
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) veil.hidden = true;
  });
  addEventListener("drop", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    veil.hidden = true;
    take(event.dataTransfer.files, event.target.closest?.(".zone")?.dataset.drop === "add");
  });
}
