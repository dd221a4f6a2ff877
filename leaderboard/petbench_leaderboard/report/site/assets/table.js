// Sort, filter, choose columns, compare two rows; the state stands in the address, so that a link keeps it.
"use strict";

(() => {
  const form = document.getElementById("filters");
  const boards = [...document.querySelectorAll("section.board")];
  const tables = boards.map((board) => board.querySelector("table.ranking")).filter(Boolean);
  const state = { sort: {}, hidden: new Set(), shown: new Set() }; // columns that somebody chose to hide, or to show

  const rowsOf = (table) => [...table.tBodies[0].rows];
  const original = new Map(tables.map((table) => [table, rowsOf(table)]));
  const headsOf = (table) => [...table.tHead.rows[0].cells];
  const boardOf = (table) => table.closest("section.board");

  // ---- filters -------------------------------------------------------------------------------------------------

  const fill = (name) => {
    const values = new Set();
    for (const row of document.querySelectorAll("table.ranking tbody tr")) {
      if (row.dataset[name]) values.add(row.dataset[name]);
    }
    for (const value of [...values].sort()) form.elements[name].add(new Option(value, value));
  };

  const matches = (row) => {
    const wanted = form.elements;
    const words = wanted.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = row.textContent.toLowerCase();
    return words.every((word) => text.includes(word))
      && ["supervision", "device", "verification"].every((name) => !wanted[name].value || row.dataset[name] === wanted[name].value)
      && (!wanted.since.value || row.dataset.date >= wanted.since.value);
  };

  const filter = () => {
    let shown = 0;
    let all = 0;
    for (const board of boards) {
      board.hidden = Boolean(form.elements.board.value) && form.elements.board.value !== board.id;
      const opening = document.getElementById(`about-${board.id}`);
      if (opening) opening.hidden = board.hidden;
    }
    for (const table of tables) {
      for (const row of rowsOf(table)) {
        row.hidden = !matches(row);
        if (!boardOf(table).hidden) {
          all += 1;
          shown += row.hidden ? 0 : 1;
        }
      }
    }
    document.getElementById("shown").textContent = shown === all ? `${all} rows` : `${shown} of ${all} rows`;
  };

  // ---- sorting -------------------------------------------------------------------------------------------------

  const valueOf = (row, column) => {
    const text = row.cells[column].dataset.sort ?? "";
    if (text === "") return null;
    const number = Number(text === "inf" ? "Infinity" : text === "-inf" ? "-Infinity" : text);
    return Number.isNaN(number) ? text.toLowerCase() : number;
  };

  const compareValues = (first, second) => {
    if (typeof first === "number" && typeof second === "number") return first - second;
    return String(first).localeCompare(String(second));
  };

  // Of a metric that is best at a value, how far from it; any other value as it is.
  const worth = (head, value) => (
    head.dataset.best === undefined || typeof value !== "number" ? value : Math.abs(value - Number(head.dataset.best)));

  const sort = (table, column, direction) => {
    const rows = [...original.get(table)];
    const head = headsOf(table)[column];
    if (direction) {
      rows.sort((first, second) => {
        const [one, two] = [valueOf(first, column), valueOf(second, column)];
        if (one === null || two === null) return (one === null) - (two === null); // what is missing comes last
        return (direction === "up" ? 1 : -1) * compareValues(worth(head, one), worth(head, two));
      });
    }
    table.tBodies[0].append(...rows);
    headsOf(table).forEach((head, index) => {
      if (index === column && direction) head.setAttribute("aria-sort", direction === "up" ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
    if (direction) state.sort[boardOf(table).id] = [headsOf(table)[column].dataset.column, direction];
    else delete state.sort[boardOf(table).id];
  };

  const makeSortable = (table) => {
    headsOf(table).forEach((head, column) => {
      if (!head.dataset.column) return;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const first = head.dataset.better === "high" ? "down" : "up";
        const now = head.getAttribute("aria-sort");
        const next = !now ? first : now === (first === "up" ? "ascending" : "descending") ? (first === "up" ? "down" : "up") : "";
        sort(table, column, next);
        remember();
      });
    });
  };

  // ---- columns -------------------------------------------------------------------------------------------------

  const INTERVALS = -1; // stands for no column but for what all of them have
  const crowded = new Map(tables.map((table) => [table, new Set()])); // columns for which there is no room
  const narrow = matchMedia("(max-width: 40rem)"); // there a table is pushed aside with a finger

  const isHidden = (table, name) => state.hidden.has(name) || (crowded.get(table).has(name) && !state.shown.has(name));

  const place = (table, column) => {
    const hidden = isHidden(table, headsOf(table)[column].dataset.column);
    for (const row of [table.tHead.rows[0], ...rowsOf(table)]) row.cells[column].hidden = hidden;
  };

  // What goes first where there is no room: columns without a value, costs, the other metrics' intervals, metrics.
  const expendable = (table) => {
    const rank = (column) => {
      if (rowsOf(table).every((row) => !row.cells[column].dataset.sort)) return 0;
      return headsOf(table)[column].dataset.kind === "cost" ? 1 : 3;
    };
    return headsOf(table)
      .map((head, column) => ({ head, column }))
      .filter(({ head }) => "better" in head.dataset && !head.classList.contains("ranked-by"))
      .map(({ column }) => ({ column, rank: rank(column) }))
      .concat({ column: INTERVALS, rank: 2 })
      .sort((one, two) => one.rank - two.rank || two.column - one.column)
      .map(({ column }) => column);
  };

  const drop = (table, column) => {
    if (column === INTERVALS) {
      table.classList.add("tight");
    } else {
      crowded.get(table).add(headsOf(table)[column].dataset.column);
      place(table, column);
    }
  };

  const bring = (table, column) => {
    crowded.get(table).delete(headsOf(table)[column].dataset.column);
    place(table, column);
  };

  const fit = (table) => {
    const room = table.closest(".scroll");
    crowded.get(table).clear();
    table.classList.remove("tight");
    headsOf(table).forEach((_, column) => place(table, column));
    if (narrow.matches || boardOf(table).hidden) return;
    const overflows = () => room.scrollWidth > room.clientWidth;
    const dropped = [];
    for (const column of expendable(table)) {
      if (!overflows()) break;
      drop(table, column);
      dropped.unshift(column);
    }
    for (const column of dropped.filter((each) => each !== INTERVALS)) { // without intervals there may be room again
      bring(table, column);
      if (overflows()) drop(table, column);
    }
  };

  const showColumns = () => {
    for (const table of tables) {
      fit(table);
      const names = headsOf(table).map((head) => head.dataset.column);
      const out = names.filter((name) => crowded.get(table).has(name) && isHidden(table, name) && !state.hidden.has(name));
      if (table.matches(".tight:has(td:not(.ranked-by) .interval)")) out.unshift("intervals of further metrics");
      const note = boardOf(table).querySelector(".left-out");
      note.hidden = !out.length;
      note.textContent = `No room for ${out.map((name) => name.trim()).join("; ")}: see Columns.`;
      for (const box of boardOf(table).querySelectorAll(".choices input")) box.checked = !isHidden(table, box.value);
    }
  };

  const makeColumnChoice = (table) => {
    const choices = boardOf(table).querySelector(".choices");
    for (const head of headsOf(table)) {
      const name = head.dataset.column;
      if (!name || name === "method" || name === "rank") continue;
      const label = document.createElement("label");
      const box = document.createElement("input");
      box.type = "checkbox";
      box.checked = true;
      box.value = name;
      label.append(box, name);
      choices.append(label);
      box.addEventListener("change", () => {
        state.hidden.delete(name);
        state.shown.delete(name);
        (box.checked ? state.shown : state.hidden).add(name);
        showColumns();
        remember();
      });
    }
  };

  // ---- comparison ----------------------------------------------------------------------------------------------

  const picked = (table) => rowsOf(table).filter((row) => row.cells[0].querySelector("input").checked);

  const compare = (table) => {
    const panel = boardOf(table).querySelector(".comparison");
    const [first, second] = picked(table);
    panel.replaceChildren();
    panel.hidden = !second;
    if (!second) return;
    const made = document.createElement("table");
    const line = (cells, tag) => {
      const row = made.insertRow();
      cells.forEach((text, index) => {
        const cell = document.createElement(index === 0 ? "th" : tag);
        if (index === 0 || tag === "th") cell.scope = index === 0 ? "row" : "col";
        if (index === 0) cell.className = "text";
        cell.textContent = text;
        row.append(cell);
      });
      return row;
    };
    const name = (row) => row.querySelector("th.method b").textContent;
    const difference = (head, one, two, written) => {
      if (head.dataset.kind === "cost") return one > 0 ? `× ${Number((two / one).toPrecision(3))}` : "";
      const digits = written.match(/\.(\d+)/)?.[1].length ?? 0;
      return (two - one > 0 ? "+" : "") + (two - one).toFixed(digits).replace("-", "−");
    };
    line(["", name(first), name(second), "second − first"], "th");
    headsOf(table).forEach((head, column) => {
      const title = head.dataset.column;
      if (!title || title === "method" || title === "rank") return;
      const clean = (row) => {
        const cell = row.cells[column].cloneNode(true);
        cell.querySelectorAll("small, sup").forEach((part) => part.remove());
        return cell.textContent.trim();
      };
      const [one, two] = [valueOf(first, column), valueOf(second, column)];
      const both = typeof one === "number" && typeof two === "number";
      const apart = both ? difference(head, one, two, clean(first)) : "";
      const row = line([title, clean(first), clean(second), apart], "td");
      const [far, farther] = [worth(head, one), worth(head, two)];
      if (both && (head.dataset.better || head.dataset.best !== undefined) && far !== farther) {
        row.cells[(farther > far) === (head.dataset.better === "high") ? 2 : 1].classList.add("ahead");
      }
    });
    panel.append(made);
  };

  const makeComparable = (table) => {
    const button = boardOf(table).querySelector("button.compare");
    table.tBodies[0].addEventListener("change", (event) => {
      const chosen = picked(table);
      if (chosen.length > 2) chosen.find((row) => row.cells[0].firstElementChild !== event.target).cells[0].firstElementChild.checked = false;
      button.disabled = picked(table).length !== 2;
      if (!boardOf(table).querySelector(".comparison").hidden) compare(table);
      remember();
    });
    button.addEventListener("click", () => {
      compare(table);
      boardOf(table).querySelector(".comparison").focus();
      remember();
    });
  };

  // ---- the address ---------------------------------------------------------------------------------------------

  const remember = () => {
    const parts = new URLSearchParams();
    for (const { name, value } of form.elements) if (name && value) parts.set(name, value);
    for (const [board, [column, direction]] of Object.entries(state.sort)) parts.append("sort", `${board}~${column}~${direction}`);
    for (const name of state.hidden) parts.append("hide", name);
    for (const name of state.shown) parts.append("show", name);
    for (const table of tables) for (const row of picked(table)) parts.append("compare", row.id);
    const text = parts.toString();
    history.replaceState(null, "", text ? `#?${text}` : location.pathname.split("/").pop() || "index.html");
  };

  const recall = () => {
    const hash = decodeURI(location.hash.slice(1));
    if (!hash.startsWith("?")) {
      if (hash) document.getElementById(hash)?.scrollIntoView({ block: "center" });
      return;
    }
    const parts = new URLSearchParams(location.hash.slice(2));
    for (const control of form.elements) if (control.name && parts.has(control.name)) control.value = parts.get(control.name);
    for (const name of parts.getAll("hide")) state.hidden.add(name);
    for (const name of parts.getAll("show")) state.shown.add(name);
    for (const entry of parts.getAll("sort")) {
      const [board, column, direction] = entry.split("~");
      const table = document.getElementById(board)?.querySelector("table.ranking");
      const place = table ? headsOf(table).findIndex((head) => head.dataset.column === column) : -1;
      if (place > 0) sort(table, place, direction === "up" ? "up" : "down");
    }
    for (const id of parts.getAll("compare")) {
      const box = document.getElementById(id)?.cells?.[0].querySelector("input");
      if (box) box.checked = true;
    }
    for (const table of tables) {
      boardOf(table).querySelector("button.compare").disabled = picked(table).length !== 2;
      compare(table);
    }
  };

  ["supervision", "device", "verification"].forEach(fill);
  for (const table of tables) {
    makeSortable(table);
    makeColumnChoice(table);
    makeComparable(table);
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    filter();
    if (event.target.name === "board") showColumns(); // only what is in sight can be measured
    remember();
  });
  form.addEventListener("reset", () => setTimeout(() => { filter(); showColumns(); remember(); }));
  let resized = 0;
  addEventListener("resize", () => {
    cancelAnimationFrame(resized);
    resized = requestAnimationFrame(showColumns);
  });
  recall();
  addEventListener("hashchange", recall);
  filter();
  showColumns();
  document.documentElement.dataset.table = "ready";
})();
