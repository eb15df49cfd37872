// Draws up to a million points: by WebGL 2 where a graphics card does it (or the points are few), else pixel by pixel. Unselected
// points are dimmed, never hidden.

/** What is drawn, in the coordinates of the data. */
export interface Cloud {
  x: Float32Array; y: Float32Array;
  /** Three bytes a point. */
  colours: Uint8Array;
  /** 1 where a point stands out; null: all do. */
  mask: Uint8Array | null;
}
/** More points than these may take longer than a frame. */
export const MANY = 20_000;
/** So many are drawn to see how fast that goes, and a graphics card draws them in a fraction of this time. */
const PROBED = 5_000, PROBED_MS = 6;
/** Of so many points one is drawn at least while the picture moves. */
export const THINNEST = 16;
/** The part of the plane that is seen: its centre, and data units a pixel. */
export interface Lens { x: number; y: number; scale: number }
export interface Pen { draw(lens: Lens, width: number, height: number, ratio: number, radius: number, every: number): void; set(cloud: Cloud): void; /** Waits until what was drawn is drawn. */ finish(): void; readonly kind: string; free(): void }

const DIM = 0.13;

const VERTEX = `#version 300 es
in vec2 place; in vec3 colour; in float stands;
uniform vec2 centre, size; uniform float scale, radius, pass;
out vec4 tint;
void main() {
  vec2 at = (place - centre) / scale * 2.0 / size;
  gl_Position = stands == pass ? vec4(at, 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = 2.0 * radius + 1.0;
  tint = vec4(colour, pass > 0.5 ? 0.85 : ${DIM});
}`;
const FRAGMENT = `#version 300 es
precision highp float;
in vec4 tint; uniform float radius; out vec4 ink;
void main() {
  float away = length(gl_PointCoord - 0.5) * (2.0 * radius + 1.0);
  float cover = clamp(radius + 0.5 - away, 0.0, 1.0);
  ink = vec4(tint.rgb, 1.0) * (tint.a * cover);
}`;

function webgl(canvas: HTMLCanvasElement): Pen | null {
  const gl = canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true, preserveDrawingBuffer: true });
  if (!gl) return null;
  const program = gl.createProgram()!;
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
    const shader = gl.createShader(kind)!;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return null;
  gl.useProgram(program);
  const buffers = ["place", "colour", "stands"].map((name) => ({ at: gl.getAttribLocation(program, name), buffer: gl.createBuffer() }));
  const uniform = (name: string) => gl.getUniformLocation(program, name);
  const [centre, size, scale, radius, pass] = ["centre", "size", "scale", "radius", "pass"].map(uniform);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  let count = 0, dims = false, was: Partial<Cloud> = {};
  const fill = (which: number, data: ArrayBufferView) => {
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers[which].buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
  };
  /** One point of `every` is read: the others are stepped over. */
  const point = (every: number) => {
    for (const [which, width, type, bytes, normal] of [[0, 2, gl.FLOAT, 8, false], [1, 3, gl.UNSIGNED_BYTE, 3, true], [2, 1, gl.UNSIGNED_BYTE, 1, false]] as const) {
      const { at, buffer } = buffers[which];
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, width, type, normal, bytes * every, 0);
    }
  };
  return {
    kind: "webgl2",
    set(cloud) {
      count = cloud.x.length;
      if (cloud.x !== was.x || cloud.y !== was.y) {
        const places = new Float32Array(2 * count);
        for (let i = 0; i < count; i++) { places[2 * i] = cloud.x[i]; places[2 * i + 1] = cloud.y[i]; }
        fill(0, places);
      }
      if (cloud.colours !== was.colours) fill(1, cloud.colours);
      dims = cloud.mask !== null;
      if (cloud.mask !== was.mask || was.x === undefined || count !== was.x.length) fill(2, cloud.mask ?? new Uint8Array(count).fill(1));
      was = cloud;
    },
    draw(lens, width, height, ratio, r, every) {
      point(every);
      gl.viewport(0, 0, width * ratio, height * ratio);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.uniform2f(centre, lens.x, lens.y);
      gl.uniform2f(size, width, height);
      gl.uniform1f(scale, lens.scale);
      gl.uniform1f(radius, r * ratio);
      for (const stage of dims ? [0, 1] : [1]) {
        gl.uniform1f(pass, stage);
        gl.drawArrays(gl.POINTS, 0, Math.ceil(count / every));
      }
    },
    finish() { gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4)); },
    free() { gl.getExtension("WEBGL_lose_context")?.loseContext(); },
  };
}

function pixels(canvas: HTMLCanvasElement): Pen {
  const pen = canvas.getContext("2d")!;
  let cloud: Cloud | null = null, inks = new Uint32Array(0), image: ImageData | null = null;
  return {
    kind: "canvas",
    set(next) {
      if (next.colours !== cloud?.colours) {
        inks = new Uint32Array(next.x.length);
        for (let i = 0; i < inks.length; i++) inks[i] = (next.colours[3 * i + 2] << 16) | (next.colours[3 * i + 1] << 8) | next.colours[3 * i];
      }
      cloud = next;
    },
    draw(lens, width, height, ratio, radius, every) {
      if (!cloud) return;
      const [w, h] = [canvas.width, canvas.height], { x, y, mask } = cloud;
      if (image?.width !== w || image.height !== h) image = pen.createImageData(w, h);
      const words = new Uint32Array(image.data.buffer).fill(0);
      const side = Math.max(1, Math.round(2 * radius * ratio)), zoom = ratio / lens.scale, [right, bottom] = [w - side, h - side];
      const [left, top] = [w / 2 - side / 2 + 0.5 - lens.x * zoom, h / 2 - side / 2 + 0.5 + lens.y * zoom];
      for (const stage of mask ? [0, 1] : [1]) {
        const alpha = (stage ? 225 : 255 * 2 * DIM) << 24;
        for (let i = 0; i < x.length; i += every) {
          if (mask && mask[i] !== stage) continue;
          const px = x[i] * zoom + left, py = top - y[i] * zoom;
          if (!(px >= 0 && py >= 0 && px < right && py < bottom)) continue;
          const ink = alpha | inks[i];
          for (let row = 0, start = (py | 0) * w + (px | 0); row < side; row++, start += w) for (let at = start; at < start + side; at++) words[at] = ink;
        }
      }
      pen.putImageData(image, 0, 0);
    },
    finish() {},
    free() {},
  };
}

/** Is it a graphics card? A processor that plays one takes microseconds a point, where a plain loop takes nanoseconds. */
function isFast(pen: Pen): boolean {
  const time = (points: number) => {
    const x = new Float32Array(points).map((_, i) => Math.sin(i)), y = x.map((_, i) => Math.cos(7 * i));
    pen.set({ x, y, colours: new Uint8Array(3 * points), mask: null });
    const start = performance.now();
    pen.draw({ x: 0, y: 0, scale: 0.01 }, 300, 150, 1, 1, 1);
    pen.finish();
    return performance.now() - start;
  };
  // Shaders are compiled when they are first used. What seems slow may have been disturbed, but not by as much each time.
  time(16);
  for (let tries = 0; tries < 3; tries++) {
    const took = time(PROBED);
    if (took < PROBED_MS) return true;
    if (took > 3 * PROBED_MS) return false;
  }
  return false;
}

/** A pen for so many points; `?canvas` in the address shows the page without WebGL. */
export function makePen(canvas: HTMLCanvasElement, points: number): Pen {
  if (new URLSearchParams(location.search).has("canvas")) return pixels(canvas);
  // Tried on another canvas first: one that has been asked for WebGL gives no other context.
  const tried = webgl(document.createElement("canvas")), serves = tried && (points <= MANY || isFast(tried));
  tried?.free();
  return (serves && webgl(canvas)) || pixels(canvas);
}

/** Finds the point that is nearest to a place: points are sorted into cells once. */
export class Grid {
  private readonly starts: Uint32Array;
  private readonly order: Uint32Array;
  private readonly side: number;
  readonly bounds: { left: number; right: number; low: number; high: number };

  constructor(private readonly x: Float32Array, private readonly y: Float32Array) {
    const n = x.length, bounds = { left: Infinity, right: -Infinity, low: Infinity, high: -Infinity };
    for (let i = 0; i < n; i++) {
      if (x[i] < bounds.left) bounds.left = x[i];
      if (x[i] > bounds.right) bounds.right = x[i];
      if (y[i] < bounds.low) bounds.low = y[i];
      if (y[i] > bounds.high) bounds.high = y[i];
    }
    this.bounds = bounds;
    this.side = Math.max(1, Math.min(1024, Math.floor(Math.sqrt(n / 4))));
    this.starts = new Uint32Array(this.side ** 2 + 1);
    this.order = new Uint32Array(n);
    const cells = new Uint32Array(n);
    for (let i = 0; i < n; i++) this.starts[(cells[i] = this.row(y[i]) * this.side + this.column(x[i])) + 1]++;
    for (let cell = 0; cell < this.side ** 2; cell++) this.starts[cell + 1] += this.starts[cell];
    const next = this.starts.slice();
    for (let i = 0; i < n; i++) this.order[next[cells[i]]++] = i;
  }
  private cell(value: number, low: number, high: number) {
    return Math.min(this.side - 1, Math.max(0, Math.floor(high > low ? ((value - low) / (high - low)) * this.side : 0)));
  }
  private column(x: number) { return this.cell(x, this.bounds.left, this.bounds.right); }
  private row(y: number) { return this.cell(y, this.bounds.low, this.bounds.high); }

  nearest(x: number, y: number, within: number): number | null {
    let best: number | null = null, reach = within * within;
    for (let row = this.row(y - within); row <= this.row(y + within); row++) {
      for (let column = this.column(x - within); column <= this.column(x + within); column++) {
        const cell = row * this.side + column;
        for (let at = this.starts[cell]; at < this.starts[cell + 1]; at++) {
          const i = this.order[at], away = (this.x[i] - x) ** 2 + (this.y[i] - y) ** 2;
          if (away < reach) [best, reach] = [i, away];
        }
      }
    }
    return best;
  }
}
