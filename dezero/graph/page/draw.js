// Knows what the graph looks like: what boxes and arrows say, how large they are for that, and the SVG of it all.
// Text of the graph gets into the page as textContent alone.

const LINE = 13; // height of a line of small text
const MOST = { title: 40, line: 48, labels: 3 };
const font = getComputedStyle(document.body).fontFamily;
const pen = document.createElement("canvas").getContext("2d");

// ---- what things say

// Text as it can be shown: what has no shape, or turns the direction of what follows, is spelt; what is long is cut,
// and the card has all of it.
function shown(text, most = Infinity) {
  const code = (c) => c.charCodeAt(0).toString(16);
  const spelt = String(text)
    .replace(/\r\n?|[\u2028\u2029]/g, "\n")
    .replace(/\t/g, " ")
    .replace(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/g, (c) => `\\x${code(c).padStart(2, "0")}`)
    .replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (c) => `\\u${code(c)}`);
  const letters = [...spelt];
  return letters.length > most ? letters.slice(0, most - 1).join("") + "…" : spelt;
}

const thousands = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
const milliseconds = (t) => `${t >= 100 ? t.toFixed(0) : t.toPrecision(3)} ms`;
const lastName = (path) => path.split("/").pop();

function nameOfGroup(group) {
  if (group.band) return group.name;
  const title = group.name ? `${lastName(group.name)}: ${group.kind}` : group.kind;
  return group.order ? `gradient of ${title}` : title;
}

function groupLabel(group) {
  const repeated = state.show.repeats && !state.show.variables && group.times > 1;
  const lines = [];
  let title = nameOfGroup(group);
  if (group.band) lines.push(group.kind);
  if (repeated) {
    title = `${group.order ? "gradient of " : ""}${group.times} × ${group.kind}`;
    lines.push(`${group.name} … ${group.last}`);
  }
  if (group.calls) lines.push(`call ${group.call} of ${group.calls}`);
  if (!group.order && group.shape && data.shapes) lines.push(group.shape);
  if (!group.order && group.params) {
    lines.push(
      `${repeated ? `${group.times} × ` : ""}${thousands(group.params)} parameter${group.params > 1 ? "s" : ""}`,
    );
  }
  if (data.timed) lines.push(timeText(timeOfGroup(group)));
  return { title, lines };
}

function variableText(node, withDtype) {
  if (!data.shapes || !node.shape) return node.name ?? "";
  const shape = withDtype && node.dtype ? `${node.shape} ${node.dtype}` : node.shape;
  return node.name ? `${node.name}: ${shape}` : shape;
}

function valueLines({ values }, apart) {
  if (!state.show.values || !values) return [];
  if (values.bad && !values.values) return [`${values.bad} NaN or infinite`];
  if (values.values) return [values.values];
  const lines = ["min", "mean", "max"].map((name) => `${name} ${values[name]}`);
  return apart ? lines : [lines.join("  ")];
}

function variableLabel(node) {
  const name = node.name ?? (node.inputs.length ? "output" : node.order ? "constant" : "input");
  const title = state.show.variables ? variableText(node, true) : variableText({ ...node, name }, true);
  return { title: title || name, lines: valueLines(node) };
}

function asideLabel(node) {
  const shape = node.shape === "()" || !data.shapes ? "" : node.shape;
  const text = [node.name, shape].filter(Boolean).join(" ");
  const few = node.shape === "()" && node.values ? [node.values.values] : valueLines(node);
  const lines = [text, ...few].filter(Boolean);
  return { title: lines[0] ?? "constant", lines: lines.slice(1) };
}

// What flows along an arrow, a few lines; none where an end of it says so itself.
function arrowLines({ source, target, variables }) {
  if (source.order !== target.order || (target.order && !state.show.values)) return [];
  if ([source, target].some(({ kind }) => kind === "variable")) return [];
  const labels = new Map();
  for (const x of variables) {
    const node = nodes[x];
    const shape = data.shapes && node.shape ? node.shape + (node.dtype === data.dtype ? "" : ` ${node.dtype}`) : "";
    const lines = [node.name, shape].filter(Boolean).concat(valueLines(node, true));
    if (lines.length) labels.set(lines.join("\n"), lines);
  }
  return labels.size > MOST.labels ? [`${thousands(variables.size)} arrays`] : [...labels.values()].flat();
}

function labelOf(item) {
  if (item.kind === "layer") return groupLabel(item.group);
  if (item.kind === "variable") return variableLabel(item.node);
  if (item.kind === "aside") return asideLabel(item.node);
  return { title: item.node.name, lines: data.timed ? [timeText(item.node.time)] : [] };
}

const isBad = (node) => Boolean(node.values?.bad);

// ---- time, where a profile was given

const timeOfGroup = (group) =>
  (group.time ??= functionsIn(group.id).reduce(([f, b], id) => [f + nodes[id].time[0], b + nodes[id].time[1]], [0, 0]));
const timeOf = (item) => (item.group ? timeOfGroup(item.group) : item.node.time);
const wholeTime = data.timed ? timeOfGroup(groups[0]).reduce((a, b) => a + b) : 0;

function timeText(time) {
  const all = time[0] + time[1];
  return `${milliseconds(all)}  ${wholeTime ? ((100 * all) / wholeTime).toFixed(1) : 0}%`;
}

// ---- how large

function widthOf(text, size, bold) {
  pen.font = `${bold ? 600 : 400} ${size}px ${font}`;
  return pen.measureText(text).width;
}

const STYLE = {
  function: { size: 13, x: 12, y: 7, least: 46 },
  layer: { size: 13, x: 16, y: 9, least: 90, bold: true, sign: 22 },
  variable: { size: 12, x: 15, y: 6, least: 40 },
  aside: { size: 10.5, x: 8, y: 3, least: 10 },
  heading: { size: 13, x: 0, y: 2, least: 0, bold: true, sign: 22 },
};

// The lines of a label with their sizes, and the room that they take.
function block({ title, lines }, kind) {
  const { size, x, y, least, bold = false, sign = 0 } = STYLE[kind];
  const titles = shown(title)
    .split("\n")
    .slice(0, 4)
    .map((text) => ({ text: shown(text, MOST.title), size, bold }));
  const below = lines
    .flatMap((line) => shown(line).split("\n"))
    .map((text) => ({ text: shown(text, MOST.line), size: 10.5 }));
  const rows = [...titles, ...below];
  const width = Math.max(...rows.map((row) => widthOf(row.text, row.size, row.bold) + (row.bold ? sign : 0)));
  const height = titles.length * (size + 3) + below.length * LINE;
  return { rows, width: Math.max(least, width + 2 * x), height: height + 2 * y, top: y, left: x, sign };
}

const measure = {
  item: (item) => block(labelOf(item), item.kind),
  heading: (group) => block(groupLabel(group), "heading"),
  arrow(arrow) {
    const lines = arrowLines(arrow);
    if (!lines.length) return null;
    return {
      width: Math.max(...lines.map((line) => widthOf(shown(line, MOST.line), 10.5))) + 8,
      height: lines.length * LINE,
    };
  },
};

// ---- SVG

function element(parent, name, attributes = {}, text = null) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== null) made.textContent = text;
  parent.append(made);
  return made;
}

const world = document.getElementById("world");

function drawScene(scene, places) {
  world.replaceChildren();
  const layers = {};
  for (const name of ["boxes", "arrows", "items", "headings", "labels"])
    layers[name] = element(world, "g", { class: name });
  const depth = (box) => groupsAround(box).length;
  for (const [box, place] of [...places.boxes].sort(([a], [b]) => depth(a) - depth(b)))
    drawBox(layers, groups[box], place);
  const most = data.timed ? Math.max(...[...scene.items.values()].filter(hasTime).map((item) => sum(timeOf(item)))) : 0;
  for (const item of scene.items.values()) drawItem(layers.items, item, places.items.get(item.id), most);
  for (const arrow of scene.arrows.values()) drawArrow(layers, arrow, places);
  for (const item of scene.items.values()) {
    for (const f of item.users ?? []) drawAsideArrow(layers, item, scene.items.get(f), places);
  }
}

const sum = ([a, b]) => a + b;
const hasTime = ({ kind }) => kind === "function" || kind === "layer";

function drawBox({ boxes, headings }, group, { x, y, width, height }) {
  const own = { class: `box order-${group.order}`, "data-id": `g${group.id}` };
  element(element(boxes, "g", own), "rect", { x, y, width, height, rx: 8 });
  const label = block(groupLabel(group), "heading");
  const heading = element(headings, "g", { ...own, class: `heading order-${group.order}` });
  element(heading, "rect", { x: x + 5, y: y + 3, width: label.width + 8, height: label.height + 4, rx: 4 });
  drawSign(heading, x + 16, y + 13, "−");
  drawRows(heading, label, x + 26, y + 5, "start");
}

function drawItem(parent, item, place, most) {
  const { x, y, width, height } = place;
  const names = ["item", item.kind, `order-${item.order}`];
  if (item.node && isBad(item.node)) names.push("bad");
  if (item.kind === "aside") names.push(item.node.role);
  const g = element(parent, "g", { class: names.join(" "), "data-id": item.id });
  const round = { function: 5, layer: 7, variable: Math.min(height / 2, 16), aside: height / 2 }[item.kind];
  const rect = element(g, "rect", { x: x - width / 2, y: y - height / 2, width, height, rx: round });
  if (most && hasTime(item))
    rect.style.fill = `color-mix(in srgb, var(--hot) ${((100 * sum(timeOf(item))) / most).toFixed(0)}%, white)`;
  const label = block(labelOf(item), item.kind);
  if (item.kind === "layer") drawSign(g, x - width / 2 + 15, y - height / 2 + 16, "+");
  drawRows(g, label, x, y - height / 2 + label.top, "middle");
}

function drawSign(parent, x, y, sign) {
  const g = element(parent, "g", { class: "sign" });
  element(g, "circle", { cx: x, cy: y, r: 11, class: "reach" });
  element(g, "circle", { cx: x, cy: y, r: 6.5 });
  element(g, "path", { d: `M${x - 3.2} ${y}h6.4` + (sign === "+" ? `M${x} ${y - 3.2}v6.4` : "") });
}

function drawRows(parent, { rows, sign }, x, top, anchor) {
  let y = top;
  for (const { text, size, bold } of rows) {
    const high = bold || size > 11 ? size + 3 : LINE;
    const aside = bold && anchor === "middle" ? sign / 2 : 0;
    const attributes = { x: x + aside, y: (y + high * 0.76).toFixed(1), "font-size": size, "text-anchor": anchor };
    element(parent, "text", bold ? { ...attributes, class: "title" } : attributes, text);
    y += high;
  }
}

function drawArrow({ arrows, labels }, arrow, places) {
  const found = places.arrows.get(arrow.id);
  if (!found || found.points.length < 4) return;
  const names = ["arrow", `order-${arrow.target.order}`];
  if (arrow.source.order !== arrow.target.order) names.push("across");
  if ([...arrow.variables].some((x) => isBad(nodes[x]))) names.push("bad");
  const g = element(arrows, "g", { class: names.join(" "), "data-id": arrow.id });
  drawCurve(g, found.points, places.items.get(arrow.target.id), 7);
  const lines = arrowLines(arrow);
  if (!lines.length || !found.label) return;
  const label = element(labels, "g", { class: `label ${names.join(" ")}`, "data-id": arrow.id });
  const [x, y] = found.label;
  const rows = lines.map((line) => ({ text: shown(line, MOST.line), size: 10.5 }));
  drawRows(label, { rows }, x, y - (lines.length * LINE) / 2, "middle");
}

function drawAsideArrow({ arrows }, item, user, places) {
  const found = places.arrows.get(`${item.id} ${user.id}`);
  if (!found || found.points.length < 4) return;
  const g = element(arrows, "g", { class: `arrow thin order-${item.order}`, "data-id": `${item.id} ${user.id}` });
  drawCurve(g, found.points, places.items.get(user.id), 4.5);
}

// A curve of Bézier pieces with its head at the end that touches the target.
function drawCurve(g, points, target, size) {
  const away = ([x, y]) =>
    Math.hypot(
      Math.max(0, Math.abs(x - target.x) - target.width / 2),
      Math.max(0, Math.abs(y - target.y) - target.height / 2),
    );
  const way = away(points[0]) < away(points.at(-1)) ? points.slice().reverse() : points;
  const text = way.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`);
  const d = `M${text[0]}C${text.slice(1).join(" ")}`;
  element(g, "path", { d, class: "reach" });
  element(g, "path", { d, class: "line" });
  const [tip, before] = [way.at(-1), way.at(-2)];
  const angle = Math.atan2(tip[1] - before[1], tip[0] - before[0]);
  const corner = (turn) =>
    `${(tip[0] - size * Math.cos(angle + turn)).toFixed(1)} ${(tip[1] - size * Math.sin(angle + turn)).toFixed(1)}`;
  element(g, "path", {
    d: `M${tip.map((n) => n.toFixed(1)).join(" ")}L${corner(0.4)}L${corner(-0.4)}Z`,
    class: "head",
  });
}
