// Building the page. Text enters it as text nodes only, so that a file's name is never markup.

/** An element: `props` are attributes, except `class`, `text`, `on` (event -> listener) and booleans. */
export function make(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name === "on")
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false),
  );
  return element;
}

/** One of the page's symbols, for the eye only. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Words for screen readers that are not seen. */
export const unseen = (text) => make("span", { class: "hidden", text });

/** A file's name or path that may be broken behind its separators, and elsewhere only where it must. */
export const breakable = (text) =>
  text.split(/(?<=[_\-./])/u).map((piece, row) => (row ? [make("wbr"), piece] : piece));

/** A button with a symbol; its name is said and shown as a tip. */
export function iconButton(name, label, listener, props = {}) {
  return make(
    "button",
    { type: "button", class: "round", title: label, on: { click: listener }, ...props },
    icon(name),
    unseen(label),
  );
}

/** A button with words. */
export const button = (label, listener, props = {}) =>
  make("button", { type: "button", class: "plain", text: label, on: { click: listener }, ...props });

export const byId = (id) => document.getElementById(id);

/** A dialog that is there only while it is open, closes by Esc and by its button, and gives the focus back. */
export function openDialog(props, ...children) {
  const before = document.activeElement;
  const dialog = make("dialog", props, ...children);
  document.body.append(dialog);
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (before instanceof HTMLElement && before.isConnected) before.focus();
  });
  dialog.showModal();
  return dialog;
}

let timer = 0;

/** Say something that needs no answer; errors stay until the next word. */
export function say(text, { error = false } = {}) {
  const line = byId("message");
  clearTimeout(timer);
  line.classList.toggle("error", error);
  line.replaceChildren(
    make("span", { text }),
    iconButton("close", "Close the message", () => (line.hidden = true)),
  );
  line.hidden = false;
  if (!error) timer = setTimeout(() => (line.hidden = true), 6000);
}

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
