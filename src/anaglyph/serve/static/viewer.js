// The viewer: one item, or two side by side, in 3D with everything the index knows of them.

import * as api from "./api.js";
import { breakable, byId, button, icon, iconButton, make, openDialog, say } from "./dom.js";
import { Scene } from "./scene.js";
import { facts } from "./facts.js";
import { readMesh } from "./mesh.js";
import { picture } from "./turntable.js";

let open = null;

/** Close it, where it is open. */
export const closeViewer = () => open?.dialog.close();

/**
 * Show items. `actions`: like(item), compare(item), neighbour(item, step) -> item or undefined, tagged(item),
 * status.
 */
export function view(items, actions) {
  open?.dialog.close();
  const stage = make("div", { class: "stage" });
  const about = make("div", { class: "about" });
  const dialog = openDialog(
    { class: items.length > 1 ? "viewer two" : "viewer", "aria-label": items.map((item) => item.name).join(" and ") },
    stage,
    about,
  );
  const state = {
    dialog,
    stage,
    about,
    items,
    actions,
    scene: null,
    loading: new AbortController(),
    options: { wireframe: false, up: "y", dimensions: false, scale: false },
  };
  open = state;
  dialog.addEventListener("close", () => close(state));
  dialog.addEventListener("keydown", (event) => keys(event, state));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  describeItems(state);
  load(state);
}

function close(state) {
  state.loading.abort();
  state.scene?.close();
  if (open === state) open = null;
}

/** Fetch the triangles, and show the still picture until they are there. */
async function load(state) {
  const { stage, items } = state;
  const still = make(
    "div",
    { class: "stills" },
    items.map((item) => picture(item)),
  );
  const line = make("p", { class: "stage-line", role: "status", text: "Loading the model …" });
  stage.append(still, line, toolbar(state));
  const signal = state.loading.signal;
  try {
    const meshes = await Promise.all(
      items.map(async (item) => {
        if (!item.mesh) throw new Error(`${item.name} could not be read, so there is nothing to turn.`);
        return readMesh(await api.mesh(item.mesh, signal));
      }),
    );
    if (signal.aborted) return;
    state.scene = new Scene(stage);
    state.scene.canvas.setAttribute(
      "aria-label",
      `3D view of ${items.map((item) => item.name).join(" and ")}. Arrow keys turn, plus and minus zoom.`,
    );
    state.scene.canvas.addEventListener(
      "webglcontextlost",
      () =>
        !signal.aborted &&
        say("The browser took the 3D picture back; close the viewer and open it again.", { error: true }),
    );
    state.scene.options = { ...state.options };
    state.scene.show(meshes);
    still.remove();
    line.remove();
  } catch (reason) {
    if (signal.aborted) return;
    line.textContent =
      reason instanceof api.Refused || !/webgl/i.test(reason.message)
        ? reason.message
        : "This browser has no WebGL, so the still picture has to do.";
  }
}

function toolbar(state) {
  const set = (change) => {
    Object.assign(state.options, change);
    state.scene?.set(change);
    refresh();
  };
  const toggle = (name, label, key, title) => {
    const control = make("button", {
      type: "button",
      class: "plain",
      title: `${title} (${key})`,
      "data-option": name,
      text: label,
    });
    control.addEventListener("click", () =>
      name === "up" ? set({ up: state.options.up === "y" ? "z" : "y" }) : set({ [name]: !state.options[name] }),
    );
    return control;
  };
  const controls = [
    toggle("wireframe", "Wireframe", "w", "Edges of all faces"),
    toggle("dimensions", "Dimensions", "d", "The box and its lengths"),
    toggle("up", "Up: y", "u", "Which axis of the file points up"),
    state.items.length > 1 && toggle("scale", "True sizes", "s", "Both at the same scale"),
  ].filter(Boolean);
  const refresh = () => {
    for (const control of controls) {
      const name = control.dataset.option;
      if (name === "up") control.textContent = `Up: ${state.options.up}`;
      else control.setAttribute("aria-pressed", String(state.options[name]));
    }
  };
  refresh();
  return make(
    "div",
    { class: "tools-3d", role: "toolbar", "aria-label": "3D view" },
    controls,
    button("Reset", () => state.scene?.home(), { title: "Back to the first look (r)", "data-option": "reset" }),
  );
}

function describeItems(state) {
  const { about, items, actions, dialog } = state;
  const steps =
    items.length > 1
      ? []
      : [-1, 1].map((step) => {
          const next = actions.neighbour?.(items[0], step);
          const label = step < 0 ? "Previous" : "Next";
          return make("button", {
            type: "button",
            class: "plain",
            disabled: !next,
            "data-step": step,
            text: label,
            title: step < 0 ? "Previous (p)" : "Next (n)",
            on: { click: () => next && view([next], actions) },
          });
        });
  about.append(
    make(
      "div",
      { class: "about-head" },
      steps,
      make("span", { class: "push" }),
      iconButton("close", "Close (Esc)", () => dialog.close(), { "data-close": "" }),
    ),
  );
  for (const item of items) {
    about.append(
      make(
        "article",
        { class: "item" },
        make("h2", {}, breakable(item.name)),
        make(
          "p",
          { class: "path" },
          make("span", {}, breakable(fullPath(item))),
          iconButton("copy", `Copy the path of ${item.name}`, () => copy(fullPath(item))),
        ),
        make(
          "p",
          { class: "buttons" },
          make(
            "button",
            {
              type: "button",
              class: "plain strong",
              on: {
                click: () => {
                  dialog.close();
                  actions.like(item);
                },
              },
            },
            icon("like"),
            "More like this",
          ),
          items.length < 2 &&
            make(
              "button",
              {
                type: "button",
                class: "plain",
                on: {
                  click: () => {
                    dialog.close();
                    actions.compare(item);
                  },
                },
              },
              icon("compare"),
              "Compare",
            ),
          item.model &&
            make(
              "a",
              { class: "plain", href: item.model, download: `${item.name}.${item.facets.format}` },
              icon("save"),
              "Download",
            ),
        ),
        facts(item, actions),
      ),
    );
  }
}

const fullPath = (item) => (item.root ? `${item.root.replace(/\/$/, "")}/${item.path}` : item.path);

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say("The path is in the clipboard.");
  } catch {
    say(text); // no clipboard without https: to be marked by hand
  }
}

function keys(event, state) {
  if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  const option = { w: "wireframe", d: "dimensions", u: "up", s: "scale", r: "reset" }[event.key];
  const step = { p: -1, n: 1 }[event.key];
  const control = option
    ? state.dialog.querySelector(`[data-option="${option}"]`)
    : step
      ? state.dialog.querySelector(`[data-step="${step}"]`)
      : null;
  if (!control) {
    if (state.scene && event.target !== state.scene.canvas) state.scene.orbit(event);
    return;
  }
  event.preventDefault();
  event.stopPropagation();
  control.click();
}

/** Marking a first item, and showing it beside the second. */
export function startComparing(show) {
  let first = null;
  const bar = byId("marked");
  const end = () => {
    first = null;
    bar.hidden = true;
    bar.replaceChildren();
  };
  return {
    end,
    active: () => first !== null,
    choose(item) {
      if (first && first.id !== item.id) {
        const both = [first, item];
        end();
        show(both);
        return;
      }
      first = item;
      bar.replaceChildren(
        picture(item, { alt: "" }),
        make("span", { text: `Compare ${item.name} with: choose “Compare” on another model.` }),
        button("Cancel", end),
      );
      bar.hidden = false;
    },
  };
}
