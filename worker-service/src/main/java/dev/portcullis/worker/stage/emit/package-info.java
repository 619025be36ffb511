/** Sends packets and outcomes on their way. */
@NullMarked
package dev.portcullis.worker.stage.emit;

import org.jspecify.annotations.NullMarked;
