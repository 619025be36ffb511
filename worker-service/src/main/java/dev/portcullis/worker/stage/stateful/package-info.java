/** Follows the state of connections. */
@NullMarked
package dev.portcullis.worker.stage.stateful;

import org.jspecify.annotations.NullMarked;
