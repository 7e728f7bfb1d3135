// Knows the graph, and what of it can be seen while some of its layers are folded. No browser is needed for that.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const nodes = data.nodes ?? [];
const groups = data.groups ?? [];

for (const [id, node] of nodes.entries()) Object.assign(node, { id, order: node.order ?? 0, users: [] });
for (const node of nodes) for (const x of (node.inputs ??= [])) nodes[x].users.push(node.id);
for (const [id, group] of groups.entries())
  Object.assign(group, { id, order: group.order ?? 0, groups: [], functions: [] });
for (const group of groups) if (group.id) groups[(group.parent ??= 0)].groups.push(group.id);
for (const f of data.functions ?? []) groups[(nodes[f].group ??= 0)].functions.push(f);

const isAside = (node) => node.role === "parameter" || node.role === "constant";
const deepest = groups.reduce((most, group) => Math.max(most, group.level ?? 0), -1);
const atEnds = new Set(data.ends);

const state = {
  open: new Set(), // groups that are
  show: { ...data.show, order: data.orders },
};

function groupsAround(group) {
  const around = [];
  for (let g = group; g; g = groups[g].parent) around.push(g);
  return around; // the innermost first, without that around everything
}

function functionsIn(group) {
  const found = [...groups[group].functions];
  for (const inner of groups[group].groups) found.push(...functionsIn(inner));
  return found;
}

// The groups that are open to a depth, as in a picture: those at that level, and those with no layer in them, are not.
function openTo(depth) {
  const isOpen = ({ level = 0, groups }) => depth === null || (level < depth && !(level > 0 && !groups.length));
  return new Set(groups.filter((group) => group.id && isOpen(group)).map((group) => group.id));
}

// Layers that look the same are drawn once, in the look of a network.
const isRepeated = (f) => state.show.repeats && !state.show.variables && nodes[f].like !== undefined;

function drawnFor(f) {
  while (isRepeated(f)) f = nodes[f].like;
  return f;
}

// What is visible: items (functions, folded layers, variables, parameters at the side), the open layers around them,
// and the arrows between them, each with the variables that flow.
class Scene {
  constructor(open) {
    this.open = open;
    this.items = new Map();
    this.arrows = new Map();
    this.folded = new Map();
    const { variables, order } = state.show;
    const shown = (data.functions ?? []).filter((f) => nodes[f].order <= order);
    const drawn = shown.filter((f) => !isRepeated(f));
    for (const f of drawn) this.itemOf(f);
    for (const x of nodes) if (!x.function && x.order <= order && this.isDrawn(x)) this.addVariable(x);
    if (!variables && state.show.parameters) this.addAsides(drawn);
    for (const f of drawn) for (const x of nodes[f].inputs) this.connect(this.sourceOf(nodes[x]), this.itemOf(f), x);
    for (const { node, kind } of [...this.items.values()]) {
      if (kind === "variable" && node.inputs.length)
        this.connect(this.itemOf(node.inputs[0]), this.variable(node), node.id);
    }
  }

  get size() {
    return this.items.size;
  }

  // The outermost folded group around a group, itself included; 0 where all are open.
  foldedAround(group) {
    if (!group) return 0;
    if (!this.folded.has(group)) {
      this.folded.set(group, this.foldedAround(groups[group].parent) || (this.open.has(group) ? 0 : group));
    }
    return this.folded.get(group);
  }

  isVisible(f) {
    return nodes[f].order <= state.show.order && !isRepeated(f) && !this.foldedAround(nodes[f].group);
  }

  // What is drawn for a function: itself, or the layer it is in.
  itemOf(f) {
    const node = nodes[drawnFor(f)];
    const layer = this.foldedAround(node.group);
    if (!layer) return this.add({ id: `n${node.id}`, kind: "function", node, box: node.group, order: node.order });
    const group = groups[layer];
    return this.add({ id: `g${layer}`, kind: "layer", group, box: group.parent, order: group.order });
  }

  variable(x) {
    return this.items.get(`n${x.id}`);
  }

  add(item) {
    if (!this.items.has(item.id)) this.items.set(item.id, item);
    return this.items.get(item.id);
  }

  // Whether a variable is a node of its own: everywhere, or only where data comes in and results go out.
  isDrawn(x) {
    const isUsed = () => x.users.some((f) => this.isVisible(f));
    if (x.inputs.length) return atEnds.has(x.id) || (state.show.variables && this.isVisible(x.inputs[0]));
    if (isAside(x)) return state.show.variables && state.show.parameters && isUsed();
    const ofParameter = x.of !== undefined && isAside(nodes[x.of]); // a gradient that no function had to compute
    return isUsed() || (atEnds.has(x.id) && !(ofParameter && !x.users.length));
  }

  addVariable(x) {
    const homes = new Set(x.users.filter((f) => this.isVisible(f)).map((f) => nodes[f].group));
    let box = 0;
    if (state.show.variables && x.inputs.length && this.isVisible(x.inputs[0])) box = nodes[x.inputs[0]].group;
    else if (isAside(x) && homes.size === 1) box = [...homes][0];
    this.add({ id: `n${x.id}`, kind: "variable", node: x, box, order: x.order });
  }

  // Parameters and constants, small and at the side of who uses them, in each box where somebody does.
  addAsides(drawn) {
    for (const f of drawn.filter((f) => this.isVisible(f))) {
      for (const x of new Set(nodes[f].inputs)) {
        const node = nodes[x];
        if (!isAside(node) || node.order !== nodes[f].order) continue;
        const box = nodes[f].group;
        this.add({ id: `n${x}_g${box}`, kind: "aside", node, box, order: node.order, users: [] }).users.push(`n${f}`);
      }
    }
  }

  sourceOf(x) {
    if (!x.inputs.length) return this.variable(x);
    return (state.show.variables && this.variable(x)) || this.itemOf(x.inputs[0]);
  }

  connect(source, target, x) {
    if (!source || source === target) return;
    const id = `${source.id} ${target.id}`;
    if (!this.arrows.has(id)) this.arrows.set(id, { id, source, target, variables: new Set() });
    this.arrows.get(id).variables.add(x);
  }

  // The item a node is seen as: itself, a layer that hides it, an arrow; null where it is nowhere.
  seenAs(node) {
    if (node.function) return this.itemOf(node.id);
    const own =
      this.variable(node) ?? [...this.items.values()].find((item) => item.kind === "aside" && item.node === node);
    return own ?? [...this.arrows.values()].find(({ variables }) => variables.has(node.id)) ?? null;
  }
}

// ---- the way of a gradient

// Whether a gradient gets to a node: one of the leaves behind it asks for one.
const asks = nodes.map((node) => !node.function && !node.inputs.length && !node.fixed);
for (const f of data.functions ?? []) {
  asks[f] = nodes[f].inputs.some((x) => asks[x]);
  for (const y of nodes[f].users) asks[y] = asks[f];
}

function reach(starts, next, mayEnter) {
  const found = new Set(starts);
  for (const id of found) for (const other of next(nodes[id])) if (mayEnter(nodes[other])) found.add(other);
  return found; // it grew on the way
}

// From results of the order of these nodes back to them (`to`), and from them on to the leaves (`onward`). Where the
// graph has the gradients of these nodes, they are `gradients`.
function gradientWay(ids) {
  const starts = ids.filter((id) => asks[id]);
  const order = Math.max(0, ...starts.map((id) => nodes[id].order));
  const results = (data.results ?? []).filter((y) => nodes[y].order === order);
  const useful = reach(
    results,
    (node) => node.inputs,
    (node) => node.order <= order,
  );
  const to = reach(
    starts,
    (node) => node.users,
    (node) => node.order === order && asks[node.id] && useful.has(node.id),
  );
  const onward = reach(
    starts,
    (node) => node.inputs,
    (node) => asks[node.id],
  );
  const wanted = new Set(starts);
  const gradients = new Set(nodes.filter((node) => wanted.has(node.of)).map((node) => node.id));
  return { starts, to, onward, gradients };
}
