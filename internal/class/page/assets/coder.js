// Type a text, and see it encoded step by step.

import { el, byId } from "./dom.js";
import { t } from "./text.js";
import { Stepper, encode } from "./steps.js";

const most = 60; // characters

export class Coder {
  constructor() {
    this.label = el("span");
    this.input = el("input", { id: "coder-text", maxlength: most, autocomplete: "off", spellcheck: "false", oninput: () => { this.touched = true; this.show(); } });
    this.encoding = el("select", { onchange: () => this.show() }, el("option", { value: "base64" }, "base64"), el("option", { value: "quoted-printable" }, "quoted-printable"));
    this.encodingLabel = el("span");
    this.result = el("output", { class: "mono", for: "coder-text" });
    byId("coder").append(
      el("div", { class: "row" }, el("label", {}, this.label, this.input), el("label", {}, this.encodingLabel, this.encoding)),
      el("p", {}, this.result));
    this.stepper = new Stepper(byId("coder"));
    this.draw();
  }

  show() {
    const steps = encode(this.input.value, this.encoding.value);
    this.result.textContent = steps.encoded;
    this.stepper.show(steps);
  }

  draw() {
    if (!this.touched) this.input.value = t("coder-sample");
    this.label.textContent = t("coder-text");
    this.encodingLabel.textContent = t("encoding");
    this.show();
  }
}
