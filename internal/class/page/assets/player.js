// Pause, step and replay: moves where in the past one looks.

// A replay takes its time with each event (milliseconds), but not much more than a while for all of them.
const slowest = 700;
const fastest = 20;
const whole = 20000;

export class Player {
  #timer = 0;

  // next finds the event after a number, left counts those after it; passed is told of each event that is stepped over;
  // moved, that one looks elsewhere.
  constructor(room, { next, left, passed, moved }) {
    Object.assign(this, { room, next, left, passed, moved });
  }

  get playing() { return this.#timer !== 0; }
  get paused() { return this.room.at !== null && !this.playing; }

  pause() {
    this.#stop();
    this.room.at ??= this.room.last;
    this.moved();
  }

  resume() {
    if (this.room.at === null) return;
    this.#run();
    this.moved();
  }

  step() {
    this.#stop();
    this.room.at ??= this.room.last;
    this.#forward();
    this.moved();
  }

  replay() {
    this.#stop();
    const first = this.next(0);
    if (!first) return;
    this.room.at = first.seq - 1;
    this.#run();
    this.moved();
  }

  live() {
    this.#stop();
    this.room.at = null;
    this.moved();
  }

  #run() {
    const pace = Math.min(slowest, Math.max(fastest, whole / this.left(this.room.at)));
    this.#timer = setTimeout(() => this.#tick(), pace);
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
  }

  #tick() {
    this.#timer = 0;
    if (this.#forward()) this.#run();
    else this.room.at = null;
    this.moved();
  }

  #forward() {
    const e = this.next(this.room.at);
    if (!e) return false;
    this.room.at = e.seq;
    this.passed(e);
    return true;
  }
}
