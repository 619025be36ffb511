/** Translates senders, and writes the flow down. */
@NullMarked
package dev.portcullis.worker.stage.snat;

import org.jspecify.annotations.NullMarked;
