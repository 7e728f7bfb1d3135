// Knows where things go: it writes what is visible down in DOT and has Graphviz lay it out, in a thread of its own.
// DOT gets names and sizes alone. No text of the graph is in it; the browser measures and draws that itself.

const inches = (points) => (points / 72).toFixed(3);
const space = ({ width, height }) =>
  `<<TABLE BORDER="0" CELLBORDER="0" CELLPADDING="0" CELLSPACING="0" FIXEDSIZE="TRUE" WIDTH="${Math.ceil(width)}" ` +
  `HEIGHT="${Math.ceil(height)}"><TR><TD></TD></TR></TABLE>>`;

// In a hurry arrows are straight and boxes not quite above each other.
const HURRY = "nslimit=0.5; mclimit=0.2; splines=line; ";

function toDot(scene, measure, hurry = false) {
  const inside = new Map([[0, []]]); // open box -> what is directly in it
  const put = (thing, box) => {
    if (!inside.has(box)) {
      inside.set(box, []);
      put({ box, order: groups[box].order }, groups[box].parent);
    }
    inside.get(box).push(thing);
  };
  for (const item of scene.items.values()) put(item, item.box);
  const lines = [
    "digraph {",
    (hurry ? HURRY : "") +
      'newrank=true; ranksep=0.32; nodesep=0.28; node [shape=box fixedsize=true label=""]; edge [dir=none]',
  ];

  function write(box) {
    const members = inside.get(box);
    for (const member of members) {
      if (member.id) {
        const { width, height } = measure.item(member);
        lines.push(`${member.id} [width=${inches(width)} height=${inches(height)}]`);
      } else {
        lines.push(`subgraph cluster_g${member.box} {`);
        lines.push(`margin=12; labeljust=l; label=${space(measure.heading(groups[member.box]))}`);
        write(member.box);
        lines.push("}");
      }
    }
    for (const { id, kind, users } of members) if (kind === "aside") writeAside(id, users);
  }

  const right = new Set(); // functions with a parameter on the left already
  function writeAside(id, users) {
    const [user] = users;
    const alone = users.length === 1;
    if (alone) lines.push(`{rank=same; ${id}; ${user}}`);
    const swapped = alone && right.has(user);
    if (alone) right.add(user);
    for (const f of users) {
      lines.push(`${swapped ? `${f} -> ${id}` : `${id} -> ${f}`} [id="${id} ${f}"]`);
    }
  }

  write(0);
  for (const arrow of scene.arrows.values()) {
    let [a, b] = [arrow.source.id, arrow.target.id];
    const attributes = [`id="${arrow.id}"`];
    const fromBand = arrow.source.group?.band;
    if (arrow.source.order !== arrow.target.order) {
      if (!fromBand) attributes.push("minlen=0"); // what a gradient takes from the way there is beside it
    } else {
      if (arrow.target.order % 2 && !fromBand) [a, b] = [b, a]; // gradients flow up
      const size = measure.arrow(arrow);
      if (size) attributes.push(`label=${space(size)}`);
    }
    lines.push(`${a} -> ${b} [${attributes.join(" ")}]`);
  }
  lines.push("}");
  return lines.join("\n");
}

// ---- Graphviz

// It runs in a worker made of the text in this page, so that the page stays alive meanwhile and can stop it. It does
// one thing at a time: what is asked for last.
const graphviz = {
  code: null, // promise of the URL of the worker's script
  worker: null,
  waiting: null, // for whom it works

  unpack() {
    const packed = Uint8Array.from(atob(document.getElementById("graphviz").textContent), (c) => c.charCodeAt(0));
    const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const answer = `
      onmessage = async ({ data: { dot, format } }) => {
        try {
          self.viz ??= await Viz.instance();
          postMessage({ result: self.viz.renderString(dot, { format }) });
        } catch (error) {
          postMessage({ error: String(error?.message ?? error) });
        }
      };`;
    return new Response(unpacked).text().then((text) => URL.createObjectURL(new Blob([text, answer])));
  },

  async run(dot, format) {
    const code = await (this.code ??= this.unpack());
    if (this.waiting) this.stop();
    if (!this.worker) {
      this.worker = new Worker(code);
      this.worker.onmessage = ({ data: { result, error } }) => this.end(error, result);
      this.worker.onerror = (event) => this.end(event.message || "this browser cannot start it");
    }
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
      this.worker.postMessage({ dot, format });
    });
  },

  end(error, result) {
    const { resolve, reject } = this.waiting;
    this.waiting = null;
    if (error === undefined) resolve(result);
    else reject(new Error(error));
  },

  stop(why = "cancelled") {
    this.worker?.terminate();
    this.worker = null;
    if (this.waiting) this.end(why);
  },
};

const PATIENCE = 5000; // milliseconds for a good layout; a graph of 1,000 boxes that cross can take minutes

// The layout of a scene as Graphviz gives it, and whether that was made in a hurry: for want of time, or because a
// good one failed. With `patient` it may take as long as it likes.
async function layOutSomehow(scene, measure, patient) {
  const timer = patient ? null : setTimeout(() => graphviz.stop("slow"), PATIENCE);
  try {
    return { hurried: false, text: await graphviz.run(toDot(scene, measure), "json0") };
  } catch (error) {
    if (error.message === "cancelled") throw error;
    graphviz.stop(); // after a failure it may be in disorder
  } finally {
    clearTimeout(timer);
  }
  return { hurried: true, text: await graphviz.run(toDot(scene, measure, true), "json0") };
}

// Where everything is, in points from the top left: items by their middle, boxes by their corners, arrows as curves.
async function layOut(scene, measure, patient) {
  const { hurried, text } = await layOutSomehow(scene, measure, patient);
  const found = JSON.parse(text);
  const [, , width, height] = numbers(found.bb);
  const point = ([x, y]) => [x, height - y];
  const places = { hurried, width, height, items: new Map(), boxes: new Map(), arrows: new Map() };
  for (const each of found.objects ?? []) {
    if (each.name.startsWith("cluster_g")) {
      const [left, bottom, right, top] = numbers(each.bb);
      places.boxes.set(Number(each.name.slice(9)), {
        x: left,
        y: height - top,
        width: right - left,
        height: top - bottom,
      });
    } else if (each.pos) {
      const [x, y] = point(numbers(each.pos));
      places.items.set(each.name, { x, y, width: each.width * 72, height: each.height * 72 });
    }
  }
  for (const each of found.edges ?? []) {
    const curves = (each.pos ?? "").split(";").map((curve) =>
      curve
        .trim()
        .split(/\s+/)
        .map((p) => point(numbers(p))),
    );
    places.arrows.set(each.id, { points: curves[0], label: each.lp ? point(numbers(each.lp)) : null });
  }
  return gradientsAreLeft(scene, places) ? mirrored(places) : places;
}

// Graphviz puts gradients on either side of what they are the gradients of; they are to be on the right.
function gradientsAreLeft(scene, { items }) {
  const middle = (wanted) => {
    const all = [...scene.items.values()].filter(({ order }) => order === wanted).map(({ id }) => items.get(id).x);
    return all.reduce((a, b) => a + b, 0) / all.length; // of none it is NaN, and nothing is less than that
  };
  return middle(1) < middle(0);
}

function mirrored(places) {
  const flip = (x) => places.width - x;
  for (const item of places.items.values()) item.x = flip(item.x);
  for (const box of places.boxes.values()) box.x = flip(box.x + box.width);
  for (const arrow of places.arrows.values()) {
    arrow.points = arrow.points.map(([x, y]) => [flip(x), y]);
    if (arrow.label) arrow.label[0] = flip(arrow.label[0]);
  }
  return places;
}

const numbers = (text) => text.split(",").map(Number);
