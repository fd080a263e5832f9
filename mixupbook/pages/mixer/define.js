/** What a page loads: makes `<mixup-mixer>` known. */

import { Mixer } from "./mixer.js";

if (!customElements.get("mixup-mixer")) customElements.define("mixup-mixer", Mixer);
