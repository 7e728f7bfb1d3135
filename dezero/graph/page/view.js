// Knows what the reader does: move and zoom, point and choose, search, fold and unfold; by pointer, by finger, by keys.

const $ = (id) => document.getElementById(id);
const stage = $("stage");
const isPlain = data.dot !== undefined; // DOT text alone: Graphviz draws it, and nothing folds

let scene = null;
let places = null;
let chosen = null; // id of an item, a box or an arrow

function make(parent, name, text = null, attributes = {}) {
  const made = document.createElement(name);
  if (text !== null) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
}

// Says something above the graph, perhaps with a button for what can be done about it.
function notify(text, action = "", run = null) {
  const [said, button] = $("notice").children;
  $("notice").hidden = !text;
  said.textContent = text;
  button.hidden = !action;
  button.textContent = action;
  button.onclick = run;
}

const say = (text) => ($("spoken").textContent = text);

// ---- where one looks

const view = { x: 0, y: 0, zoom: 1 };

function showView() {
  world.setAttribute(
    "transform",
    `translate(${view.x.toFixed(2)} ${view.y.toFixed(2)}) scale(${view.zoom.toFixed(4)})`,
  );
}

function zoomBy(factor, [x, y] = [stage.clientWidth / 2, stage.clientHeight / 2]) {
  const zoom = Math.min(8, Math.max(0.02, view.zoom * factor));
  view.x = x - ((x - view.x) * zoom) / view.zoom;
  view.y = y - ((y - view.y) * zoom) / view.zoom;
  view.zoom = zoom;
  showView();
}

const wholeZoom = () =>
  Math.min(
    1.25,
    (stage.clientWidth - 32) / places.width,
    (stage.clientHeight - 32 - $("legend").offsetHeight) / places.height,
  );

function fit() {
  view.zoom = wholeZoom();
  view.x = (stage.clientWidth - places.width * view.zoom) / 2;
  view.y = Math.max(12, (stage.clientHeight - $("legend").offsetHeight - places.height * view.zoom) / 2);
  showView();
}

// Everything, where it can be read then; else the beginning.
function begin() {
  fit();
  const least = 0.8;
  if (view.zoom >= least || !scene) return;
  const data = [...scene.items.values()].filter(({ order }) => !order).map(({ id }) => places.items.get(id));
  const first = data.reduce((a, b) => (b.y < a.y ? b : a), { x: places.width / 2, y: Infinity });
  view.zoom = Math.max(least, Math.min(1, (stage.clientWidth - 32) / places.width));
  const room = stage.clientWidth - places.width * view.zoom;
  view.x = room > 0 ? room / 2 : Math.min(16, Math.max(room - 16, stage.clientWidth / 2 - first.x * view.zoom));
  view.y = 16;
  showView();
}

function placeOf(id) {
  if (!places) return null;
  const item = places.items.get(id);
  if (item) return item;
  const box = id.startsWith("g") ? places.boxes.get(Number(id.slice(1))) : null;
  if (box) return { ...box, x: box.x + box.width / 2, y: box.y + box.height / 2 };
  const arrow = places.arrows.get(id);
  if (!arrow) return null;
  const [x, y] = arrow.label ?? arrow.points[Math.floor(arrow.points.length / 2)];
  return { x, y, width: 0, height: 0 };
}

function goTo(id) {
  const place = placeOf(id);
  if (!place) return;
  if (view.zoom < 0.7) view.zoom = 1;
  view.x = stage.clientWidth / 2 - place.x * view.zoom;
  view.y = stage.clientHeight / 2 - Math.min(place.y, place.y - place.height / 2 + stage.clientHeight / 3) * view.zoom;
  showView();
}

// ---- laying out

let latest = 0;
let delay = 0; // until one is told to wait

// Lays out what is open now. `anchor` is a group that stays where it is on the screen; with `stay` the view does.
async function update({ anchor = null, stay = false, patient = false } = {}) {
  const turn = ++latest;
  const before = anchor === null ? null : placeOf(`g${anchor}`);
  const next = new Scene(state.open);
  document.body.dataset.state = "busy";
  $("busy").firstElementChild.textContent = `Laying out ${thousands(next.size)} boxes …`;
  clearTimeout(delay);
  delay = setTimeout(() => ($("busy").hidden = false), 120);
  try {
    const found = await layOut(next, measure, patient);
    if (turn !== latest) return;
    [scene, places] = [next, found];
    drawScene(scene, places);
    const after = before && placeOf(`g${anchor}`);
    if (after) {
      view.x += (before.x - after.x) * view.zoom;
      view.y += (before.y - before.height / 2 - after.y + after.height / 2) * view.zoom;
      showView();
    } else if (!stay) {
      begin();
    }
    if (chosen && !placeOf(chosen)) chosen = null;
    follow();
    if (places.hurried) notifyOfHurry();
    document.body.dataset.state = "ready";
  } catch (error) {
    if (turn !== latest) return;
    document.body.dataset.state = "failed";
    notify(
      error.message === "cancelled"
        ? "Cancelled. Fold some layers and it is faster."
        : `Graphviz failed: ${error.message}`,
    );
  } finally {
    if (turn === latest) {
      clearTimeout(delay);
      $("busy").hidden = true;
    }
  }
}

function notifyOfHurry() {
  const said = $("notice").hidden ? "" : $("notice").firstElementChild.textContent;
  const text = "It is large, so it was laid out in a hurry, with straight arrows. Fold some layers, or";
  notify(`${said} ${text}`.trim(), "take the time", () => {
    notify("");
    update({ stay: true, patient: true });
  });
}

// ---- folding

const isTooLarge = (open) => data.limit && new Scene(open).size > data.limit;

// Opens to a depth, or to the deepest above it that fits; null is everything.
function unfoldTo(depth) {
  const depths = [
    depth,
    ...Array.from({ length: deepest + 1 }, (_, i) => deepest - i).filter((d) => depth === null || d < depth),
  ];
  const fitting = [...depths.filter((d) => !isTooLarge(openTo(d))), 0][0];
  state.open = openTo(fitting);
  notify(
    fitting === depth
      ? ""
      : `That would be more than ${thousands(data.limit)} boxes, so it is unfolded to depth ${fitting}.`,
  );
  return update();
}

function toggle(group) {
  const open = new Set(state.open);
  if (open.has(group)) open.delete(group);
  else {
    open.add(group);
    for (const inner of groupsInside(group)) open.delete(inner);
    if (isTooLarge(open)) {
      const size = new Scene(open).size;
      notify(
        `With ${nameOfGroup(groups[group])} open there would be ${thousands(size)} boxes; ${thousands(data.limit)} is the limit. Fold others first.`,
      );
      return;
    }
  }
  notify("");
  state.open = open;
  hideCard();
  say(`${nameOfGroup(groups[group])} ${open.has(group) ? "unfolded" : "folded"}`);
  return update({ anchor: group });
}

function groupsInside(group) {
  return groups[group].groups.flatMap((inner) => [inner, ...groupsInside(inner)]);
}

// ---- what is known of a thing

function rowsOfVariable(node) {
  const rows = [];
  if (node.shape) rows.push(["shape", node.shape]);
  if (node.dtype) rows.push(["dtype", node.dtype]);
  const { values } = node;
  if (values?.values) rows.push(["values", values.values]);
  for (const name of ["min", "mean", "max", "std"]) if (values?.[name]) rows.push([name, values[name]]);
  if (values?.bad) rows.push(["NaN or infinite", values.bad, "bad"]);
  return rows;
}

function rowsOfTime(time) {
  if (!data.timed || !time) return [];
  return [
    ["forward", milliseconds(time[0])],
    ["backward", milliseconds(time[1])],
    ["share", timeText(time).split("  ")[1]],
  ];
}

const pathOf = (group) =>
  groupsAround(group)
    .reverse()
    .map((g) => groups[g].name || groups[g].kind)
    .pop();

function describe(id) {
  const [first, second] = id.split(" ");
  if (second) return describeArrow(id, first, second);
  if (id.startsWith("g")) return describeGroup(groups[Number(id.slice(1))]);
  const node = nodes[parseInt(id.slice(1), 10)];
  return node.function ? describeFunction(node) : describeVariable(node);
}

function describeGroup(group) {
  const rows = [];
  if (!group.band) rows.push(["class", group.kind]);
  else rows.push(["functions", group.kind]);
  if (group.name && !group.band) rows.push(["layer", group.name]);
  if (group.times > 1) rows.push(["stands for", `${group.times}, to ${group.last}`]);
  if (group.calls) rows.push(["call", `${group.call} of ${group.calls}`]);
  if (group.shape) rows.push(["output shape", group.shape]);
  if (group.params) rows.push(["parameters", thousands(group.params)]);
  if (!group.band) rows.push(["functions", thousands(functionsIn(group.id).length)]);
  if (group.order) rows.push(["order", data.names[group.order]]);
  rows.push(...rowsOfTime(data.timed && timeOfGroup(group)), ...rowsOfNumbers(resultsOf(group)));
  return { title: nameOfGroup(group), kind: group.band ? "Functions" : "Layer", rows };
}

// The variables that functions of a group give to others.
function resultsOf(group) {
  const own = new Set(functionsIn(group.id));
  const leaves = (y) =>
    data.results.includes(y) || nodes[y].users.some((f) => !own.has(f) && nodes[f].order === group.order);
  return [...own].flatMap((f) => nodes[f].users).filter(leaves);
}

// What is known of the numbers in a result, where there is one.
function rowsOfNumbers(results) {
  return results.length === 1
    ? rowsOfVariable(nodes[results[0]]).filter(([name]) => name !== "shape" && name !== "dtype")
    : [];
}

function describeFunction(node) {
  const rows = [];
  if (node.group) rows.push([groups[node.group].band ? "in" : "layer", pathOf(node.group)]);
  const shapes = (ids) => ids.map((x) => nodes[x].shape ?? "?").join(", ");
  if (node.inputs.length) rows.push(["takes", shapes(node.inputs)]);
  if (node.users.length) rows.push(["gives", shapes(node.users)]);
  const dtypes = new Set([...node.users].map((x) => nodes[x].dtype).filter(Boolean));
  if (dtypes.size) rows.push(["dtype", [...dtypes].join(", ")]);
  if (node.order) rows.push(["order", data.names[node.order]]);
  if (node.of !== undefined) rows.push(["gradient of", describe(`n${node.of}`).title]);
  rows.push(...rowsOfTime(node.time), ...rowsOfNumbers(node.users));
  return { title: node.name, kind: "Function", rows };
}

function describeVariable(node) {
  const kind = { parameter: "Parameter", constant: "Constant", input: "Input" }[node.role] ?? "Variable";
  const rows = rowsOfVariable(node);
  if (node.inputs.length) rows.push(["made by", nodes[node.inputs[0]].name]);
  if (node.order) rows.push(["order", data.names[node.order]]);
  if (node.of !== undefined) rows.push(["gradient of", nodes[node.of].name ?? nodes[node.of].shape ?? "?"]);
  if (node.fixed) rows.push(["gradient", "none wanted"]);
  return { title: node.name ?? kind.toLowerCase(), kind, rows };
}

function describeArrow(id, first, second) {
  const arrow = scene?.arrows.get(id);
  if (!arrow) return describe(first); // of a parameter
  const flowing = [...arrow.variables].map((x) => nodes[x]);
  if (flowing.length === 1) return describeVariable(flowing[0]);
  const rows = flowing
    .slice(0, 8)
    .map((node) => [node.name ?? "variable", [node.shape, node.dtype].filter(Boolean).join(" ")]);
  if (flowing.length > 8) rows.push(["and", `${thousands(flowing.length - 8)} more`]);
  return {
    title: `${thousands(flowing.length)} Variables`,
    kind: `${describe(first).title} → ${describe(second).title}`,
    rows,
  };
}

// ---- the card

const card = $("card");

function showCard(id, point = null) {
  const { title, kind, rows } = isPlain ? plain.describe(id) : describe(id);
  card.replaceChildren();
  make(card, "h2", shown(title, 200));
  make(card, "p", shown(kind, 120));
  const list = make(card, "dl");
  for (const [name, value, style] of rows) {
    make(list, "dt", shown(name, 60));
    make(list, "dd", shown(value, 300), style ? { class: style } : {});
  }
  card.hidden = false;
  card.classList.toggle("docked", !point);
  card.style.left = card.style.top = "";
  if (!point) return;
  const { clientWidth, clientHeight } = document.documentElement;
  const box = elementsOf(id)[0]?.closest(".item")?.getBoundingClientRect();
  const [left, right] = box ? [box.left, box.right] : [point[0], point[0]]; // beside a box, not on what is below it
  const x = right + 14 + card.offsetWidth < clientWidth ? right + 14 : Math.max(8, left - 14 - card.offsetWidth);
  card.style.left = `${x}px`;
  card.style.top = `${Math.max(8, Math.min(point[1] - 24, clientHeight - card.offsetHeight - 64))}px`;
}

function hideCard() {
  card.hidden = true;
}

// ---- following the gradient

function nodesOf(id) {
  const arrow = scene.arrows.get(id);
  if (arrow) return [...arrow.variables];
  if (id.startsWith("g")) return functionsIn(Number(id.slice(1)));
  return [parseInt(id.slice(1), 10)];
}

function follow() {
  world.classList.toggle("following", Boolean(chosen));
  for (const marked of world.querySelectorAll(".to, .onward, .gradient, .chosen")) {
    marked.classList.remove("to", "onward", "gradient", "chosen");
  }
  if (!chosen) return showLegend();
  if (isPlain) return plain.follow();
  const way = gradientWay(nodesOf(chosen));
  for (const name of ["onward", "to", "gradient"]) mark(name, name === "gradient" ? way.gradients : way[name]);
  for (const found of elementsOf(chosen)) found.classList.add("chosen");
  showLegend(way);
}

const elementsOf = (id) => world.querySelectorAll(`[data-id="${CSS.escape(id)}"]`);

// Marks the items in which some of these nodes are, and the arrows between them along which some of them flow.
function mark(name, ids) {
  const items = new Set();
  for (const id of ids) {
    if (nodes[id].order > state.show.order) continue;
    if (nodes[id].function) items.add(scene.itemOf(id).id);
    else if (scene.variable(nodes[id])) items.add(`n${id}`);
  }
  const arrows = new Set();
  for (const { id, source, target, variables } of scene.arrows.values()) {
    const ends = [source, target].every((end) => items.has(end.id));
    if (ends && [...variables].some((x) => ids.has(x))) arrows.add(id);
  }
  for (const item of scene.items.values()) {
    if (item.kind !== "aside" || !ids.has(item.node.id)) continue;
    items.add(item.id);
    for (const f of item.users) if (items.has(f)) arrows.add(`${item.id} ${f}`);
  }
  for (const found of world.querySelectorAll("[data-id]")) {
    if (items.has(found.dataset.id) || arrows.has(found.dataset.id)) found.classList.add(name);
  }
}

function choose(id) {
  chosen = id;
  follow();
  if (!id) return hideCard();
  const { title, kind, rows } = isPlain ? plain.describe(id) : describe(id);
  say(`${title}, ${kind}. ${rows.map(([name, value]) => `${name} ${value}`).join(", ")}`);
}

function showLegend(way = null) {
  const legend = $("legend");
  legend.replaceChildren();
  const entry = (style, text) => {
    const line = make(legend, "span");
    make(line, "i", null, { class: style });
    line.append(text);
  };
  if (chosen && isPlain) {
    entry("way to", "what follows from it");
    entry("way onward", "what it comes from");
  } else if (chosen && !way?.starts.length) {
    make(legend, "span", "No gradient flows to it: nothing behind it asks for one.");
  } else if (chosen) {
    const name = shown(describe(chosen).title, 24);
    if (way.to.size > way.starts.length)
      entry("way to", `from the result the gradient comes back to ${name} along these`);
    if (way.onward.size > way.starts.length)
      entry("way onward", `from ${name} it goes on to inputs and parameters along these`);
    if (way.gradients.size && state.show.order) entry("way gradient", "computes this gradient");
  } else if (!isPlain) {
    entry("variable order-0", "Variable");
    entry("function order-0", "Function");
    if (groups.length > 1) entry("layer order-0", "layer, folded");
    if (state.show.parameters && nodes.some((node) => node.role === "parameter")) entry("parameter", "Parameter");
    for (let n = 1; n <= state.show.order; n++) entry(`function order-${n}`, data.names[n]);
    if (data.timed) entry("hot", "takes most of the time");
    if (nodes.some(isBad)) entry("bad", "NaN or infinite");
  }
}

// ---- searching

const search = { matches: [], at: -1 };

const textOf = (node) => [node.name, node.shape, node.dtype, node.role].filter(Boolean).join(" ").toLowerCase();

function find(query) {
  const wanted = query.trim().toLowerCase();
  search.at = -1;
  search.matches = [];
  if (wanted && isPlain) search.matches = plain.find(wanted);
  else if (wanted) {
    const inGroup = (group) => `${nameOfGroup(group)} ${group.name} ${group.kind} ${group.shape ?? ""}`.toLowerCase();
    const layers = groups.filter(
      (group) => group.id && group.order <= state.show.order && inGroup(group).includes(wanted),
    );
    const found = nodes.filter((node) => node.order <= state.show.order && textOf(node).includes(wanted));
    const [functions, variables] = [true, false].map((kind) => found.filter((node) => Boolean(node.function) === kind));
    const place = new Map((data.functions ?? []).map((f, i) => [f, i]));
    functions.sort((a, b) => place.get(a.id) - place.get(b.id));
    search.matches = [
      ...layers.map((group) => ({ group })),
      ...functions.map((node) => ({ node })),
      ...variables.reverse().map((node) => ({ node })),
    ];
  }
  showCount();
}

function showCount() {
  const { matches, at } = search;
  $("found").textContent = !$("query").value.trim()
    ? ""
    : at < 0
      ? String(matches.length)
      : `${at + 1} of ${matches.length}`;
  for (const id of ["previous", "next"]) $(id).disabled = !matches.length;
}

async function step(by) {
  const { matches } = search;
  if (!matches.length) return;
  search.at = (search.at + by + matches.length + (search.at < 0 && by < 0 ? 1 : 0)) % matches.length;
  showCount();
  const match = matches[search.at];
  const id = isPlain ? match : await reveal(match);
  if (!id) return;
  choose(id);
  goTo(id);
  for (const found of elementsOf(id)) flash(found);
  showCard(id);
}

function flash(found) {
  found.classList.remove("found");
  void found.getBoundingClientRect(); // starts the animation anew
  found.classList.add("found");
}

// Unfolds what hides a match, and gives the id of what it is seen as.
async function reveal({ group, node }) {
  let around;
  if (group) around = standsFor(group.id) ? [] : groupsAround(group.parent);
  else {
    const f = node.function
      ? drawnFor(node.id)
      : node.inputs.length
        ? drawnFor(node.inputs[0])
        : node.users.map(drawnFor)[0];
    around = f === undefined ? [] : groupsAround(nodes[f].group);
    if (!node.function && scene.seenAs(node)) around = [];
    if (isAside(node)) state.show.parameters = $("parameters").checked = true;
  }
  const open = new Set([...state.open, ...around]);
  if (open.size !== state.open.size || (node && isAside(node) && !scene.seenAs(node))) {
    if (isTooLarge(open)) {
      notify(
        `It is in ${nameOfGroup(groups[around.at(-1)])}; with that open there would be more than ${thousands(data.limit)} boxes. Fold others first.`,
      );
      return `g${around.find((g) => placeOf(`g${g}`))}`;
    }
    state.open = open;
    await update({ stay: true });
  }
  if (group) return `g${standsFor(group.id) ?? group.id}`;
  return scene.seenAs(node)?.id ?? null;
}

// The group that is drawn in place of this one, where layers that look the same are drawn once.
function standsFor(group) {
  const [f] = functionsIn(group);
  const drawn = f === undefined ? undefined : drawnFor(f);
  if (drawn === undefined || drawn === f) return null;
  const level = groups[group].level;
  return groupsAround(nodes[drawn].group).find((g) => groups[g].level === level) ?? null;
}

// ---- the pointer

const pointers = new Map();
let moved = 0;

const at = (event) => {
  const { left, top } = stage.getBoundingClientRect();
  return [event.clientX - left, event.clientY - top];
};
const idUnder = (event) => event.target.closest?.("[data-id]")?.dataset.id ?? null;

stage.addEventListener("pointerdown", (event) => {
  if (event.target.closest("button")) return;
  pointers.set(event.pointerId, at(event));
  moved = pointers.size > 1 ? Infinity : 0;
});

window.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const now = at(event);
  const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
  if (other) {
    const gap = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]) || 1;
    zoomBy(gap(now) / gap(before), other);
  } else {
    moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (moved > 4) {
      view.x += now[0] - before[0];
      view.y += now[1] - before[1];
      stage.classList.add("moving");
      hideCard();
      showView();
    }
  }
  pointers.set(event.pointerId, now);
});

for (const name of ["pointerup", "pointercancel"]) {
  window.addEventListener(name, (event) => {
    if (!pointers.delete(event.pointerId)) return;
    stage.classList.remove("moving");
  });
}

stage.addEventListener("click", (event) => {
  if (moved > 4 || event.target.closest("button, #legend")) return;
  const id = idUnder(event);
  if (id && event.target.closest(".sign")) return toggle(Number(id.slice(1)));
  choose(id);
  if (id) showCard(id, event.pointerType === "touch" ? null : [event.clientX, event.clientY]);
});

stage.addEventListener("dblclick", (event) => {
  const id = idUnder(event);
  if (id && /^g\d+$/.test(id) && !isPlain && !event.target.closest(".sign")) toggle(Number(id.slice(1)));
});

stage.addEventListener("pointerover", (event) => {
  if (event.pointerType === "touch" || pointers.size) return;
  const id = idUnder(event);
  for (const marked of world.querySelectorAll(".under")) marked.classList.remove("under");
  if (!id) return hideCard();
  for (const found of elementsOf(id)) found.classList.add("under");
  const isOpenBox = event.target.closest(".box") && !isPlain;
  if (isOpenBox) return hideCard(); // the empty space in an open layer; its title tells of it
  showCard(id, [event.clientX, event.clientY]);
});
stage.addEventListener("pointerleave", hideCard);

stage.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 20 : 1;
    zoomBy(Math.exp(-Math.max(-120, Math.min(120, event.deltaY * lines)) * 0.002), at(event));
  },
  { passive: false },
);

// ---- keys

// The next thing in a direction: along an arrow up or down, or beside it.
function neighbour(key) {
  const from = chosen && placeOf(chosen);
  if (!from) return [...places.items].sort(([, a], [, b]) => a.y - b.y)[0]?.[0];
  const beside = key === "ArrowLeft" || key === "ArrowRight";
  const sign = key === "ArrowLeft" || key === "ArrowUp" ? -1 : 1;
  const near = new Set();
  if (!beside) {
    for (const { source, target } of scene.arrows.values()) {
      if (source.id === chosen) near.add(target.id);
      if (target.id === chosen) near.add(source.id);
    }
  }
  const candidates = beside || !near.size ? [...places.items.keys()] : [...near];
  const [main, across] = beside ? ["x", "y"] : ["y", "x"];
  const cost = (id) => {
    const place = places.items.get(id);
    const ahead = (place[main] - from[main]) * sign;
    return id === chosen || ahead <= 1 ? Infinity : ahead + (beside ? 6 : 0.5) * Math.abs(place[across] - from[across]);
  };
  const best = candidates.reduce((a, b) => (cost(b) < cost(a) ? b : a), chosen);
  return best;
}

function stepTo(id) {
  if (!id) return;
  choose(id);
  const { x, y } = placeOf(id);
  const [left, top] = [x * view.zoom + view.x, y * view.zoom + view.y];
  const outside = left < 60 || top < 60 || left > stage.clientWidth - 60 || top > stage.clientHeight - 100;
  if (outside) goTo(id);
  showCard(id);
}

stage.addEventListener("keydown", (event) => {
  if (event.target !== stage || event.ctrlKey || event.metaKey || event.altKey || !places) return;
  const actions = {
    "+": () => zoomBy(1.25),
    "=": () => zoomBy(1.25),
    "-": () => zoomBy(0.8),
    0: fit,
    Enter: () => chosen && /^g\d+$/.test(chosen) && toggle(Number(chosen.slice(1))),
    " ": () => chosen && /^g\d+$/.test(chosen) && toggle(Number(chosen.slice(1))),
  };
  const walks = event.key.startsWith("Arrow") && !isPlain;
  if (!walks && !actions[event.key]) return;
  event.preventDefault();
  if (walks) stepTo(neighbour(event.key));
  else actions[event.key]();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll(".menu[open]")) menu.open = false;
    choose(null);
    if (event.target === $("query")) stage.focus();
  } else if (event.key === "/" && !event.target.closest("input, select")) {
    event.preventDefault();
    $("query").focus();
    $("query").select();
  }
});

// ---- the controls

$("query").addEventListener("input", () => find($("query").value));
$("query").addEventListener("keydown", (event) => {
  if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
});
$("next").addEventListener("click", () => step(1));
$("previous").addEventListener("click", () => step(-1));
$("larger").addEventListener("click", () => zoomBy(1.25));
$("smaller").addEventListener("click", () => zoomBy(0.8));
$("whole").addEventListener("click", () => places && fit());
$("notice").lastElementChild.addEventListener("click", () => notify(""));
$("busy")
  .querySelector("button")
  .addEventListener("click", () => graphviz.stop());
document.addEventListener("pointerdown", (event) => {
  for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

function addControls() {
  $("title").textContent = shown(data.title, 80);
  showCount();
  if (isPlain) return $("options").remove();
  const functions = data.functions.length;
  const layers = groups.filter((group) => group.id && !group.order && !group.band).length;
  const params = groups[groups[0].groups[0]]?.params;
  const parts = [layers > 1 && `${thousands(layers)} layers`, params && `${thousands(params)} parameters`];
  $("summary").textContent = [...parts, `${thousands(functions)} Functions`].filter(Boolean).join(" · ");

  $("folding").hidden = groups.length < 2;
  const depths = Array.from({ length: Math.max(0, deepest) }, (_, i) => i + 1);
  make($("depth"), "option", "Depth", { value: "", disabled: "", selected: "" });
  for (const depth of depths) make($("depth"), "option", `Depth ${depth}`, { value: depth });
  $("depth").hidden = !depths.length;
  $("depth").addEventListener("change", () => {
    unfoldTo(Number($("depth").value));
    $("depth").value = "";
  });
  $("fold").addEventListener("click", () => unfoldTo(0));
  $("unfold").addEventListener("click", () => unfoldTo(null));

  const addSwitch = (name, text) => {
    const label = make($("switches"), "label");
    const box = make(label, "input", null, { type: "checkbox", id: name });
    box.checked = state.show[name];
    label.append(` ${text}`);
    box.addEventListener("change", () => {
      state.show[name] = box.checked;
      changed();
    });
  };
  addSwitch("variables", "every Variable");
  addSwitch("parameters", "parameters and constants");
  if (groups.some((group) => group.times > 1)) addSwitch("repeats", "layers that repeat once");
  if (nodes.some((node) => node.values)) addSwitch("values", "values");
  if (data.orders) {
    const label = make($("switches"), "label", "gradients up to ");
    const select = make(label, "select", null, { id: "order" });
    for (const [order, name] of data.names.entries()) make(select, "option", order ? name : "none", { value: order });
    select.value = data.orders;
    select.addEventListener("change", () => {
      state.show.order = Number(select.value);
      changed();
    });
  }
}

function changed() {
  find($("query").value);
  if (isTooLarge(state.open)) unfoldTo(null);
  else update({ stay: true });
}

// ---- DOT text alone

const plain = {
  async show() {
    document.body.dataset.state = "busy";
    $("busy").hidden = false;
    try {
      const text = await graphviz.run(data.dot.replaceAll('"sans-serif"', '"DejaVu Sans"'), "svg");
      const drawn = document.importNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement, true);
      for (const each of drawn.querySelectorAll("script, style, foreignObject, image")) each.remove();
      for (const each of drawn.querySelectorAll("*")) {
        for (const { name } of [...each.attributes]) if (/^on|href$/i.test(name)) each.removeAttribute(name);
      }
      places = {
        width: drawn.viewBox.baseVal.width,
        height: drawn.viewBox.baseVal.height,
        items: new Map(),
        boxes: new Map(),
        arrows: new Map(),
      };
      for (const each of drawn.querySelectorAll("g.node, g.edge")) {
        each.dataset.id = each.querySelector("title")?.textContent ?? "";
        each.dataset.text = [...each.querySelectorAll("text")].map((t) => t.textContent).join("\n");
        if (each.classList.contains("node")) each.classList.add("item");
        else each.classList.add("arrow");
      }
      for (const title of drawn.querySelectorAll("title")) title.remove(); // the card says more
      world.append(drawn);
      stage.classList.add("plain");
      fit();
      for (const each of world.querySelectorAll("g.node")) {
        const { left, top, width, height } = each.getBoundingClientRect();
        const from = stage.getBoundingClientRect();
        const x = (left + width / 2 - from.left - view.x) / view.zoom;
        const y = (top + height / 2 - from.top - view.y) / view.zoom;
        places.items.set(each.dataset.id, { x, y, width: width / view.zoom, height: height / view.zoom });
      }
      begin();
      document.body.dataset.state = "ready";
    } catch (error) {
      document.body.dataset.state = "failed";
      notify(`Graphviz failed: ${error.message}`);
    }
    $("busy").hidden = true;
  },

  describe(id) {
    const [title, ...lines] = (elementsOf(id)[0]?.dataset.text ?? "").split("\n");
    return { title: title || "arrow", kind: "", rows: lines.map((line) => ["", line]) };
  },

  find: (wanted) =>
    [...world.querySelectorAll("g.node")]
      .filter((g) => g.dataset.text.toLowerCase().includes(wanted))
      .map((g) => g.dataset.id),

  follow() {
    const arrows = [...world.querySelectorAll("g.edge")].map((g) => [g, ...g.dataset.id.split("->")]);
    for (const [name, from, to] of [
      ["to", 1, 2],
      ["onward", 2, 1],
    ]) {
      const start = chosen.includes("->") ? chosen.split("->")[to - 1] : chosen;
      const next = new Map();
      for (const arrow of arrows) next.set(arrow[from], [...(next.get(arrow[from]) ?? []), arrow[to]]);
      const found = new Set([start]);
      for (const id of found) for (const other of next.get(id) ?? []) found.add(other);
      for (const [g, ...ends] of arrows) if (ends.every((end) => found.has(end))) g.classList.add(name);
      for (const id of found) for (const g of elementsOf(id)) g.classList.add(name);
    }
    for (const found of elementsOf(chosen)) found.classList.add("chosen");
    showLegend();
  },
};

// ---- the beginning

function start() {
  addControls();
  showLegend();
  if (isPlain) return plain.show();
  notify(data.notice);
  state.open = openTo(data.depth);
  return update();
}

start();
