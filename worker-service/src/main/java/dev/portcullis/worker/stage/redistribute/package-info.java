/** Chooses the worker that continues after the addresses have changed. */
@NullMarked
package dev.portcullis.worker.stage.redistribute;

import org.jspecify.annotations.NullMarked;
