/** What a page loads: makes `<mixup-atlas>` known. */

import { Atlas } from "./atlas.js";

if (!customElements.get("mixup-atlas")) customElements.define("mixup-atlas", Atlas);
