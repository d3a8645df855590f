// What is wrong with files, the most serious first.

import * as api from "./api.js";
import { breakable, button, byId, make } from "./dom.js";
import { count, words } from "./format.js";

const page = 100;

/** Fill the page. `actions`: open(items), filter(category). */
export async function showProblems(actions) {
  const holder = byId("page-problems");
  const line = make("p", { class: "count", role: "status", text: "Reading …" });
  const body = make("tbody");
  const table = make(
    "table",
    { class: "problems", hidden: true },
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        ["Severity", "Finding", "File", "Reason"].map((text) => make("th", { scope: "col", text })),
      ),
    ),
    body,
  );
  const rest = make("p", { class: "more" });
  holder.replaceChildren(
    make("div", { class: "page-head" }, make("h1", { id: "problems-title", text: "Problems" })),
    make("p", {
      class: "note",
      text: "Files that could not be read, and what was noticed about those that could. One bad file never stops the others.",
    }),
    line,
    table,
    rest,
  );
  const more = async (offset) => {
    rest.replaceChildren();
    try {
      const answer = await api.problems({ limit: page, offset });
      line.textContent = answer.total
        ? `${count(answer.total)} ${answer.total === 1 ? "finding" : "findings"}`
        : "Nothing was found to be wrong.";
      table.hidden = !answer.total;
      body.append(...answer.problems.map((problem) => row(problem, actions)));
      if (answer.next !== null && answer.next !== undefined)
        rest.append(button("Show more", () => more(answer.next), { class: "wide" }));
    } catch (reason) {
      line.textContent = reason.message;
    }
  };
  await more(0);
}

function row(problem, actions) {
  const { item } = problem;
  return make(
    "tr",
    {},
    make("td", {}, make("span", { class: `severity ${problem.severity}`, text: problem.severity })),
    make("td", { text: words(problem.category) }),
    make(
      "td",
      {},
      make(
        "button",
        { type: "button", class: "link", on: { click: () => actions.open([item]) } },
        breakable(item.path),
      ),
    ),
    make("td", { class: "reason", text: problem.reason }),
  );
}
