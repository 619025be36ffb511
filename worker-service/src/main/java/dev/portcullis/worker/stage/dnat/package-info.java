/** Translates receivers. */
@NullMarked
package dev.portcullis.worker.stage.dnat;

import org.jspecify.annotations.NullMarked;
