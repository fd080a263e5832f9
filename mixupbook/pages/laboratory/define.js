/** What a page loads: makes `<mixup-laboratory>` known. */

import { Laboratory } from "./laboratory.js";

if (!customElements.get("mixup-laboratory")) customElements.define("mixup-laboratory", Laboratory);
