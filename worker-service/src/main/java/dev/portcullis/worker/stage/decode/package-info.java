/** Reads the headers and drops what cannot be a packet. */
@NullMarked
package dev.portcullis.worker.stage.decode;

import org.jspecify.annotations.NullMarked;
